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
    node.register::<alone::Alone>(alone::Alone(7)).await.unwrap().keep();
    node.register::<dyn alone::Along>(alone::Alone(7)).await.unwrap().keep();

    assert!(node.remote::<NeverMade>().count().await.is_err());
    let shop = node.remote::<dyn StrictShop>();
    assert!(shop.place("tea".into()).await.is_err());
    assert_eq!(node.remote::<dyn contracts::Bank>().balance(String::new()).await.unwrap(), 1);
    assert_eq!(node.remote::<alone::Alone>().clone().await.unwrap(), 7);
    assert!(node.remote::<dyn alone::Along>().is_open().await.unwrap());
}

#[test]
fn a_strict_crate_takes_annotated_functions() {
    assert_eq!(
        callbacks![visible::documented, never_called_here, strict_context, alone::strict_alone].len(),
        4
    );
    // A parameter of the user's may have the name that ours has.
    let _: fn(&Node, String, u8) -> daffi::Call<()> = strict_remote::call;
}

/// Without the prelude, and with its names for other things.
#[no_implicit_prelude]
#[expect(dead_code, reason = "most of these names are only in the way")]
mod alone {
    mod core {}
    mod daffi {}
    mod std {}

    struct Vec;
    struct String;
    struct Arc;
    struct Option;
    trait Clone {}
    trait From {}
    trait Send {}

    #[derive(::core::fmt::Debug)]
    pub(super) struct Alone(pub(super) u64);

    #[::daffi::callback]
    impl Alone {
        pub(super) fn associated(node: u64) -> ::core::result::Result<u64, ::std::string::String> {
            if node > 7 {
                ::core::result::Result::Err(::std::string::String::new())
            } else {
                ::core::result::Result::Ok(node)
            }
        }

        #[callback(timeout = "5s", concurrency = 1, on_cancel = "finish")]
        pub(super) async fn place(&self, ctx: &::daffi::Context, r#type: ::std::vec::Vec<u8>) -> usize {
            ctx.caller().as_str().len() + r#type.len()
        }

        pub(super) fn ticks(&self, callbacks: u64) -> impl ::daffi::Stream<Item = u64> + use<> {
            ::futures::stream::iter(self.0..callbacks)
        }

        pub(super) async fn sum(&self, items: ::daffi::Incoming<u64>) -> usize {
            ::futures::StreamExt::count(items).await
        }

        pub(super) fn clone(&self) -> u64 {
            self.0
        }
    }

    #[::daffi::remote(prefix = "strict.along")]
    pub(super) trait Along {
        async fn place(
            &self,
            item: ::std::string::String,
        ) -> ::core::result::Result<u64, ::std::string::String>;

        async fn is_open(&self) -> bool {
            self.hours() > 0
        }

        #[local]
        fn hours(&self) -> u32;
    }

    #[::daffi::callback]
    impl Along for Alone {
        async fn place(
            &self,
            item: ::std::string::String,
        ) -> ::core::result::Result<u64, ::std::string::String> {
            ::core::result::Result::Err(item)
        }

        fn hours(&self) -> u32 {
            7
        }
    }

    #[::daffi::callback]
    pub(super) fn strict_alone(node: u8) -> u8 {
        node
    }
}
