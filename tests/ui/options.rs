use daffi::callback;

#[callback(nmae = "a.b")]
fn misspelt() {}

#[callback(timeout = "5s")]
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

fn main() {}
