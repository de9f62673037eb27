use daffi::{callback, remote};

#[callback]
fn declared(a: i64) -> i64;

#[remote]
fn defined(a: i64) -> i64 {
    a
}

fn main() {}
