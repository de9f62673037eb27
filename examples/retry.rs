//! Calls that are made again when they fail, or on a second node when they take long, but never so that something runs
//! twice that must not.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use daffi::{Retry, prelude::*};
use tokio::sync::Notify;

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
    begin_and_last(60).await;
}

/// Adds up an account, which does no harm if it is done twice. Every other time it takes long.
#[callback(idempotent)]
async fn balance(ctx: &Context) -> String {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    println!("  balance runs at {}", ctx.node_name());
    let is_slow = RUNS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
    begin_and_last(if is_slow { 60 } else { 0 }).await;
    format!("100, says {}", ctx.node_name())
}

async fn begin_and_last(seconds: u32) {
    BEGUN.notify_one();
    tokio::time::sleep(secs(seconds)).await;
}

static BEGUN: Notify = Notify::const_new();

async fn callee(name: &str) -> daffi::Result<Node> {
    daffi::connect("memory://retry").name(name).await
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let _controller = Controller::bind("memory://retry").await?;
    let node = daffi::connect("memory://retry").name("caller").registry(Registry::new()).await?;

    println!("nobody offers it yet: it has not run, and is made again");
    let begun = Instant::now();
    let (ran, first) = tokio::join!(gamble::call(&node).retry(10).into_future(), async {
        tokio::time::sleep(millis(100)).await;
        callee("first").await
    });
    let first = first?;
    println!("  after {} ms it ran, and failed: that is its answer", begun.elapsed().as_millis());
    println!("  {}", ran.expect_err("it has no luck"));

    println!("it may have run: it is not made again");
    let (lost, ()) = tokio::join!(transfer::call(&node, 100).retry(10).into_future(), async {
        BEGUN.notified().await;
        drop(first);
    });
    println!("  {}", lost.expect_err("its node is gone"));

    println!("it may have run, but is idempotent: it is made again");
    let first = callee("first").await?;
    let (found, second) = tokio::join!(balance::call(&node).retry(10).into_future(), async {
        BEGUN.notified().await;
        drop(first);
        callee("second").await
    });
    println!("  {}", found?);

    println!("it takes long, and is idempotent: a second node is asked, and the slower one told to stop");
    let (_second, _third) = (second?, callee("third").await?);
    println!("  {}", balance::call(&node).hedge_after(millis(100)).await?);

    println!("all attempts share one timeout");
    let often = Retry::times(1_000).delays(millis(20)..=millis(50));
    let error =
        node.call::<()>("nothing", ()).retry(often).timeout(millis(300)).await.expect_err("nobody offers it");
    println!("  {error}");
    Ok(())
}
