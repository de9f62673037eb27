//! What a role does not allow does not happen, by any way.

use std::sync::Arc;
use std::time::Duration;

use super::harness::{Mesh, Reply};
use crate::error::CallError;
use crate::hosted::kinds;
use crate::identity::{Identity, Kind, Pattern, Role};
use crate::wire::{
    Extension, Flags, JobEntry, JobId, Missed, Overlap, ScheduleEntry, ScheduleSpec, When, decode, encode,
};

const SECOND: Duration = Duration::from_secs(1);

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text).expect("a good pattern")).collect()
}

pub(super) fn token(id: &str, call: &[&str], serve: &[&str]) -> Arc<Identity> {
    let role = Role { call: patterns(call), serve: patterns(serve), ..Role::default() };
    Arc::new(Identity::new(Kind::Token { id: id.into(), name: id.into() }, role))
}

/// A mesh with a node that serves `shop.buy` and `bank.pay`, and a guest who may call `shop.*` alone.
fn mesh() -> (Mesh, usize, usize) {
    let mut mesh = Mesh::new(1);
    let server = mesh.join("server", &["shop.buy", "bank.pay"]);
    mesh.identity = token("t1", &["shop.*"], &[]);
    let guest = mesh.join("guest", &[]);
    (mesh, server, guest)
}

fn denied(mesh: &mut Mesh, at: usize) -> String {
    let replies = mesh.replies(at);
    let [(_, Reply::Error(CallError::Denied { what }))] = &replies[..] else { panic!("{replies:?}") };
    what.clone()
}

fn refused<T: serde::Serialize>(mesh: &mut Mesh, at: usize, builtin: &str, arguments: &T) -> String {
    mesh.call_with(at, builtin, Flags::NONE, &Extension::default(), None, arguments);
    denied(mesh, at)
}

fn every_second(callback: &str, name: Option<&str>) -> ScheduleSpec {
    ScheduleSpec {
        callback: callback.into(),
        body: encode(&()).expect("nothing encodes"),
        when: When::Every { period_ms: 1_000, times: None, first_in_ms: None },
        name: name.map(str::to_owned),
        on: None,
        key: None,
        timeout_ms: 10_000,
        overlap: Overlap::Allow,
        missed: Missed::Skip,
    }
}

#[test]
fn a_call_that_the_role_does_not_allow_is_denied_in_every_mode() {
    let (mut mesh, server, guest) = mesh();
    let pinned = Extension { on: Some("server".into()), ..Extension::default() };
    let late = Extension { eta_ms: Some(5), ..Extension::default() };

    for (flags, extension) in [
        (Flags::NONE, Extension::default()),
        (Flags::NONE, pinned),
        (Flags::NONE, late),
        (Flags::BACKGROUND, Extension::default()),
        (Flags::BROADCAST, Extension::default()),
    ] {
        mesh.call(guest, "bank.pay", flags, &extension, Some(SECOND));
        assert!(denied(&mut mesh, guest).contains("may not call `bank.pay`"), "{flags:?}");
    }
    mesh.one_way(guest, &["bank.pay"]);

    assert_eq!(mesh.node(guest).one_way_refused, 1);
    assert_eq!((mesh.stat("calls_denied"), mesh.node(server).running.len()), (6, 0));
    mesh.check_empty();
}

#[test]
fn what_is_everybodys_is_so_after_a_wait_as_well() {
    let (mut mesh, server, guest) = mesh();
    let later = Extension { on: Some("server".into()), eta_ms: Some(5), ..Extension::default() };

    mesh.call(guest, "daffi.ping", Flags::BACKGROUND, &later, None);
    let spec = ScheduleSpec { on: Some("server".into()), ..every_second("daffi.ping", None) };
    let _: ScheduleEntry = mesh.ask(guest, "daffi.schedule.create", &(spec,));
    mesh.advance(SECOND);

    assert_eq!((mesh.node(server).running.len(), mesh.stat("calls_denied")), (2, 0));
}

#[test]
fn what_is_allowed_goes_through_by_text_and_by_number() {
    let (mut mesh, server, guest) = mesh();

    for _ in 0..2 {
        mesh.call(guest, "shop.buy", Flags::NONE, &Extension::default(), None);
        let run = mesh.node(server).running.pop().expect("it was sent");
        mesh.answer(server, run, &[0xc0]);
        assert!(matches!(mesh.replies(guest)[..], [(_, Reply::Value(..))]));
    }

    assert!(mesh.node(guest).names.contains_key("shop.buy"));
    assert!(!mesh.node(guest).names.contains_key("bank.pay"));
}

#[test]
fn a_registration_with_one_name_that_is_not_allowed_is_refused_whole() {
    let (mut mesh, ..) = mesh();
    mesh.identity = token("t2", &[], &["shop.*"]);
    let node = mesh.join("helper", &["shop.sell"]);

    let refused = mesh.try_register(node, &["shop.list", "bank.rob"]);

    let Err(CallError::Denied { what }) = refused else { panic!("{refused:?}") };
    assert!(what.contains("may not serve `bank.rob`"), "{what}");
    assert_eq!(mesh.stat("offers_denied"), 1);
    assert_eq!(mesh.stat("offers"), 3, "those of before, and none of these");
}

#[test]
fn information_is_everybodys_and_power_is_not() {
    let (mut mesh, _, guest) = mesh();

    let stats: std::collections::BTreeMap<String, u64> = mesh.ask(guest, "daffi.stats", &());

    assert_eq!(stats["nodes"], 2);
    assert!(refused(&mut mesh, guest, "daffi.node.kick", &("server",)).contains("daffi.node.kick"));
    assert!(refused(&mut mesh, guest, "daffi.token.ls", &()).contains("daffi.token.ls"));
    assert!(refused(&mut mesh, guest, "daffi.token.revoke", &("web",)).contains("daffi.token.revoke"));
    assert!(mesh.core.asked().is_empty(), "the driver was not troubled");
}

#[test]
fn an_object_that_may_not_be_read_cannot_be_read_beside_another() {
    let mut mesh = Mesh::hosting(1, kinds().expect("each has its own name"));
    let role = Role {
        call: patterns(&["daffi.set.*"]),
        read: patterns(&["set/shop.*"]),
        write: patterns(&["*"]),
        ..Role::default()
    };
    mesh.identity = Arc::new(Identity::new(Kind::Token { id: "t1".into(), name: "t1".into() }, role));
    let guest = mesh.join("guest", &[]);
    let none: [Vec<u8>; 0] = [];

    let added: u64 = mesh.ask(guest, "daffi.set.update", &("shop.a", ["shop.b"], &none, None::<u64>));
    assert_eq!(added, 0);
    for others in [&["bank"][..], &["shop.b", "bank"]] {
        let update = ("shop.a", others, &none, None::<u64>);
        assert!(refused(&mut mesh, guest, "daffi.set.update", &update).contains("may not read `set/bank`"));
        let combine = ("shop.a", "Union", others, &none);
        assert!(refused(&mut mesh, guest, "daffi.set.combine", &combine).contains("may not read `set/bank`"));
    }
    assert!(refused(&mut mesh, guest, "daffi.set.len", &("bank",)).contains("may not read `set/bank`"));
}

#[test]
fn a_name_is_taken_over_only_by_its_own_or_by_an_operator() {
    let (mut mesh, server, _) = mesh();

    let thief = mesh.try_join("server", &[], true);
    assert!(mesh.node(thief).refused.as_ref().is_some_and(|why| why.contains("may not take the name")));
    assert!(!mesh.node(server).was_dismissed);
    let again = mesh.try_join("guest", &[], true);
    assert!(mesh.node(again).is_ready, "its own it may");
    mesh.identity = Arc::new(Identity::memory());
    let operator = mesh.try_join("guest", &[], true);
    assert!(mesh.node(operator).is_ready && mesh.node(again).was_dismissed);
}

#[test]
fn a_schedule_needs_the_right_to_call_and_runs_only_as_long_as_that_lasts() {
    let (mut mesh, server, guest) = mesh();
    let spec = (every_second("bank.pay", None),);
    assert!(refused(&mut mesh, guest, "daffi.schedule.create", &spec).contains("bank.pay"));
    let spec = (every_second("shop.buy", None),);
    let created: ScheduleEntry = mesh.ask(guest, "daffi.schedule.create", &spec);
    mesh.leave(guest);
    mesh.advance(SECOND);
    assert_eq!(mesh.node(server).running.len(), 1, "it runs though its creator has gone");

    let now = mesh.now;
    mesh.core.end_token(now, "t1", "token t1 was revoked");
    mesh.advance(3 * SECOND);

    assert_eq!(mesh.node(server).running.len(), 1, "and no more once the token was revoked");
    let shown: Option<ScheduleEntry> = mesh.ask(server, "daffi.schedule.show", &(created.id,));
    let error = shown.and_then(|entry| entry.last_error).expect("it failed");
    assert!(error.contains("revoked"), "{error}");
}

#[test]
fn nobody_changes_what_another_began() {
    let (mut mesh, server, guest) = mesh();
    let named = (every_second("shop.buy", Some("nightly")),);
    let entry: ScheduleEntry = mesh.ask(server, "daffi.schedule.create", &named);
    mesh.call(server, "bank.pay", Flags::BACKGROUND.with(Flags::KEPT), &Extension::default(), None);
    let job: JobId = *mesh.node(server).jobs.last().expect("a number");

    for deed in ["cancel", "pause", "resume"] {
        let what = refused(&mut mesh, guest, &format!("daffi.schedule.{deed}"), &(entry.id,));
        assert!(what.contains("may not administer"), "{what}");
    }
    refused(&mut mesh, guest, "daffi.schedule.create", &named);
    refused(&mut mesh, guest, "daffi.job.cancel", &(job,));
    refused(&mut mesh, guest, "daffi.job.result", &(job,));

    mesh.identity = token("t1", &["shop.*"], &[]);
    let again = mesh.join("guest2", &[]);
    let own = (every_second("shop.buy", None),);
    let own: ScheduleEntry = mesh.ask(guest, "daffi.schedule.create", &own);
    let paused: bool = mesh.ask(again, "daffi.schedule.pause", &(own.id,));
    assert!(paused, "a token's own it may change from any of its sessions");
    let cancelled: Option<ScheduleEntry> = mesh.ask(server, "daffi.schedule.cancel", &(own.id,));
    assert!(cancelled.is_some(), "and an operator may change everybody's");
}

#[test]
fn whoever_may_call_it_may_read_what_became_of_it_when_nobody_offers_it_any_more() {
    let (mut mesh, server, guest) = mesh();
    mesh.identity = token("t2", &["shop.*"], &[]);
    let other = mesh.join("other", &[]);
    mesh.call(guest, "shop.buy", Flags::BACKGROUND.with(Flags::KEPT), &Extension::default(), None);
    let job: JobId = *mesh.node(guest).jobs.last().expect("a number");

    mesh.leave(server);

    mesh.call_with(other, "daffi.job.result", Flags::NONE, &Extension::default(), None, &(job,));
    let replies = mesh.replies(other);
    assert!(matches!(&replies[..], [(_, Reply::Error(CallError::NodeLost { .. }))]), "{replies:?}");
    let listed: Vec<JobEntry> = mesh.ask(other, "daffi.jobs", &());
    assert_eq!(listed[0].callback, "shop.buy");
}

#[test]
fn a_revoked_token_loses_its_sessions_and_what_it_left_to_be_done() {
    let (mut mesh, server, guest) = mesh();
    mesh.identity = token("t2", &["*"], &[]);
    let other = mesh.join("other", &[]);
    let silent = {
        mesh.identity = token("t1", &["shop.*"], &[]);
        mesh.connect()
    };
    let late = Extension { eta_ms: Some(60_000), ..Extension::default() };
    mesh.call(guest, "shop.buy", Flags::BACKGROUND.with(Flags::KEPT), &late, None);
    let job: JobId = *mesh.node(guest).jobs.last().expect("a number");

    let now = mesh.now;
    mesh.core.end_token(now, "t1", "token t1 was revoked");
    mesh.deliver();
    mesh.hello(silent, "late");
    mesh.advance(Duration::from_secs(120));

    assert!(mesh.node(guest).was_dismissed);
    assert!(!mesh.node(other).was_dismissed);
    let refusal = mesh.node(silent).refused.clone().expect("refused");
    assert!(refusal.contains("was revoked"), "{refusal}");
    assert_eq!(mesh.node(server).running.len(), 0);
    mesh.call_with(other, "daffi.job.result", Flags::NONE, &Extension::default(), None, &(job,));
    assert!(denied(&mut mesh, other).contains("was revoked"));
    assert_eq!(mesh.stat("sessions_ended_by_token"), 1);
}

#[test]
fn a_session_ends_when_its_token_expires() {
    let mut mesh = Mesh::new(1);
    let expiring = |mesh: &Mesh, after_ms| {
        let identity = Identity::clone(&token("t1", &["*"], &["*"]));
        Arc::new(Identity { expires_ms: Some(mesh.unix_ms() + after_ms), ..identity })
    };
    mesh.identity = expiring(&mesh, 5_000);
    let node = mesh.join("node", &[]);
    mesh.identity = expiring(&mesh, 0);
    let late = mesh.connect();
    mesh.hello(late, "late");

    let refusal = mesh.node(late).refused.clone().expect("refused");
    assert!(refusal.contains("has expired"), "{refusal}");
    mesh.advance(4 * SECOND);
    assert!(!mesh.node(node).was_dismissed);
    mesh.advance(2 * SECOND);
    assert!(mesh.node(node).was_dismissed);
}

#[test]
fn a_question_is_answered_later_or_to_nobody() {
    let mut mesh = Mesh::new(1);
    let operator = mesh.join("operator", &[]);
    let ask = |mesh: &mut Mesh| {
        mesh.call_with(operator, "daffi.token.ls", Flags::NONE, &Extension::default(), Some(SECOND), &())
    };

    let first = ask(&mut mesh);
    let second = ask(&mut mesh);
    let asked = mesh.core.asked();
    assert_eq!(asked.len(), 2);
    mesh.cancel(operator, first);
    let now = mesh.now;
    for question in &asked {
        mesh.core.answer_asked(now, question.ticket, Ok(encode(&7).expect("a number encodes")));
    }
    mesh.deliver();

    let replies = mesh.replies(operator);
    let [(answered, Reply::Value(body, _))] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!((*answered, decode::<i32>(body).expect("a number")), (second, 7));
    for _ in 0..=crate::config::TOKEN_REQUESTS_MAX {
        ask(&mut mesh);
    }
    let replies = mesh.replies(operator);
    assert!(matches!(replies[..], [(_, Reply::Error(CallError::Busy { .. }))]), "{replies:?}");
    mesh.advance(2 * SECOND);
    mesh.check_empty();
}
