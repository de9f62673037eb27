//! Nodes whose links break: they come back in time, too late, or not at all.

use std::time::Duration;

use super::harness::{Mesh, Reply};
use super::rights::token;
use crate::config;
use crate::error::{CallError, Ran};
use crate::wire::{Extension, Flags, Presence};

const MOMENT: Duration = Duration::from_millis(1);

/// A caller, a callee of `f`, and a call between them that runs.
fn running(mesh: &mut Mesh) -> (usize, usize, u64) {
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    let run = mesh.node(callee).running[0];
    (caller, callee, run)
}

fn suspicion(mesh: &Mesh, at: usize) -> Vec<bool> {
    let told = mesh.nodes[at].presence.iter();
    told.filter_map(|presence| match presence {
        Presence::Suspect { suspect, .. } => Some(*suspect),
        _ => None,
    })
    .collect()
}

#[test]
fn a_callee_that_comes_back_in_time_answers_what_it_was_asked() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, run) = running(&mut mesh);

    assert!(mesh.part(callee));
    mesh.advance(config::GRACE - MOMENT);
    mesh.answer(callee, run, b"\x03");
    assert!(mesh.replies(caller).is_empty());
    let secret = mesh.secret_of(callee);
    assert!(mesh.come_back(callee, secret));

    assert!(
        matches!(&mesh.replies(caller)[..], [(_, Reply::Value(body, node))] if body == b"\x03" && node == "callee")
    );
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    assert_eq!(mesh.node(callee).running.len(), 1, "it is still on offer");
    assert_eq!((mesh.stat("sessions_away"), mesh.stat("sessions_resumed"), mesh.stat("sessions")), (0, 1, 2));
}

#[test]
fn a_caller_that_comes_back_in_time_gets_what_was_answered_meanwhile() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, run) = running(&mut mesh);

    assert!(mesh.part(caller));
    mesh.answer(callee, run, b"\x03");
    assert_eq!(mesh.node(callee).cancelled, 0);
    let secret = mesh.secret_of(caller);
    assert!(mesh.come_back(caller, secret));

    assert!(matches!(&mesh.replies(caller)[..], [(_, Reply::Value(body, _))] if body == b"\x03"));
    mesh.check_empty();
}

#[test]
fn a_node_that_stays_away_is_lost_when_the_grace_is_over() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, _) = running(&mut mesh);
    mesh.part(callee);

    mesh.advance(config::GRACE - MOMENT);
    assert!(mesh.replies(caller).is_empty());
    mesh.advance(MOMENT);

    let [(_, Reply::Error(CallError::NodeLost { node, ran: Ran::Maybe }))] = &mesh.replies(caller)[..] else {
        panic!("lost");
    };
    assert_eq!(node.as_str(), "callee");
    assert_eq!((mesh.stat("sessions"), mesh.stat("sessions_away"), mesh.stat("offers")), (1, 0, 0));
    mesh.check_empty();
}

#[test]
fn a_link_that_must_not_break_ends_its_session_at_once() {
    let mut mesh = Mesh::new(1);
    mesh.core.set_grace(Duration::ZERO);
    let (caller, callee, _) = running(&mut mesh);

    assert!(!mesh.part(callee));
    mesh.leave(callee);

    assert!(matches!(&mesh.replies(caller)[..], [(_, Reply::Error(CallError::NodeLost { .. }))]));
}

#[test]
fn new_calls_go_to_a_node_that_is_away_only_when_nobody_else_serves() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    let (away, other) = (mesh.join("away", &["f"]), mesh.join("other", &["f"]));
    mesh.part(away);

    for _ in 0..5 {
        mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    }
    assert_eq!(mesh.node(other).running.len(), 5);
    mesh.leave(other);
    mesh.replies(caller);
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);

    assert!(mesh.replies(caller).is_empty(), "it waits for the one that is away");
    let secret = mesh.secret_of(away);
    assert!(mesh.come_back(away, secret));
    assert_eq!(mesh.node(away).running.len(), 1);
}

#[test]
fn who_listens_hears_of_the_doubt_and_of_its_end() {
    let mut mesh = Mesh::new(1);
    let (listener, node) = (mesh.join("listener", &[]), mesh.join("node", &["f"]));
    mesh.ask::<_, ()>(listener, "daffi.presence", &(true,));

    mesh.part(node);
    assert_eq!(suspicion(&mesh, listener), [true]);
    let secret = mesh.secret_of(node);
    mesh.come_back(node, secret);

    assert_eq!(suspicion(&mesh, listener), [true, false]);
    assert!(!mesh.nodes[listener].presence.iter().any(|told| matches!(told, Presence::Left { .. })));
}

#[test]
fn a_wrong_secret_goes_on_with_nothing() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, _) = running(&mut mesh);
    mesh.part(callee);
    let secret = mesh.secret_of(callee);

    assert!(!mesh.come_back(callee, (secret.0 ^ 1, secret.1)));

    // It is a node of that name that begins anew, so the session that is away has no use any more.
    assert!(matches!(
        &mesh.replies(caller)[..],
        [(_, Reply::Error(CallError::NodeLost { ran: Ran::Maybe, .. }))]
    ));
    assert_eq!((mesh.stat("resumes_refused"), mesh.stat("sessions_resumed")), (1, 0));
    assert_eq!((mesh.stat("sessions"), mesh.stat("sessions_away")), (2, 0));
}

#[test]
fn a_wrong_secret_does_nothing_to_a_node_that_is_there() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, run) = running(&mut mesh);
    let secret = mesh.secret_of(callee);
    mesh.nodes[callee].pretend_another_start();

    assert!(!mesh.come_back(callee, (secret.0, secret.1 ^ 1)));

    mesh.answer(callee, run, b"\x01");
    assert!(matches!(&mesh.replies(caller)[..], [(_, Reply::Value(..))]));
    assert_eq!(mesh.stat("sessions_refused"), 1, "its name is taken");
}

#[test]
fn a_stranger_who_knows_the_secret_gets_neither_the_session_nor_its_name() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, run) = running(&mut mesh);
    mesh.part(callee);
    let (own, secret) = (mesh.identity.clone(), mesh.secret_of(callee));

    mesh.identity = token("t1", &["*"], &["*"]);
    assert!(!mesh.come_back(callee, secret));
    assert_eq!((mesh.stat("sessions_away"), mesh.stat("sessions_refused")), (1, 1));
    mesh.identity = own;
    assert!(mesh.come_back(callee, secret));
    mesh.answer(callee, run, b"\x03");

    assert!(matches!(&mesh.replies(caller)[..], [(_, Reply::Value(..))]));
}

#[test]
fn another_start_of_the_node_ends_the_session_that_is_away() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, _) = running(&mut mesh);
    mesh.part(callee);

    let started = mesh.join("callee", &["f"]);

    assert!(matches!(
        &mesh.replies(caller)[..],
        [(_, Reply::Error(CallError::NodeLost { ran: Ran::Maybe, .. }))]
    ));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    assert_eq!(mesh.node(started).running.len(), 1);
    assert_eq!(mesh.stat("sessions_away"), 0);
}

#[test]
fn a_link_that_is_thought_alive_is_replaced_by_the_one_with_the_secret() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, run) = running(&mut mesh);

    let secret = mesh.secret_of(callee);
    assert!(mesh.come_back(callee, secret));
    mesh.answer(callee, run, b"\x03");

    assert!(matches!(&mesh.replies(caller)[..], [(_, Reply::Value(..))]));
    assert_eq!((mesh.stat("sessions"), mesh.stat("nodes")), (2, 2));
}

#[test]
fn of_two_claims_at_once_the_later_has_the_session() {
    let mut mesh = Mesh::new(1);
    let (_, callee, _) = running(&mut mesh);
    mesh.part(callee);

    assert_eq!(mesh.claim_twice(callee), [true, true]);

    assert_eq!((mesh.stat("sessions"), mesh.stat("sessions_away"), mesh.stat("sessions_resumed")), (2, 0, 2));
}

#[test]
fn a_session_whose_bytes_are_gone_gives_way_to_a_new_one() {
    let mut mesh = Mesh::new(1);
    let (caller, callee, _) = running(&mut mesh);
    mesh.part(callee);

    let anew = mesh.come_back_in_vain(callee);
    mesh.register(anew, &["f"], true);

    assert!(matches!(
        &mesh.replies(caller)[..],
        [(_, Reply::Error(CallError::NodeLost { ran: Ran::Maybe, .. }))]
    ));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    assert_eq!(mesh.node(anew).running.len(), 1);
}

#[test]
fn nothing_that_is_printed_of_a_session_has_its_secret() {
    let mut mesh = Mesh::new(1);
    let node = mesh.connect();
    mesh.hello(node, "node");
    let (_, session) = mesh.core.sessions.iter_mut().next().expect("one is there");
    session.back.secret = Some((1_111_111, 7_777_777));

    let printed = format!("{session:?}");

    assert!(printed.contains("Return { incarnation"));
    assert!(!printed.contains("1111111") && !printed.contains("7777777"));
}
