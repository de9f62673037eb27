//! A controller within a program, so that nothing else has to be started first: with a node in one go, and by hand.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;

/// Adds two numbers, and says where.
#[callback]
async fn add(ctx: &Context, a: i64, b: i64) -> String {
    format!("{a} + {b} = {} at {}", a + b, ctx.node_name())
}

/// The controller and a node with callbacks: others are let in once those are there.
async fn in_one_go(url: &str) -> daffi::Result<()> {
    let hub = daffi::connect(url).name("hub").registry(callbacks![add]).with_controller().await?;
    let guest = daffi::connect(&hub.url()).name("guest").registry(callbacks![]).await?;

    println!("{}", add::call(&guest, 4, 6).await?);
    println!("{}", add::call(&hub, 1, 2).await?); // its own callback serves it, since nobody else has it

    // The controller stops with its node, and tells the others.
    hub.stop().await?;
    guest.join().await?;
    println!("the hub has stopped, and the guest knows");
    Ok(())
}

/// A controller at two addresses, and as many nodes beside it as one likes.
async fn by_hand(url: &str) -> daffi::Result<()> {
    let controller = Controller::bind(url).also("memory://inside").await?;
    println!("listening on {}", controller.urls().join(" and "));
    let inside = daffi::connect("memory://inside").name("inside").registry(callbacks![add]).await?;
    let outside = daffi::connect(url).name("outside").registry(callbacks![]).await?;

    println!("{}", add::call(&outside, 4, 6).await?);
    for node in outside.nodes().await? {
        println!("{}, with {} callbacks", node.name, node.callbacks);
    }
    println!("the controller has taken {} calls", controller.stats()["calls_started"]);

    // Running calls finish, for up to a second; then all nodes are told goodbye.
    controller.drain(secs(1)).await;
    inside.join().await?;
    outside.join().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let url = format!("unix://{}", directory.path().join("controller.sock").display());
    in_one_go(&url).await?;
    by_hand(&url).await?;
    Ok(())
}
