//! Calls in the foreground: the ways to make one, and the ways in which one fails.

use std::collections::BTreeSet;
use std::time::Duration;

use daffi::config::BODY_BYTES_MAX;
use daffi::{CallError, Code, Ran, RegisterError, Registry, Stage, args, callbacks, remote};

use crate::offers::{
    add, bytes, count, divide, echo, hold, panic, panic_on_thread, place, read, subtract, unsendable,
};
use crate::support::{HOUR, Mesh, failure, fresh_probe, on_each_transport};

mod elsewhere {
    use daffi::remote;

    #[remote(name = "it.subtract")]
    pub(super) fn take_away(a: i64, b: i64) -> i64;
}

/// Takes what `it.add` does not.
#[remote(name = "it.add")]
fn add_texts(a: String, b: String) -> i64;

async fn a_typed_call_returns_what_the_callback_returns(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, subtract]).await;
    let caller = mesh.caller().await;

    assert_eq!(add::call(&caller, 4, 6).await.unwrap(), 10);
    assert_eq!(subtract::call(&caller, 4, 6).await.unwrap(), -2);
    assert_eq!(subtract(4, 6), -2, "the function is still a function");
}

async fn a_call_by_name_returns_what_the_callback_returns(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, echo]).await;
    let caller = mesh.caller().await;

    let sum: i64 = caller.call("it.add", (4, 6)).await.unwrap();
    let text = caller.call::<String>("it.echo", ("päivää",)).await.unwrap();

    assert_eq!((sum, text.as_str()), (10, "päivää"));
}

async fn a_declaration_calls_what_another_process_offers(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![subtract]).await;
    let caller = mesh.caller().await;

    assert_eq!(elsewhere::take_away::call(&caller, 10, 3).await.unwrap(), 7);
}

async fn arguments_may_be_named(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![subtract]).await;
    let caller = mesh.caller().await;

    assert_eq!(caller.call::<i64>("it.subtract", args!(10, b = 3)).await.unwrap(), 7);
    assert_eq!(caller.call::<i64>("it.subtract", args!(b = 3, a = 10)).await.unwrap(), 7);
}

async fn a_callbacks_error_arrives_with_its_causes(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![divide, read]).await;
    let caller = mesh.caller().await;

    assert_eq!(divide::call(&caller, 7, 2).await.unwrap(), 3);
    let error = failure(divide::call(&caller, 7, 0).await);
    let CallError::Remote { node, message, chain, .. } = &error else { panic!("{error:?}") };
    assert_eq!((node.as_str(), message.as_str()), ("callee", "7 cannot be divided by 0"));
    assert!(chain.is_empty());
    assert_eq!((error.ran(), error.code()), (Ran::Yes, Code::Remote));

    let error = failure(read::call(&caller, "x".into()).await);
    let CallError::Remote { kind, message, chain, .. } = error else { panic!("{error:?}") };
    assert_eq!(message, "not a number");
    assert_eq!(chain, ["invalid digit found in string"]);
    assert!(kind.ends_with("Unreadable"), "{kind}");
}

async fn arguments_that_do_not_fit_are_refused_before_they_are_sent(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![subtract]).await;
    let caller = mesh.caller().await;
    caller.call::<i64>("it.subtract", (1, 2)).await.unwrap();
    let sent = mesh.calls_started();

    let bad = [
        failure(caller.call::<i64>("it.subtract", (1,)).await),
        failure(caller.call::<i64>("it.subtract", (1, 2, 3)).await),
        failure(caller.call::<i64>("it.subtract", (1, "two")).await),
        failure(caller.call::<i64>("it.subtract", args!(1, c = 2)).await),
        failure(caller.call::<i64>("it.subtract", args!(1, a = 2)).await),
    ];

    for error in bad {
        let CallError::BadArguments { expected, .. } = &error else { panic!("{error:?}") };
        assert_eq!(expected, "it.subtract(a: i64, b: i64) -> i64");
        assert_eq!(error.ran(), Ran::No);
    }
    assert_eq!(mesh.calls_started(), sent, "no call reached the controller");
}

async fn arguments_that_do_not_fit_are_refused_where_nothing_was_known_of_the_callback(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;

    let error = failure(add_texts::call(&caller, "a".into(), "b".into()).await);

    assert!(matches!(error, CallError::BadArguments { .. }), "{error:?}");
    assert_eq!(error.ran(), Ran::No);
}

async fn an_unknown_name_is_answered_with_the_nearest_ones(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, subtract]).await;
    let caller = mesh.caller().await;

    let error = failure(caller.call::<i64>("it.substract", (1, 2)).timeout(HOUR).await);

    let CallError::NoSuchCallback { name, similar } = &error else { panic!("{error:?}") };
    assert_eq!(name, "it.substract");
    assert_eq!(similar.first().map(String::as_str), Some("it.subtract"));
    assert_eq!((error.ran(), error.is_retryable()), (Ran::No, true));
}

async fn an_unknown_node_is_answered_with_the_nearest_ones(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;

    let error = failure(add::call(&caller, 1, 2).on("calee").timeout(HOUR).await);
    let CallError::NoSuchNode { node, similar } = &error else { panic!("{error:?}") };
    assert_eq!((node.as_str(), similar.first().map(String::as_str)), ("calee", Some("callee")));

    let error = failure(add::call(&caller, 1, 2).on("caller").timeout(HOUR).await);
    assert_eq!(error.ran(), Ran::No, "the node is there, and offers nothing: {error:?}");
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn a_panic_is_an_error_with_its_message_and_place_and_ends_nothing(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, panic, panic_on_thread]).await;
    let caller = mesh.caller().await;

    for name in ["it.panic", "it.panic_on_thread"] {
        let error = failure(caller.call::<i64>(name, ("out of cheese",)).await);

        let CallError::Panicked { node, message, at } = &error else { panic!("{error:?}") };
        assert_eq!((node.as_str(), message.as_str()), ("callee", "out of cheese"));
        assert!(at.contains("tests/it/offers.rs:"), "{at}");
        assert_eq!(error.ran(), Ran::Yes);
    }
    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
}

async fn a_result_that_cannot_be_encoded_is_an_error_and_ends_nothing(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, unsendable]).await;
    let caller = mesh.caller().await;

    let error = failure(unsendable::call(&caller).timeout(HOUR).await);

    let CallError::BadReply { node, message } = &error else { panic!("{error:?}") };
    assert_eq!(node, "callee");
    assert!(message.contains("it does not want to travel"), "{message}");
    assert_eq!(error.ran(), Ran::Yes);
    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
}

async fn a_result_of_another_type_than_asked_for_is_an_error(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;

    let error = failure(caller.call::<String>("it.add", (1, 2)).await);

    let CallError::BadReply { node, .. } = &error else { panic!("{error:?}") };
    assert_eq!((node.as_str(), error.ran()), ("callee", Ran::Yes));
}

async fn a_callback_that_never_returns_is_stopped_when_the_time_is_up(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let timeout = Duration::from_millis(200);

    let error = failure(hold::call(&caller, name).timeout(timeout).await);

    let CallError::TimedOut { stage, node, after } = &error else { panic!("{error:?}") };
    assert_eq!((*stage, *after), (Stage::Running, timeout));
    assert_eq!(node.as_ref().map(|node| node.as_str()), Some("callee"));
    assert_eq!(error.ran(), Ran::Maybe);
    probe.wait_for("ended").await;
    assert_eq!(probe.notes(), ["started", "ended"]);
    mesh.until_stat_falls_to(&caller, "calls_serving", 0).await;
}

async fn arguments_that_are_too_large_are_refused_before_they_are_sent(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![count]).await;
    let caller = mesh.connect("caller", Vec::new()).body_bytes_max(BODY_BYTES_MAX).await.unwrap();
    let most = BODY_BYTES_MAX - 16;
    let taken = count::call(&caller, vec![0; most]).await.unwrap();
    let sent = mesh.calls_started();

    let error = failure(count::call(&caller, vec![0; BODY_BYTES_MAX]).await);

    let CallError::TooLarge { what, limit, ran, .. } = &error else { panic!("{error:?}") };
    assert_eq!((what.as_str(), *limit, *ran), ("call", BODY_BYTES_MAX as u64, Ran::No));
    assert_eq!((taken, mesh.calls_started()), (most as u64, sent));
}

async fn a_result_that_is_too_large_is_an_error_and_ends_nothing(mesh: Mesh) {
    let callee = mesh.connect("callee", callbacks![add, bytes]).body_bytes_max(BODY_BYTES_MAX);
    let _callee = callee.await.unwrap();
    let caller = mesh.caller().await;

    let error = failure(bytes::call(&caller, BODY_BYTES_MAX as u64).await);

    let CallError::TooLarge { what, ran, .. } = &error else { panic!("{error:?}") };
    assert_eq!((what.as_str(), *ran), ("reply", Ran::Yes));
    assert_eq!(bytes::call(&caller, BODY_BYTES_MAX as u64 - 16).await.unwrap().len(), BODY_BYTES_MAX - 16);
    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
}

async fn a_call_does_nothing_until_it_is_awaited(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;

    let call = add::call(&caller, 1, 2);
    caller.stats().await.unwrap();
    assert_eq!(mesh.calls_started(), 0);

    assert_eq!(call.await.unwrap(), 3);
    assert_eq!(mesh.calls_started(), 1);
}

async fn a_call_may_name_the_node_that_runs_it(mesh: Mesh) {
    let nodes = ["n1", "n2", "n3"];
    let mut connected = Vec::new();
    for name in nodes {
        connected.push(mesh.node(name, callbacks![place]).await);
    }
    let caller = mesh.caller().await;

    for name in nodes {
        assert_eq!(place::call(&caller).on(name).await.unwrap(), name);
    }
    assert_eq!(place::call(&connected[0]).on("n1").await.unwrap(), "n1", "a node may call itself by name");
}

async fn calls_of_one_key_go_to_one_node(mesh: Mesh) {
    let mut nodes = Vec::new();
    for name in ["n1", "n2", "n3"] {
        nodes.push(mesh.node(name, callbacks![place]).await);
    }
    let caller = mesh.caller().await;

    let mut used = BTreeSet::new();
    for number in 0..32 {
        let key = format!("customer-{number}");
        let first = place::call(&caller).key(&key).await.unwrap();
        for _ in 0..4 {
            assert_eq!(place::call(&caller).key(&key).await.unwrap(), first);
        }
        used.insert(first);
    }

    assert_eq!(used.len(), 3, "the keys share the nodes among them: {used:?}");
}

#[test]
fn two_callbacks_of_one_name_are_refused_with_both_places() {
    let error = Registry::try_from(callbacks![add, add]).unwrap_err();

    let RegisterError::Duplicate { name, first, second } = error else { panic!("{error:?}") };
    assert_eq!(name, "it.add");
    for place in [first, second] {
        assert!(place.contains("tests/it/offers.rs:"), "{place}");
    }
}

on_each_transport!(
    a_typed_call_returns_what_the_callback_returns,
    a_call_by_name_returns_what_the_callback_returns,
    a_declaration_calls_what_another_process_offers,
    arguments_may_be_named,
    a_callbacks_error_arrives_with_its_causes,
    arguments_that_do_not_fit_are_refused_before_they_are_sent,
    arguments_that_do_not_fit_are_refused_where_nothing_was_known_of_the_callback,
    an_unknown_name_is_answered_with_the_nearest_ones,
    an_unknown_node_is_answered_with_the_nearest_ones,
    a_panic_is_an_error_with_its_message_and_place_and_ends_nothing,
    a_result_that_cannot_be_encoded_is_an_error_and_ends_nothing,
    a_result_of_another_type_than_asked_for_is_an_error,
    a_callback_that_never_returns_is_stopped_when_the_time_is_up,
    arguments_that_are_too_large_are_refused_before_they_are_sent,
    a_result_that_is_too_large_is_an_error_and_ends_nothing,
    a_call_does_nothing_until_it_is_awaited,
    a_call_may_name_the_node_that_runs_it,
    calls_of_one_key_go_to_one_node,
);
