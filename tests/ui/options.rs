use daffi::{callback, remote};

#[callback(nmae = "a.b")]
fn misspelt() {}

#[callback(timeuot = "5s", concurency = 4, idempotnet, on_cancle = "finish")]
fn misspelt_too() {}

#[callback(retries = 3)]
fn unknown() {}

#[callback(name)]
fn without_value() {}

#[callback(name = 7)]
fn not_a_text() {}

#[callback(inline = true)]
async fn with_value() {}

#[callback(inline)]
fn plain() {}

#[callback(name = "a", name = "b")]
fn twice() {}

#[callback("a")]
fn not_an_option() {}

#[callback(prefix = "shop")]
fn prefixed() {}

#[remote(timeout = "5s", idempotent)]
fn declared();

fn main() {}
