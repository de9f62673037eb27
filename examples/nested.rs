//! Callbacks that call callbacks: on other nodes, on their caller, to any depth, and in no more time than they have.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;

/// What an item costs: asks the bank for the rate, and its caller for a discount.
#[callback]
async fn price(ctx: &Context, item: String) -> daffi::Result<f64> {
    let node = ctx.node(); // whose calls have no more time than this one
    let rate = rate::call(&node, "EUR".into()).await?;
    let discount = discount::call(&node, item).on(ctx.caller().as_str()).await?;
    Ok(100.0 * rate * (1.0 - discount))
}

/// What one unit of a currency is worth.
#[callback]
async fn rate(ctx: &Context, currency: String) -> Result<f64, String> {
    println!("{}: {} asks for {currency}", ctx.node_name(), ctx.caller());
    if currency == "EUR" { Ok(1.25) } else { Err(format!("no rate of {currency}")) }
}

/// The share of the price that the caller of `price` need not pay.
#[callback]
async fn discount(ctx: &Context, item: String) -> f64 {
    println!("{}: {} asks for the discount on {item}", ctx.node_name(), ctx.caller());
    0.2
}

/// Goes to and fro between two nodes, and gives back how deep it went.
#[callback]
async fn descend(ctx: &Context, depth: u32) -> daffi::Result<u32> {
    if depth == 0 {
        return Ok(0);
    }
    Ok(1 + descend::call(&ctx.node(), depth - 1).await?)
}

/// Takes as long as it is given, and passes the wait on.
#[callback]
async fn wait_long(ctx: &Context) -> daffi::Result<()> {
    println!("{}: at most {:?} are left", ctx.node_name(), ctx.remaining().unwrap_or_default());
    ctx.node().call::<()>("wait_for_ever", ()).timeout(secs(3600)).await
}

#[callback]
async fn wait_for_ever() {
    std::future::pending().await
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://nested";
    let _controller = Controller::bind(url).await?;
    let _shop = daffi::connect(url).name("shop").registry(callbacks![price, descend, wait_long]).await?;
    let _bank = daffi::connect(url).name("bank").registry(callbacks![rate, descend, wait_for_ever]).await?;
    let node = daffi::connect(url).name("customer").registry(callbacks![discount]).await?;

    println!("it costs {}", price::call(&node, "tea".into()).await?);
    println!("two hundred calls deep: {}", descend::call(&node, 200).await?);
    // The time of the first call is that of all: nothing is left of them when it is up.
    match wait_long::call(&node).timeout(millis(200)).await {
        Ok(()) => println!("it ended"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
