//! Process 1 of two: hosts the controller, adds numbers, and calls process 2. Both read `DAFFI_URL`.
#![expect(clippy::print_stdout, reason = "that is what the example does")]
use daffi::prelude::*;

/// Adds 2 numbers and returns their sum.
#[callback]
fn func3(a: i64, b: i64) -> i64 {
    std::thread::sleep(millis(300)); // a long job: plain functions run on a pool of threads
    a + b
}

#[daffi::main(name = "proc1", listen = "")]
async fn main(node: Node) -> daffi::Result<()> {
    node.wait_process("proc2").await?;
    for _ in 0..10 {
        let delta: i64 = node.call("func1", (10, 3)).await?;
        println!("Calculated delta = {delta}");
        node.tell("func2", ()).no_return().await?;
        tokio::time::sleep(millis(200)).await;
    }
    node.stop().await
}
