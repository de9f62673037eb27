use daffi::{Incoming, Stream, callback};

#[callback]
fn blocking(items: Incoming<u8>) {
    drop(items);
}

#[callback]
async fn two(first: Incoming<u8>, second: Incoming<u8>) {
    drop((first, second));
}

#[callback(inline)]
async fn inline() -> impl Stream<Item = u8> {
    futures::stream::empty()
}

#[callback]
async fn borrowed() -> impl Stream<Item = &'static str> {
    futures::stream::empty()
}

#[callback]
async fn infallible() -> impl Stream<Item = u8> {
    futures::stream::empty()
}

async fn wrong(node: daffi::Node) {
    let _items: daffi::ItemStream<String> = infallible::call(&node).stream();
}

fn main() {}
