//! One trace over three processes. It starts itself again for each of them and joins what they log.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::env;
use std::process::{Command, Stdio};

use daffi::prelude::*;
use serde_json::Value;
use tracing_subscriber::fmt::format::FmtSpan;

/// What an item costs.
#[callback]
async fn price(item: String) -> u32 {
    item.len() as u32
}

/// What an order costs: it asks another process for each item.
#[callback]
async fn order(ctx: &Context, items: Vec<String>) -> daffi::Result<u32> {
    let mut sum = 0;
    for item in items {
        sum += price::call(&ctx.node(), item).await?; // part of the trace of the call that it serves
    }
    Ok(sum)
}

/// Each process writes its spans to stdout, a line of JSON each.
fn log_spans() {
    let format = tracing_subscriber::fmt().json().with_span_events(FmtSpan::CLOSE);
    format.with_env_filter("daffi::calls=debug").with_writer(std::io::stdout).init();
}

async fn run(role: &str, url: &str) -> daffi::Result<()> {
    log_spans();
    let node = daffi::connect(url).name(role);
    match role {
        "shop" => node.registry(callbacks![order]).await?.join().await,
        "prices" => node.registry(callbacks![price]).await?.join().await,
        _ => {
            let node = node.registry(callbacks![]).await?;
            node.wait_callback("order").await?;
            node.wait_callback("price").await?;
            order::call(&node, vec!["tea".into(), "coffee".into()]).await?;
            node.stop().await
        }
    }
}

/// Prints the spans below one, with the process that wrote them.
fn print(spans: &[(&str, Value)], parent: &Value, depth: usize) {
    for (role, span) in spans.iter().filter(|(_, span)| span["parent_id"] == *parent) {
        let [name, callback, outcome] =
            ["name", "callback", "outcome"].map(|field| span[field].as_str().unwrap_or("?"));
        println!("{role:>8} {:depth$}{name} {callback}: {outcome}", "");
        print(spans, &span["span_id"], depth + 4);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [role, url] = &arguments[..] {
        return Ok(run(role, url).await?);
    }
    let directory = env::temp_dir().join(format!("daffi-tracing-{}", std::process::id()));
    let controller = Controller::bind(&format!("unix://{}/controller.sock", directory.display())).await?;
    let start = |role: &str| {
        Command::new(env::current_exe()?).args([role, &controller.url()]).stdout(Stdio::piped()).spawn()
    };
    let [shop, prices, customer] = ["shop", "prices", "customer"].map(start);
    let customer = customer?.wait_with_output()?;
    controller.drain(secs(1)).await; // the nodes end with their controller
    let outputs = [
        ("customer", customer),
        ("shop", shop?.wait_with_output()?),
        ("prices", prices?.wait_with_output()?),
    ];
    std::fs::remove_dir_all(directory)?;

    let mut spans = Vec::new();
    for (role, output) in &outputs {
        assert!(output.status.success(), "{role} failed: {}", output.status);
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            spans.push((*role, serde_json::from_str::<Value>(line)?["span"].take()));
        }
    }
    let trace = &spans.first().ok_or("no spans")?.1["trace_id"];
    println!("trace {trace}, {} spans", spans.iter().filter(|(_, span)| span["trace_id"] == *trace).count());
    print(&spans, &Value::Null, 0);
    Ok(())
}
