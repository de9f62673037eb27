use daffi::{Stream, callback};

#[callback(timeout = "5")]
fn no_unit() {}

#[callback(timeout = 5)]
fn no_text() {}

#[callback(timeout = "5 fortnights")]
fn no_known_unit() {}

#[callback(timeout = "soon")]
fn no_duration() {}

#[callback(timeout = "0s")]
fn no_time() {}

#[callback(concurrency = 0)]
fn none_at_a_time() {}

#[callback(concurrency = "4")]
fn no_number() {}

#[callback(concurrency = -4)]
fn less_than_none() {}

#[callback(on_cancel = "finnish")]
async fn another_language() {}

#[callback(on_cancel)]
async fn no_way() {}

#[callback(idempotent = true)]
fn with_value() {}

#[callback(blocking)]
fn already() {}

#[callback(inline, blocking)]
async fn both() {}

#[callback(inline, concurrency = 4)]
async fn in_turn() {}

#[callback(inline)]
fn plain_stream() -> impl Stream<Item = u8> {
    futures::stream::empty()
}

fn main() {}
