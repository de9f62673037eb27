//! How long something takes: the examples of Pottery's `ContextTimer`. Starting a timer twice does not compile here.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;
use daffi::{ContextTimer, StoppedTimer};

/// `100 <= timer.elapsed() < 200`
fn is_in_range(elapsed_ms: u64) -> bool {
    (100..200).contains(&elapsed_ms)
}

/// A timer by itself.
async fn alone() {
    let timer = ContextTimer::start();
    tokio::time::sleep(millis(100)).await;
    println!("{}", is_in_range(timer.elapsed_ms())); // true
    let timer = timer.stop();
    tokio::time::sleep(millis(100)).await;
    println!("{}", is_in_range(timer.elapsed_ms())); // true: it stands still
}

/// `with ContextTimer() as timer: …`
async fn of_a_scope() {
    let mut tests = Vec::new();
    let mut stopped: Option<StoppedTimer> = None;
    {
        let timer = ContextTimer::start().guard(|timer| stopped = Some(timer));
        tokio::time::sleep(millis(100)).await;
        tests.push(is_in_range(timer.elapsed_ms()));
    } // it stops here; an error or a panic would stop it, too
    tokio::time::sleep(millis(100)).await;
    tests.push(stopped.is_some_and(|timer| is_in_range(timer.elapsed_ms())));
    println!("{tests:?}"); // [true, true]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    alone().await;
    of_a_scope().await;
}
