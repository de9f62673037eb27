//! What a caller learns of an error: the error itself, where it was, and what else there is.

use std::fmt;

use daffi::prelude::*;
use daffi::{CallError, Code, Stage, Stream};
use futures::stream;
use serde::{Deserialize, Serialize};

use crate::offers::hold;
use crate::support::{Mesh, failure, fresh_probe, in_virtual_time, on_each_transport};

/// Why an order is refused, as the shop knows it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Refused {
    Sold { left: u32 },
    Closed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sold { left } => write!(f, "only {left} left"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl std::error::Error for Refused {}

/// The same, as a customer has written it down who does not know the shop's code.
#[derive(Debug, PartialEq, Deserialize)]
enum RefusedThere {
    Sold { left: u64 },
}

#[callback(name = "errors.order")]
async fn order(quantity: u32) -> Result<u32, Refused> {
    if quantity > 3 { Err(Refused::Sold { left: 3 }) } else { Ok(quantity) }
}

/// In a plain function errors travel as they do in an async one.
#[callback(name = "errors.close")]
fn close() -> Result<(), Refused> {
    Err(Refused::Closed)
}

#[callback(name = "errors.items")]
async fn items() -> impl Stream<Item = Result<u32, Refused>> {
    stream::iter([Ok(1), Err(Refused::Sold { left: 1 })])
}

/// Not serializable, as most errors of the standard library.
#[callback(name = "errors.open")]
async fn open() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("no such door"))
}

#[callback(name = "errors.ramble")]
async fn ramble() -> Result<(), String> {
    Err("x".repeat(daffi::config::ERROR_VALUE_BYTES_MAX))
}

async fn an_error_comes_back_as_it_was(mesh: Mesh) {
    let _shop = mesh.node("shop", callbacks![order, close]).await;
    let caller = mesh.caller().await;

    let error = order::call(&caller, 4).await.unwrap_err();
    assert_eq!(error.downcast(), Some(Refused::Sold { left: 3 }));
    assert_eq!(error.downcast(), Some(RefusedThere::Sold { left: 3 }));
    assert_eq!(error.downcast::<u32>(), None);
    assert_eq!(error.to_string(), "callback failed on `shop`: only 3 left");
    assert_eq!((error.code(), error.node().unwrap().as_str()), (Code::Remote, "shop"));

    let mut job = close::call(&caller).bg();
    assert_eq!(failure(job.wait().await).downcast(), Some(Refused::Closed));
}

async fn an_error_of_one_of_many_comes_back_as_it_was(mesh: Mesh) {
    let _shop = mesh.node("shop", callbacks![order]).await;
    let caller = mesh.caller().await;

    let replies = order::call(&caller, 4).broadcast().await.unwrap();

    let Some(Err(error)) = replies.get("shop") else { panic!("{replies:?}") };
    assert_eq!(error.downcast(), Some(Refused::Sold { left: 3 }));
}

async fn an_error_at_the_end_of_a_stream_comes_back_as_it_was(mesh: Mesh) {
    let _shop = mesh.node("shop", callbacks![items]).await;
    let caller = mesh.caller().await;

    let items: Vec<_> = items::call(&caller).stream().collect().await;

    assert_eq!(items[0], Ok(1));
    assert_eq!(items[1].as_ref().unwrap_err().downcast(), Some(Refused::Sold { left: 1 }));
}

async fn an_error_that_cannot_travel_is_still_told(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![open, ramble]).await;
    let caller = mesh.caller().await;

    let error = failure(open::call(&caller).await);
    assert!(matches!(&error, CallError::Remote { message, value: None, .. } if message == "no such door"));

    let error = failure(ramble::call(&caller).await);
    assert_eq!(error.downcast::<String>(), None);
    assert!(error.to_string().ends_with("xxx"));
}

async fn a_call_out_of_time_says_whether_it_may_have_waited_for_its_turn(mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![hold]).concurrency(1).await.unwrap();
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let late = || hold::call(&caller, name.clone()).timeout(secs(1));

    let error = failure(late().await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "no reply within 1s: `callee` had it for all of that time, and was told to stop"
    );

    probe.wait_for("ended").await;
    let (name, probe) = fresh_probe();
    let _running = hold::call(&caller, name).bg();
    probe.wait_for("started").await;
    let error = failure(late().await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Queued, .. }), "{error:?}");
    assert_eq!((error.ran(), error.node().unwrap().as_str()), (Ran::Maybe, "callee"));
    assert!(error.to_string().ends_with("but more calls than it runs at once"), "{error}");
}

in_virtual_time! {
    a_call_out_of_time_says_whether_it_may_have_waited_for_its_turn,
}

on_each_transport! {
    an_error_comes_back_as_it_was,
    an_error_of_one_of_many_comes_back_as_it_was,
    an_error_at_the_end_of_a_stream_comes_back_as_it_was,
    an_error_that_cannot_travel_is_still_told,
}
