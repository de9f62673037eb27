//! The smallest program: a controller and a node in one process, which calls its own callback.
#![expect(clippy::print_stdout, reason = "that is what the example does")]
use daffi::prelude::*;

/// Greets whoever calls.
#[callback]
async fn hello(name: String) -> String {
    format!("Hello, {name}!")
}

#[daffi::main(listen = "memory://hello")]
async fn main(node: Node) -> daffi::Result<()> {
    println!("{}", hello::call(&node, "world".into()).await?); // checked by rustc
    println!("{}", node.call::<String>("hello", ("mesh",)).await?); // by its name alone
    node.stop().await
}
