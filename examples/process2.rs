//! Process 2 of two: subtracts, prints, and calls process 1 in the background until the controller says goodbye.
#![expect(clippy::print_stdout, reason = "that is what the example does")]
use daffi::prelude::*;

/// Subtracts 2 numbers and returns the delta.
#[callback]
async fn func1(a: i64, b: i64) -> i64 {
    a - b
}
/// Just prints a text.
#[callback]
fn func2() {
    println!("Func2 has been triggered!");
}

#[daffi::main(name = "proc2")]
async fn main(node: Node) -> daffi::Result<()> {
    for _ in 0..5 {
        let sum = node.call::<i64>("func3", (4, 6)).bg();
        tokio::time::sleep(millis(100)).await; // do something while it runs there
        println!("Calculated sum is {}", sum.await?);
    }
    node.join().await // serves until the controller stops
}
