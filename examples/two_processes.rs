//! A controller and two processes that call each other's functions. It starts itself again for each of them.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::env;
use std::process::{Child, Command};

use daffi::prelude::*;

/// Adds 2 numbers and returns their sum.
#[callback]
fn func3(a: i64, b: i64) -> i64 {
    std::thread::sleep(millis(100)); // a long job: plain functions run on a pool of threads
    a + b
}

/// Subtracts 2 numbers and returns the delta.
#[callback]
async fn func1(a: i64, b: i64) -> i64 {
    a - b
}

/// Just prints a text.
#[callback]
fn func2() {
    println!("proc2: func2 has been triggered!");
}

/// The controller ends when both processes have left.
async fn controller(url: &str) -> daffi::Result<()> {
    let controller = Controller::bind(url).await?;
    println!("controller: listening on {}", controller.url());
    let watcher = daffi::connect(url).name("watcher").registry(callbacks![]).await?;
    for process in ["proc1", "proc2"] {
        watcher.wait_process(process).await?;
    }
    let mut presence = watcher.presence().await?;
    while watcher.nodes().await?.len() > 1 {
        presence.next().await;
    }
    watcher.stop().await?;
    controller.drain(secs(1)).await;
    println!("controller: everybody has left");
    Ok(())
}

async fn proc1(url: &str) -> daffi::Result<()> {
    let node = daffi::connect(url).name("proc1").registry(callbacks![func3]).await?;
    node.wait_process("proc2").await?;
    for _ in 0..3 {
        let delta = func1::call(&node, 10, 3).await?;
        println!("proc1: calculated delta = {delta}");
        func2::call(&node).no_return().await?;
        tokio::time::sleep(millis(100)).await;
    }
    // proc2 may still be waiting for func3.
    node.call::<()>("done", ()).await?;
    node.stop().await
}

/// Ends when proc2 has made its last call.
#[callback]
async fn done(ctx: &Context) {
    DONE.notified().await;
    println!("proc2: {} may go", ctx.caller());
}

static DONE: tokio::sync::Notify = tokio::sync::Notify::const_new();

async fn proc2(url: &str) -> daffi::Result<()> {
    let node = daffi::connect(url).name("proc2").registry(callbacks![func1, func2, done]).await?;
    node.wait_callback("func3").await?;
    for _ in 0..2 {
        let sum = func3::call(&node, 4, 6).bg();
        tokio::time::sleep(millis(50)).await; // do something while it runs there
        println!("proc2: calculated sum is {}", sum.await?);
    }
    DONE.notify_one();
    let mut presence = node.presence().await?;
    while node.nodes().await?.iter().any(|entry| entry.name == "proc1") {
        presence.next().await;
    }
    node.stop().await
}

fn start(role: &str, url: &str) -> std::io::Result<Child> {
    Command::new(env::current_exe()?).args([role, url]).spawn()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["controller", url] => controller(url).await?,
        ["proc1", url] => proc1(url).await?,
        ["proc2", url] => proc2(url).await?,
        _ => {
            let socket =
                env::temp_dir().join(format!("daffi-example-{}/controller.sock", std::process::id()));
            let url = format!("unix://{}", socket.display());
            // The order does not matter: nodes try for ten seconds to reach their controller.
            let children = ["proc1", "proc2", "controller"].map(|role| start(role, &url));
            for child in children {
                let status = child?.wait()?;
                assert!(status.success(), "a process failed: {status}");
            }
            std::fs::remove_dir_all(socket.parent().ok_or("a directory")?)?;
        }
    }
    Ok(())
}
