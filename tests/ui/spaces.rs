use std::collections::{BTreeMap, BTreeSet};

use daffi::Space;
use daffi::datatypes::space::{By, Where};

#[derive(Space)]
struct Friend {
    #[key]
    username: String,
    first: String,
    views: i64,
    friends: BTreeSet<String>,
}

#[derive(Space)]
struct Other {
    #[key]
    id: i64,
    views: i64,
}

#[derive(Space)]
struct Keyless {
    first: String,
}

#[derive(Space)]
#[space(indexed(first))]
struct Misspelt {
    #[key]
    username: String,
}

#[derive(Space)]
#[space(index(last))]
struct Unknown {
    #[key]
    username: String,
    day: i64,
}

#[derive(Space)]
struct Unnamed(String);

#[derive(Space)]
struct Untyped {
    #[key]
    username: String,
    age: u8,
}

#[derive(Space)]
struct Floating {
    #[key]
    username: String,
    scores: BTreeSet<f64>,
    names: BTreeMap<f64, String>,
}

#[derive(Space)]
struct Listed {
    #[key]
    names: Vec<String>,
}

fn number_of_a_string() {
    let _ = Friend::first().add(1);
}

fn string_of_a_number() {
    let _ = Friend::views().append("x");
}

fn key_that_is_written() {
    let _ = Friend::username().set("x");
}

fn of_another_space() -> Where<Friend> {
    Friend::views().eq(1) & Other::views().eq(1)
}

fn order_of_a_set() -> By<Friend> {
    Friend::friends().ascending()
}

fn order_of_another_space() -> By<Friend> {
    Other::views().descending()
}

fn main() {}
