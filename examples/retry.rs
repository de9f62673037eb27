//! Calls that are made again when they fail, as long as nothing runs twice that must not.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::time::Instant;

use daffi::{Retry, prelude::*};

/// Adds two numbers.
#[callback]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Has no luck.
#[callback]
async fn gamble() -> Result<i64, String> {
    println!("  gamble runs");
    Err("no luck".into())
}

/// Takes a while; somebody pulls the plug meanwhile.
#[callback]
async fn transfer(amount: u32) {
    println!("  transfer of {amount} begins");
    PLUG.notify_one();
    tokio::time::sleep(secs(60)).await;
}

static PLUG: tokio::sync::Notify = tokio::sync::Notify::const_new();

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let _controller = Controller::bind("memory://retry").await?;
    let node = daffi::connect("memory://retry").name("caller").registry(Registry::new()).await?;
    let callee = || daffi::connect("memory://retry").name("callee");

    println!("nobody offers it yet: it has not run, and is tried again");
    let begun = Instant::now();
    let (sum, callee) = tokio::join!(add::call(&node, 4, 6).retry(10).into_future(), async {
        tokio::time::sleep(millis(100)).await;
        callee().await
    });
    println!("  {} after {} ms", sum?, begun.elapsed().as_millis());
    let callee = callee?;

    println!("it ran, and failed: that is its answer");
    println!("  {}", gamble::call(&node).retry(10).await.expect_err("it has no luck"));

    println!("it may have run: only what is idempotent is made again");
    let (lost, ()) = tokio::join!(transfer::call(&node, 100).retry(10).into_future(), async {
        PLUG.notified().await;
        drop(callee);
    });
    println!("  {}", lost.expect_err("its node is gone"));

    println!("all attempts share one timeout");
    let often = Retry::times(1_000).delays(millis(20)..=millis(50));
    let error = add::call(&node, 4, 6).retry(often).timeout(millis(300)).await.expect_err("nobody offers it");
    println!("  {error}");
    Ok(())
}
