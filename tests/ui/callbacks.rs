use daffi::{callbacks, remote};

#[remote]
fn elsewhere(a: i64) -> i64;

fn list() -> Vec<daffi::Callback> {
    callbacks![elsewhere]
}

fn main() {}
