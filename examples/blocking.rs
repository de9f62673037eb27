//! Threads all the way: no async, no runtime of one's own. A controller and two nodes, all in this process.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::thread;

use daffi::blocking;
use daffi::prelude::*;
use daffi::{Incoming, Stream};

/// Adds 2 numbers and returns their sum.
#[callback]
fn func3(a: i64, b: i64) -> i64 {
    thread::sleep(millis(100)); // a long job
    a + b
}

/// Adds 3 numbers: a plain function may wait for calls of its own.
#[callback]
fn sum3(ctx: &Context, a: i64, b: i64, c: i64) -> daffi::Result<i64> {
    let node = ctx.node().blocking();
    func3::call(&node, func3::call(&node, a, b).blocking().fg()?, c).blocking().fg()
}

/// The load of this machine.
#[callback]
fn load() -> f64 {
    0.5
}

/// The numbers from 0 on, made only as fast as the caller takes them.
#[callback]
fn numbers() -> impl Stream<Item = u64> {
    futures::stream::iter(0..)
}

/// Adds up whatever the caller feeds.
#[callback]
async fn total(mut items: Incoming<u64>) -> daffi::Result<u64> {
    let mut total = 0;
    while let Some(item) = items.next().await {
        total += item?;
    }
    Ok(total)
}

fn main() -> daffi::Result<()> {
    let url = "memory://blocking"; // usually unix:// or quic://, and in another process
    let _hub = blocking::connect(url).name("hub").registry(callbacks![load]).with_controller().open()?;
    let node = blocking::connect(url).name("proc1").open()?;
    node.wait_process("hub")?;

    let sum: i64 = node.call("func3", (4, 6)).timeout(secs(15)).fg()?; // FG
    println!("4 + 6 = {sum}, {}", sum3::call(&node, 1, 2, 3).blocking().fg()?);

    let job = node.call::<i64>("func3", (20, 1)).bg(); // BG
    node.tell("func3", (0, 0)).no_return()?; // NO RETURN
    println!("20 + 1 = {}", job.wait()?);

    for (name, load) in node.call::<f64>("load", ()).broadcast()? {
        println!("{name}: {load:?}"); // BROADCAST
    }

    let schedule = node.tell("load", ()).every_with(millis(10), |every| every.named("often"))?; // PERIOD
    println!("schedule {} made {} runs so far", schedule.id, schedule.runs);
    schedule.cancel()?;

    for number in node.call::<u64>("numbers", ()).stream().take(3) {
        println!("number {}", number?);
    }
    println!("1 + … + 100 = {}", node.call::<u64>("total", ()).feed(1..=100u64).fg()?);

    // A node is shared by as many threads as there are.
    thread::scope(|scope| {
        for n in 0..3 {
            let node = &node;
            scope.spawn(move || println!("thread {n}: {:?}", func3::call(node, n, n).blocking().fg()));
        }
    });

    node.stop(); // as dropping it does
    Ok(())
}
