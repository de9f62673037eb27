//! The five modes of a call, and the spelling of those who come from Python.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::time::SystemTime;

use daffi::modifiers::{BG, BROADCAST, FG, NO_RETURN, PERIOD};
use daffi::prelude::*;

/// Adds two numbers.
#[callback]
async fn add(ctx: &Context, a: i64, b: i64) -> i64 {
    println!("  {}: {a} + {b}", ctx.node_name());
    a + b
}

/// Waits until the schedule has ended.
async fn ended(schedule: Schedule) -> daffi::Result<()> {
    while schedule.show().await?.is_some() {
        tokio::time::sleep(millis(20)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://modes";
    let _controller = Controller::bind(url).await?;
    let _worker1 = daffi::connect(url).name("worker1").await?;
    let _worker2 = daffi::connect(url).name("worker2").await?;
    let node = daffi::connect(url).name("caller").registry(Registry::new()).await?;

    println!("FG: waits for the result");
    println!("{}", add::call(&node, 1, 2).timeout(secs(15)).await?);

    println!("BG: goes on, and asks for the result later");
    let job = add::call(&node, 3, 4).eta(millis(100)).bg();
    println!("meanwhile");
    println!("{}", job.await?);

    println!("NO RETURN: over once the mesh has taken it");
    add::call(&node, 5, 6).no_return().await?;

    println!("PERIOD: again and again, or at instants");
    ended(add::call(&node, 7, 8).every(millis(100)).times(2).await?).await?;
    let soon = SystemTime::now() + millis(100);
    ended(add::call(&node, 9, 10).at([soon, soon + millis(100)]).await?).await?;

    println!("BROADCAST: one outcome from each node");
    for (worker, sum) in add::call(&node, 11, 12).broadcast().timeout(secs(15)).await? {
        println!("{worker}: {}", sum?);
    }

    println!("the same, as daffi for Python spells it");
    println!("{}", (add::call(&node, 1, 2) & FG.timeout(secs(15))).await?);
    println!("{}", (add::call(&node, 3, 4) & BG.eta(millis(100))).await?);
    (add::call(&node, 5, 6) & NO_RETURN).await?;
    (add::call(&node, 7, 8) & PERIOD(secs(3600))).await?.cancel().await?;
    println!("{} nodes", (add::call(&node, 11, 12) & BROADCAST).await?.len());
    Ok(())
}
