//! Floods of calls without return, sent and acknowledged together.

use daffi::config::{BODY_BYTES_MAX, ONE_WAY_QUEUED_MAX};
use daffi::{CallError, callback, callbacks};
use serde::{Serialize, Serializer};

use crate::offers::note;
use crate::support::{Mesh, failure, fresh_probe, on_each_transport, probe};

/// Counts, one after the other.
#[callback(name = "it.each", inline)]
async fn each(probe_name: String, number: u32) {
    probe(&probe_name).note(number.to_string());
}

/// A number that may be one that cannot be encoded.
struct Encodable(Option<u32>);

impl Serialize for Encodable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(number) => serializer.serialize_u32(number),
            None => Err(serde::ser::Error::custom("it is not a number")),
        }
    }
}

fn numbers(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

async fn all_are_run_in_their_order_however_many(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![each]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let more_than_may_wait = ONE_WAY_QUEUED_MAX as u32 + 1_000;

    let calls = (0..more_than_may_wait).map(|number| (&name, number));
    assert_eq!(caller.tell_each("it.each", calls).await.unwrap(), u64::from(more_than_may_wait));

    probe.wait_for_notes(more_than_may_wait as usize).await;
    assert_eq!(probe.notes(), numbers(0..more_than_may_wait));
    let nothing: [(String, u32); 0] = [];
    assert_eq!(caller.tell_each("it.each", nothing).await.unwrap(), 0);
}

async fn one_that_does_not_fit_is_told_of_and_the_others_are_run(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![each]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    caller.tell_each("it.each", [(&name, 0)]).await.unwrap();

    let calls = (1..=5).map(|number| (&name, if number == 3 { -1 } else { number }));
    let error = failure(caller.tell_each("it.each", calls).await);

    let CallError::BadArguments { got, .. } = &error else { panic!("{error:?}") };
    assert_eq!(got, "the integer -1 for `number: u32`");
    probe.wait_for_notes(5).await;
    assert_eq!(probe.notes(), numbers([0, 1, 2, 4, 5]));
}

async fn one_that_cannot_be_encoded_is_told_of_and_the_others_are_run(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![each]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let calls = [Some(1), None, Some(3)].map(|number| (&name, Encodable(number)));
    let error = failure(caller.tell_each("it.each", calls).await);

    assert!(error.to_string().contains("it is not a number"), "{error}");
    probe.wait_for_notes(2).await;
    assert_eq!(probe.notes(), numbers([1, 3]));
}

async fn one_that_is_too_large_is_told_of_and_the_others_are_run(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![note]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    caller.tell_each("it.note", [(&name, "before")]).await.unwrap();
    let large = "x".repeat(BODY_BYTES_MAX);

    let calls = ["first", large.as_str(), "last"].map(|text| (&name, text));
    let error = failure(caller.tell_each("it.note", calls).await);

    assert!(matches!(error, CallError::TooLarge { .. }), "{error:?}");
    probe.wait_for_notes(3).await;
    let mut notes = probe.notes();
    notes.sort();
    assert_eq!(notes, ["before", "first", "last"]);
}

async fn nobody_to_run_them_is_told(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![each]).await;
    let caller = mesh.caller().await;
    let (name, _probe) = fresh_probe();
    let calls = || (0..1_000).map(|number| (&name, number));
    caller.tell_each("it.each", calls()).await.unwrap();

    callee.unregister("it.each").await.unwrap();

    let error = failure(caller.tell_each("it.each", calls()).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

on_each_transport!(
    all_are_run_in_their_order_however_many,
    one_that_does_not_fit_is_told_of_and_the_others_are_run,
    one_that_cannot_be_encoded_is_told_of_and_the_others_are_run,
    one_that_is_too_large_is_told_of_and_the_others_are_run,
    nobody_to_run_them_is_told,
);
