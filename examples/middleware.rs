//! Middleware: every call is logged with its time and outcome, and a callback is served so often a second and no more.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::sync::Mutex;
use std::time::Instant;

use daffi::middleware::{Ended, Fault, Next, Outcome, Outgoing, Serving, Wrap};
use daffi::prelude::*;

/// Adds two numbers.
#[callback]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Logs the calls that a node makes. An `async` function is middleware already.
async fn log(call: Outgoing, next: Next<Outgoing>) -> Result<Ended, CallError> {
    let (what, started) = (format!("{} ({})", call.callback(), call.mode()), Instant::now());
    let ended = next.run(call).await;
    let outcome = match &ended {
        Ok(ended) => format!("ok, by {}", ended.node().map_or("the mesh", |node| node.as_str())),
        Err(error) => format!("{error}; {}", error.ran()),
    };
    println!("{what}: {outcome}, after {:?}", started.elapsed());
    ended
}

/// Lets in as many calls as its bucket has tokens, which fills again with time. What has state is a type of its own.
struct RateLimit {
    a_second: f64,
    most: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl RateLimit {
    fn new(a_second: f64, most: f64) -> Self {
        Self { a_second, most, bucket: Mutex::new((most, Instant::now())) }
    }

    fn take(&self) -> bool {
        let mut bucket = self.bucket.lock().expect("nobody panics with it");
        let (tokens, filled) = *bucket;
        let tokens = self.most.min(tokens + filled.elapsed().as_secs_f64() * self.a_second);
        let is_let = tokens >= 1.0;
        *bucket = (if is_let { tokens - 1.0 } else { tokens }, Instant::now());
        is_let
    }
}

impl Wrap<Serving> for RateLimit {
    async fn around(&self, call: Serving, next: Next<Serving>) -> Outcome {
        if !self.take() {
            let what = format!("`{}` is called more than {} times a second", call.callback(), self.a_second);
            return Err(Fault::Busy { what });
        }
        next.run(call).await
    }
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let controller = Controller::bind("memory://middleware").await?;
    let server = daffi::connect(&controller.url()).name("server").registry(callbacks![add]);
    let server = server.wrap_callbacks(RateLimit::new(10.0, 3.0)).await?;
    let caller = daffi::connect(&controller.url()).name("caller").registry(callbacks![]);
    let caller = caller.wrap_calls(log).await?;

    for number in 1..=5 {
        match add::call(&caller, number, number).await {
            Ok(sum) => println!("{number} + {number} = {sum}"),
            Err(error) => {
                println!("{number} + {number}: refused, and safe to repeat: {}", error.is_retryable())
            }
        }
    }
    // A refused call has not run, so that it may be repeated until there is room.
    println!("6 + 6 = {}", add::call(&caller, 6, 6).retry(20).await?);
    caller.stop().await?;
    server.stop().await
}
