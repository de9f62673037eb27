//! Streams: a callback that returns one, a callback that takes one, and one that does both.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;
use daffi::{Incoming, Stream};
use futures::stream;

/// The numbers from 0 to `n`, made only as fast as the caller takes them.
#[callback]
async fn numbers(n: u64) -> impl Stream<Item = u64> {
    stream::iter(0..n)
}

/// Adds up whatever the caller feeds.
#[callback]
async fn sum(mut items: Incoming<u64>) -> daffi::Result<u64> {
    let mut sum = 0;
    while let Some(item) = items.next().await {
        sum += item?;
    }
    Ok(sum)
}

/// Answers each line as it comes; an error is the last item.
#[callback]
fn shout(lines: Incoming<String>) -> impl Stream<Item = Result<String, String>> {
    lines.map(|line| match line {
        Ok(line) if line.is_empty() => Err("there is nothing to shout".to_owned()),
        Ok(line) => Ok(line.to_uppercase()),
        Err(error) => Err(error.to_string()),
    })
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let _controller = Controller::bind("memory://streams").await?;
    let _callee = daffi::connect("memory://streams").name("callee").await?;
    let node = daffi::connect("memory://streams").name("caller").registry(Registry::new()).await?;

    let mut items = numbers::call(&node, u64::MAX).stream();
    while let Some(item) = items.next().await {
        let item = item?;
        println!("{item}");
        if item == 3 {
            break;
        }
    }
    // Dropped before its end, the stream is cancelled where it is made.
    drop(items);

    // Not declared, with the type of the items named, and a time for each of them.
    let items = node.call::<u64>("numbers", (5,)).stream().item_timeout(secs(1));
    println!("{:?}", items.try_collect::<Vec<_>>().await?);

    println!("{}", sum::call(&node, stream::iter(1..=100)).await?);
    println!("{}", node.call::<u64>("sum", ()).feed(stream::iter([4u64, 6])).await?);

    let lines = stream::iter(["one", "two", "", "three"].map(str::to_owned));
    let mut answers = shout::call(&node, lines).stream();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
