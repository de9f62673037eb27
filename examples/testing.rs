//! Tests of a service of one's own: minutes pass in no time, links break, a process dies. In a project of yours each
//! test has `#[tokio::test(start_paused = true)]`; here `main` runs them and prints what happened.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::callbacks;
use daffi::prelude::*;
use daffi::testing::Mesh;

/// Fetches an item from the shelf of a warehouse, which takes two minutes.
#[callback]
async fn fetch(ctx: &Context, item: String) -> String {
    tokio::time::sleep(secs(120)).await;
    format!("{item} from {}", ctx.node_name())
}

/// What is tested: a shop that asks another warehouse if one is lost.
async fn order(shop: &Node, item: &str) -> daffi::Result<String> {
    loop {
        match fetch::call(shop, item.to_owned()).timeout(secs(300)).await {
            Err(Error::Call(CallError::NodeLost { node, .. })) => println!("  {node} was lost, asking again"),
            outcome => return outcome,
        }
    }
}

async fn an_order_outlives_a_warehouse() -> daffi::Result<()> {
    let mesh = Mesh::new().await?;
    let _east = warehouse(&mesh, "east").await?;
    let shop = mesh.node("shop").registry(callbacks![]).await?;
    let ordered = tokio::spawn(async move { order(&shop, "tea").await });
    mesh.advance(secs(60)).await;

    let _west = warehouse(&mesh, "west").await?;
    mesh.kill("east");

    println!("  {}", ordered.await.expect("it does not panic")?);
    Ok(())
}

async fn an_order_outlives_a_link_that_breaks_for_a_moment() -> daffi::Result<()> {
    let mesh = Mesh::new().await?;
    let _east = warehouse(&mesh, "east").await?;
    let shop = mesh.node("shop").registry(callbacks![]).await?;
    let ordered = tokio::spawn(async move { order(&shop, "tea").await });
    mesh.advance(secs(60)).await;

    mesh.cut("east");
    mesh.advance(secs(3)).await;
    mesh.heal("east");

    println!("  {}", ordered.await.expect("it does not panic")?);
    Ok(())
}

async fn an_order_ends_in_time_when_a_warehouse_hangs() -> daffi::Result<()> {
    let mesh = Mesh::new().await?;
    let _east = warehouse(&mesh, "east").await?;
    let shop = mesh.node("shop").registry(callbacks![]).await?;
    mesh.freeze("east");

    let error = order(&shop, "tea").await.expect_err("nobody answers");

    assert_eq!(error.ran(), Ran::Maybe);
    println!("  {error}");
    Ok(())
}

async fn warehouse(mesh: &Mesh, name: &str) -> daffi::Result<Node> {
    mesh.node(name).registry(callbacks![fetch]).await
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> daffi::Result<()> {
    println!("an order outlives a warehouse");
    an_order_outlives_a_warehouse().await?;
    println!("an order outlives a link that breaks for a moment");
    an_order_outlives_a_link_that_breaks_for_a_moment().await?;
    println!("an order ends in time when a warehouse hangs");
    an_order_ends_in_time_when_a_warehouse_hangs().await
}
