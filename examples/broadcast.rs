//! A broadcast of which some fail: each node has an outcome of its own, and none costs another's.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;

/// The load of this machine, if it can be told.
#[callback]
async fn load(ctx: &Context) -> Result<f64, String> {
    match ctx.node_name().as_str() {
        "broken" => Err("there is no sensor".into()),
        "stuck" => std::future::pending().await,
        name => Ok(name.len() as f64 / 10.0),
    }
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://broadcast";
    let _controller = Controller::bind(url).await?;
    let mut nodes = Vec::new();
    for name in ["web", "store", "broken", "stuck"] {
        nodes.push(daffi::connect(url).name(name).await?);
    }
    let node = daffi::connect(url).name("caller").registry(Registry::new()).await?;
    let loads = || load::call(&node).broadcast().timeout(millis(200));

    // All of them: what came in time is there, and why the others have nothing.
    for (name, outcome) in loads().await? {
        match outcome {
            Ok(load) => println!("{name}: {load}"),
            Err(error) => println!("{name}: {error}, code {}, ran: {:?}", error.code(), error.ran()),
        }
    }

    // All or nothing.
    if let Err(error) = loads().await?.all_ok() {
        println!("not all: {error}");
    }

    // Two at least, or an error.
    let enough = loads().at_least(2).await?;
    println!("enough: {} values of {}", enough.iter().filter(|(_, load)| load.is_ok()).count(), enough.len());

    // The first two values: nobody waits for the one that is stuck, and it is cancelled.
    let first = load::call(&node).broadcast().no_timeout().first(2).await?;
    println!("the first: {:?}", first.iter().map(|(name, _)| name).collect::<Vec<_>>());

    // As they come.
    let mut outcomes = loads().stream();
    while let Some((name, outcome)) = outcomes.next().await {
        println!("as they come: {name}, {}", if outcome.is_ok() { "a value" } else { "an error" });
    }

    // A node that leaves is no longer asked; without a return nobody waits for any.
    nodes.pop();
    load::call(&node).broadcast().no_return().await?;
    Ok(())
}
