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

#[test]
fn a_strict_crate_takes_annotated_functions() {
    assert_eq!(callbacks![visible::documented, never_called_here, strict_context].len(), 3);
    // A parameter of the user's may have the name that ours has.
    let _: fn(&Node, String, u8) -> daffi::Call<()> = strict_remote::call;
}
