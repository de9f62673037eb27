//! A pool of workers: several nodes offer one callback, each runs so many calls of it at a time, and a call goes to the
//! node that has the least to do.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::collections::BTreeMap;

use daffi::prelude::*;
use futures::stream;

/// Resizes an image, says the example; it takes some time. Who did it. Each worker does two at a time, and what is lost
/// with its worker another one may do again.
#[callback(concurrency = 2, idempotent)]
async fn resize(ctx: &Context, image: u32) -> String {
    tokio::time::sleep(millis(20 + u64::from(image % 3) * 10)).await;
    ctx.node_name().to_string()
}

/// Sends so many images through the pool, at most 8 at a time, and says who resized how many.
async fn resize_all(node: &Node, images: u32) -> daffi::Result<()> {
    let calls = stream::iter((0..images).map(|image| resize::call(node, image).retry(3).into_future()));
    // The stream is polled only as fast as workers answer: nobody's queue grows.
    let workers: Vec<String> = calls.buffer_unordered(8).try_collect().await?;
    let mut shares = BTreeMap::new();
    for worker in workers {
        *shares.entry(worker).or_insert(0) += 1;
    }
    println!("{images} images: {shares:?}");
    Ok(())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let _controller = Controller::bind("memory://pool").await?;
    let worker = |name: &str| daffi::connect("memory://pool").name(name);

    // Nobody is told who the workers are: they come and go, and calls find them by the name of the callback.
    let (anna, bert, _carl) = (worker("anna").await?, worker("bert").await?, worker("carl").await?);
    let node = worker("caller").registry(Registry::new()).await?;
    resize_all(&node, 60).await?;

    // Some callers want one worker for all that belongs together, such as one that has it cached.
    for user in ["x", "y"] {
        let first = resize::call(&node, 1).key(user).await?;
        let second = resize::call(&node, 2).key(user).await?;
        println!("user {user}: {first}, and again {second}");
    }

    // In the midst of it a worker stops, which finishes what it runs, and another is lost. Nothing is missing.
    let (resized, stopped) = tokio::join!(resize_all(&node, 60), async {
        tokio::time::sleep(millis(70)).await;
        drop(bert);
        anna.stop().await
    });
    resized.and(stopped)
}
