//! Annotated items in a module as strict as a user's crate may be: that it compiles is the test.

#![deny(
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unnameable_types,
    unused,
    nonstandard_style,
    elided_lifetimes_in_paths,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used
)]
#![forbid(unsafe_code)]

use std::collections::HashMap;

use daffi::{Context, Node, callback, callbacks, remote};

mod visible {
    use daffi::{Context, callback};

    /// Documented.
    ///
    /// # Errors
    /// If there is no name.
    #[callback]
    pub(super) async fn documented(ctx: &Context, names: Vec<String>) -> Result<String, std::fmt::Error> {
        std::future::ready(()).await;
        names.into_iter().next().map(|name| format!("{name}{}", ctx.caller())).ok_or(std::fmt::Error)
    }
}

#[callback]
fn never_called_here(values: HashMap<String, Option<u8>>) -> usize {
    values.len()
}

#[callback]
fn strict_context(_ctx: &Context) {}

#[callback]
#[deprecated]
fn strict_old() {}

#[remote]
fn strict_remote(node: String, call: u8) -> Result<(), String>;

#[derive(Debug)]
struct StrictOrders {
    seen: u64,
}

#[callback]
impl StrictOrders {
    pub async fn never_called(&self, ctx: &Context, values: Vec<u8>) -> Result<u64, String> {
        Ok(self.seen + values.len() as u64 + u64::from(ctx.is_cancelled()))
    }

    pub(crate) fn nor_this(&self, text: String) -> usize {
        text.len() + usize::from(self.seen > 0)
    }

    pub(crate) fn associated(text: String) -> String {
        text
    }

    #[callback(timeout = "5s", concurrency = 1, idempotent, on_cancel = "abort", blocking)]
    pub(crate) async fn treated(&self) {}
}

/// For its client alone: no instance is ever made here.
#[derive(Debug)]
struct NeverMade {
    seen: u64,
}

#[callback]
impl NeverMade {
    pub(crate) fn count(&self) -> u64 {
        self.seen
    }
}

/// Called by others alone: there is no instance in this program.
#[remote]
trait StrictShop {
    async fn place(&self, item: String) -> u64;

    fn never_called(&self, ctx: &Context) -> Result<(), String>;
}

mod contracts {
    /// Documented.
    #[daffi::remote(prefix = "strict.bank")]
    pub(super) trait Bank {
        /// Documented.
        async fn balance(&self, account: String) -> i64;

        /// Documented.
        ///
        /// # Errors
        /// If there is not as much.
        fn pay(&self, amount: i64) -> Result<(), String>;
    }
}

#[derive(Debug)]
struct StrictBank;

#[callback]
impl contracts::Bank for StrictBank {
    async fn balance(&self, account: String) -> i64 {
        i64::from(account.is_empty())
    }

    #[callback(timeout = "5s")]
    fn pay(&self, amount: i64) -> Result<(), String> {
        if amount > 7 { Err("too much".into()) } else { Ok(()) }
    }
}

/// No more than a program needs.
#[daffi::main]
async fn lonely() {}

#[daffi::main(name = "proc1", connect = "unix:///nowhere")]
async fn failing(node: Node) -> Result<u8, Box<dyn std::error::Error>> {
    let _ = node;
    Ok("7".parse()?)
}

#[test]
fn a_program_is_a_plain_function() {
    let _: fn() = lonely;
    let _: fn() -> Result<u8, Box<dyn std::error::Error>> = failing;
}

#[tokio::test]
async fn a_strict_crate_takes_annotated_types() {
    let mesh = crate::support::Mesh::in_memory().await;
    let node = mesh.node("strict", Vec::new()).await;

    node.register(StrictOrders { seen: 0 }).await.unwrap().keep();
    node.register(StrictBank).await.unwrap().keep();

    assert!(node.remote::<NeverMade>().count().await.is_err());
    let shop = node.remote::<dyn StrictShop>();
    assert!(shop.place("tea".into()).await.is_err());
    assert_eq!(node.remote::<dyn contracts::Bank>().balance(String::new()).await.unwrap(), 1);
}

#[test]
fn a_strict_crate_takes_annotated_functions() {
    assert_eq!(callbacks![visible::documented, never_called_here, strict_context].len(), 3);
    // A parameter of the user's may have the name that ours has.
    let _: fn(&Node, String, u8) -> daffi::Call<()> = strict_remote::call;
}
