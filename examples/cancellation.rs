//! Work that nobody wants any more stops: a call whose time is up, one that is dropped, a job that is cancelled.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;

/// Says when a piece of work begins, and when it is over, however that comes about.
struct Report(String);

impl Report {
    fn begin(what: impl Into<String>) -> Self {
        let report = Self(what.into());
        println!("  {} begins", report.0);
        report
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        println!("  {} is over", self.0);
    }
}

/// Works for a minute. It does not look at its context, and ends where it awaits: its report is dropped there.
#[callback]
async fn work(what: String) {
    let _report = Report::begin(what);
    tokio::time::sleep(secs(60)).await;
}

/// Works for a minute as well, but tidies up when it is cancelled: for that it has a second.
#[callback]
async fn careful_work(ctx: &Context, what: String) {
    let report = Report::begin(what);
    tokio::select! {
        () = tokio::time::sleep(secs(60)) => {}
        () = ctx.cancelled() => println!("  {} tidies up", report.0),
    }
}

/// Waits for `work` on behalf of its own caller: cancelled, it drops that call, which is then cancelled in turn.
#[callback]
async fn delegate(ctx: &Context, what: String) -> daffi::Result<()> {
    let _report = Report::begin("whoever delegates it");
    work::call(&ctx.node(), what).await
}

/// Long enough for whatever is on its way here; nothing waits for it but the reader's eye.
async fn moment() {
    tokio::time::sleep(millis(100)).await;
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    let _controller = Controller::bind("memory://cancellation").await?;
    let _callee = daffi::connect("memory://cancellation").name("callee").await?;
    let node = daffi::connect("memory://cancellation").name("caller").registry(Registry::new()).await?;

    println!("a call whose time is up");
    let late = work::call(&node, "late work".into()).timeout(millis(100)).await;
    println!("  {}", late.expect_err("it takes a minute"));
    moment().await;

    println!("a call that is dropped, since something else came first");
    tokio::select! {
        _ = work::call(&node, "slow work".into()) => {}
        () = moment() => {}
    }
    moment().await;

    println!("a job that is cancelled");
    let mut job = careful_work::call(&node, "careful work".into()).bg();
    moment().await;
    job.cancel().await?;
    moment().await;

    println!("a call that a callback makes, when its own caller gives up");
    let job = delegate::call(&node, "delegated work".into()).bg().cancel_on_drop();
    moment().await;
    drop(job);
    moment().await;
    Ok(())
}
