#![deny(unused_must_use)]

use daffi::{Node, remote};

#[remote]
fn ping();

fn forgotten(node: &Node) {
    ping::call(node);
}

fn main() {}
