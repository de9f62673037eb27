//! What an annotated function becomes: its signature, and what running it comes to.

#![deny(missing_docs, unreachable_pub, unused, clippy::pedantic)]

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use daffi::{Context, RegisterError, Registry, args, callback, callbacks, remote};
use daffi_core::callback::{Arguments, Callback, Fault, Flow, Outcome, Reach, Run, Start};
use daffi_core::name::{CallbackName, NodeName};
use futures::FutureExt;

/// Adds two numbers.
///
/// Slowly.
#[callback]
fn add(a: i64, mut b: i64) -> i64 {
    b += a;
    b
}

#[callback(name = "macros.subtract", inline)]
async fn subtract(a: i64, b: i64) -> i64 {
    std::future::ready(()).await;
    a - b
}

#[callback]
fn ping() {}

#[callback]
fn divide(a: u32, b: u32) -> Result<u32, &'static str> {
    a.checked_div(b).ok_or("nothing divides by zero")
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

type ParseResult<T> = Result<T, Outer>;

mod alias {
    pub(super) type Result<T> = super::ParseResult<T>;
}

#[callback]
async fn parse(text: String) -> alias::Result<u8> {
    text.parse().map_err(Outer)
}

#[callback]
fn greet(r#type: String, ctx: &Context, node: Option<String>) -> String {
    format!("{} {} {}", r#type, ctx.caller(), node.unwrap_or_default())
}

#[callback]
async fn whoami(_: &Context, add: Vec<u8>) -> (String, Vec<u8>) {
    (String::new(), add)
}

mod shop {
    /// Sums prices.
    #[daffi::callback(name = "shop.sum")]
    #[cfg(not(test))]
    pub(super) fn sum() {}

    /// Sums prices.
    #[daffi::callback(name = "shop.sum")]
    #[cfg(test)]
    pub(super) fn sum(prices: Vec<u64>) -> u64 {
        prices.iter().sum()
    }
}

macro_rules! doubled {
    ($name:ident, $ty:ty) => {
        #[callback]
        fn $name(value: $ty) -> $ty {
            value + value
        }
    };
}

doubled!(double, u16);

#[remote(name = "shop.place")]
fn place(item: String, quantity: u32) -> Result<u64, String>;

struct Nowhere;

impl Reach for Nowhere {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn context(callback: &Callback) -> Context {
    let start = Start {
        traceparent: None,
        caller: NodeName::new("proc1").unwrap(),
        node: NodeName::new("proc2").unwrap(),
        callback: CallbackName::new(callback.name().as_str()).unwrap(),
        deadline: None,
    };
    Context::new(start, tokio::sync::watch::channel(false).1, Arc::new(Nowhere))
}

fn run(callback: &Callback, arguments: &impl Arguments) -> Outcome {
    let mut body = Vec::new();
    arguments.put(&mut body).unwrap();
    match callback.run() {
        Run::Async(run) => run(context(callback), &body).now_or_never().unwrap(),
        Run::Blocking(run) => run(&context(callback), &body),
        Run::Flowing(run) => run(context(callback), &body, Flow::new(None, None)).now_or_never().unwrap(),
    }
}

fn only(callbacks: Vec<Callback>) -> Callback {
    callbacks.into_iter().next().unwrap()
}

fn value<T: serde::de::DeserializeOwned>(outcome: Outcome) -> T {
    daffi_core::wire::decode(&outcome.unwrap()).unwrap()
}

#[test]
fn a_plain_function_runs_where_it_may_block() {
    let add = only(callbacks![add]);

    assert!(matches!(add.run(), Run::Blocking(_)));
    assert_eq!(value::<i64>(run(&add, &(4, 6))), 10);
    assert_eq!(value::<i64>(run(&add, &args!(4, b = 6))), 10);
}

#[test]
fn an_async_function_runs_on_the_runtime() {
    let subtract = only(callbacks![subtract]);

    assert!(matches!(subtract.run(), Run::Async(_)));
    assert!(subtract.options().inline);
    assert_eq!(value::<i64>(run(&subtract, &args!(b = 3, a = 10))), 7);
}

#[test]
fn a_signature_is_what_was_typed() {
    let shown = |callback: Callback| callback.signature().to_string();

    assert_eq!(shown(only(callbacks![add])), "add(a: i64, b: i64) -> i64");
    assert_eq!(shown(only(callbacks![subtract])), "macros.subtract(a: i64, b: i64) -> i64");
    assert_eq!(shown(only(callbacks![greet])), "greet(type: String, node: Option<String>) -> String");
    assert_eq!(shown(only(callbacks![whoami])), "whoami(add: Vec<u8>) -> (String, Vec<u8>)");
    assert_eq!(shown(only(callbacks![parse])), "parse(text: String) -> u8");
    assert_eq!(shown(only(callbacks![shop::sum])), "shop.sum(prices: Vec<u64>) -> u64");
    assert_eq!(shown(only(callbacks![double])), "double(value: u16) -> u16");
    assert_eq!(only(callbacks![add]).signature().doc, "Adds two numbers.\n\nSlowly.");
}

#[test]
fn a_callback_knows_its_line() {
    let place = only(callbacks![ping]).place().to_owned();
    let (file, line) = place.rsplit_once(':').unwrap();
    let source = include_str!("macros.rs");

    assert!(file.ends_with("tests/it/macros.rs"), "{place}");
    assert_eq!(source.lines().nth(line.parse::<usize>().unwrap() - 1), Some("fn ping() {}"));
}

#[test]
fn a_result_is_its_success_or_an_error_with_its_causes() {
    let (divide, parse) = (only(callbacks![divide]), only(callbacks![parse]));

    assert_eq!(value::<u32>(run(&divide, &(6, 2))), 3);
    assert_eq!(value::<u8>(run(&parse, &("7",))), 7);
    let Err(Fault::Failed { message, chain, .. }) = run(&divide, &(6, 0)) else { panic!("it divided") };
    assert_eq!((message.as_str(), chain.len()), ("nothing divides by zero", 0));
    let Err(Fault::Failed { message, chain, .. }) = run(&parse, &("x",)) else { panic!("it parsed") };
    assert_eq!(message, "not a number");
    assert_eq!(chain, ["invalid digit found in string"]);
}

#[test]
fn a_context_is_injected_and_not_sent() {
    let (greet, whoami) = (only(callbacks![greet]), only(callbacks![whoami]));

    assert!(greet.options().sees_context && whoami.options().sees_context);
    assert!(!only(callbacks![add]).options().sees_context);
    assert_eq!(value::<String>(run(&greet, &args!(r#type = "hi", node = "there"))), "hi proc1 there");
    assert_eq!(value::<(String, Vec<u8>)>(run(&whoami, &([1u8, 2],))).1, [1, 2]);
}

#[test]
fn the_inventory_has_every_annotated_function() {
    let registry = Registry::from_inventory().unwrap();

    for name in ["add", "macros.subtract", "ping", "shop.sum", "double"] {
        assert!(registry.find(name).is_some(), "{name}");
    }
    assert!(registry.find("shop.place").is_none());
}

#[test]
fn a_function_within_a_function_can_be_a_callback() {
    #[callback]
    fn inner(a: u8) -> u8 {
        a
    }

    assert_eq!(value::<u8>(run(&only(callbacks![inner]), &(7u8,))), 7);
}

#[test]
fn two_callbacks_of_one_name_are_refused() {
    let twice = Registry::try_from(callbacks![add, add]);

    assert!(matches!(twice, Err(RegisterError::Duplicate { .. })));
}

#[test]
fn arguments_are_any_expressions_and_may_end_in_a_comma() {
    let (a, pair) = (4, (3, "b"));
    let encoded = |arguments: daffi::Args| {
        let mut body = Vec::new();
        arguments.put(&mut body).unwrap();
        body
    };

    assert_eq!(encoded(args!()), [0x80]);
    assert_eq!(encoded(args!(a == 4, pair.0, b = { a },)), encoded(args!(true, 3, b = 4)));
}

#[test]
fn a_list_of_callbacks_may_be_empty() {
    assert!(callbacks![].is_empty());
}

#[test]
fn a_declaration_knows_its_name() {
    assert_eq!(place::NAME, "shop.place");
}
