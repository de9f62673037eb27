use daffi::{callback, remote};

#[callback(name = "")]
fn empty() {}

#[callback(name = "two words")]
fn spaced() {}

#[callback(name = "a=b")]
fn assigned() {}

#[callback(name = "daffi.stats")]
fn reserved() {}

#[callback(
    name = "a.name.of.more.than.one.hundred.and.twenty.eight.bytes.fills.a.line.of.the.terminal.and.spills.over.into.the.next.one.which.nobody.reads"
)]
fn long() {}

#[remote(name = "it's")]
fn quoted();

fn main() {}
