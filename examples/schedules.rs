//! Schedules: made, named, listed, paused and cancelled. They live in the controller, and not in whoever made them.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::time::SystemTime;

use daffi::prelude::*;

/// Says that it runs, and for whom.
#[callback]
async fn tick(ctx: &Context, what: String) {
    println!("  {what}, made by {}", ctx.caller());
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let url = "memory://schedules";
    let _controller = Controller::bind(url).await?;
    let _worker = daffi::connect(url).name("worker").await?;
    let maker = daffi::connect(url).name("maker").registry(Registry::new()).await?;

    // At a fixed rate: the next is due one period after the last was, however long that took.
    tick::call(&maker, "every 100 ms, three times".into()).every(millis(100)).times(3).await?;
    // At instants.
    let now = SystemTime::now();
    maker.tell("tick", ("at its instant",)).at([now + millis(150), now + millis(250)]).await?;
    // Made twice under one name, it is one schedule: a program may make it at each start.
    let nightly = || tick::call(&maker, "nightly".into()).every(secs(24 * 3600)).named("nightly");
    let (one, again) = (nightly().await?, nightly().await?);
    println!("one and the same: {}", one.id == again.id);

    // They go on without whoever made them, and may be managed from anywhere.
    maker.stop().await?;
    let other = daffi::connect(url).name("other").registry(Registry::new()).await?;
    for schedule in other.schedules().await? {
        println!("schedule {} of {}: {:?} runs to come", schedule.id, schedule.callback, schedule.remaining);
    }
    while other.schedules().await?.len() > 1 {
        tokio::time::sleep(millis(20)).await;
    }

    // Paused it makes no runs; cancelled it is gone.
    if let Some(nightly) = other.schedule(one.id).await? {
        println!("paused: {}", nightly.pause().await?);
        println!("resumed: {}", nightly.resume().await?);
        println!("cancelled after {:?} runs", nightly.cancel().await?.map(|entry| entry.runs));
    }

    // One that ends with its guard.
    let guard = tick::call(&other, "as long as the guard".into()).every(millis(50)).await?.cancel_on_drop();
    tokio::time::sleep(millis(120)).await;
    drop(guard);
    while !other.schedules().await?.is_empty() {
        tokio::time::sleep(millis(20)).await;
    }
    println!("no schedules are left");
    Ok(())
}
