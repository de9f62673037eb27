//! Schedules and kept results in the store: there for the controller, and for what it saves.

use std::sync::Arc;
use std::time::Duration;

use super::super::hosted::own_kinds;
use super::super::jobs::{Jobs, Numbers};
use super::super::schedules::Schedules;
use super::harness::{Mesh, Reply};
use super::rights::token;
use crate::config;
use crate::error::CallError;
use crate::hosted::{Snapshot, Store, kinds};
use crate::identity::Identity;
use crate::wire::{
    Extension, Flags, JobId, Missed, ObjectEntry, ObjectQuery, Overlap, ScheduleEntry, ScheduleSpec, When,
    encode,
};

const SECOND: Duration = Duration::from_secs(1);

fn every_second(callback: &str) -> ScheduleSpec {
    ScheduleSpec {
        callback: callback.into(),
        body: encode(&("an argument",)).expect("it encodes"),
        when: When::Every { period_ms: 1_000, times: None, first_in_ms: None },
        name: None,
        on: None,
        key: None,
        timeout_ms: 10_000,
        overlap: Overlap::Allow,
        missed: Missed::Skip,
    }
}

/// A mesh with a schedule of `work` and a kept result of it, both of a token's holder; and that one.
fn mesh() -> (Mesh, usize, usize) {
    let mut mesh = Mesh::hosting(1, kinds().expect("each has its own name"));
    let worker = mesh.join("worker", &["work"]);
    mesh.identity = token("t1", &["work"], &[]);
    let owner = mesh.join("owner", &[]);
    let _: ScheduleEntry = mesh.ask(owner, "daffi.schedule.create", &(every_second("work"),));
    let kept = Flags::BACKGROUND.with(Flags::KEPT);
    mesh.call(owner, "work", kept, &Extension::default(), None);
    let run = mesh.node(worker).running.pop().expect("it was sent");
    mesh.answer(worker, run, b"\x07");
    (mesh, worker, owner)
}

#[test]
fn nobody_can_list_call_or_destroy_what_the_controller_keeps_for_itself() {
    let (mut mesh, ..) = mesh();
    mesh.identity = Arc::new(Identity::memory());
    let operator = mesh.join("operator", &[]);

    let all = ObjectQuery::default();
    assert_eq!(mesh.ask::<_, Vec<ObjectEntry>>(operator, "daffi.objects", &(all,)), []);
    assert_eq!((mesh.stat("objects"), mesh.stat("objects_bytes")), (0, 0));
    assert_eq!((mesh.stat("schedules"), mesh.stat("jobs_kept")), (1, 1));
    let mut refusal = |name: &str, kind: &str| {
        mesh.call_with(operator, name, Flags::NONE, &Extension::default(), None, &(kind, "all"));
        let replies = mesh.replies(operator);
        let [(_, Reply::Error(error))] = &replies[..] else { panic!("{name}: {replies:?}") };
        error.clone()
    };
    for (name, kind) in [("daffi.object", "daffi.schedules"), ("daffi.object.destroy", "daffi.jobs")] {
        let error = refusal(name, kind);
        // As of any other kind that there is not.
        let CallError::BadArguments { got, .. } = error else { panic!("{name}: {error}") };
        assert_eq!(got, format!("`{kind}`, which is no kind of object that it keeps"));
    }
    for name in ["daffi.daffi.schedules.apply", "daffi.schedules.apply"] {
        let error = refusal(name, "all");
        assert!(matches!(error, CallError::NoSuchCallback { .. }), "{name}: {error}");
    }
}

#[test]
fn what_the_store_saves_has_schedules_with_their_owners_and_results_with_their_time() {
    let (mesh, ..) = mesh();
    let saved = mesh.core.hosting.store().snapshot().expect("it can be saved").encode();

    let mut store = Store::with_own(kinds().expect("each has its own name"), own_kinds());
    store.restore(Snapshot::decode(&saved).expect("a snapshot")).expect("it can be restored");

    let schedules: &Schedules = store.peek(store.own_kind(0), "all").expect("schedules");
    assert_eq!(schedules, mesh.core.schedules());
    assert!(schedules.owner(1).is_some_and(|owner| owner.is_token("t1") && owner.role.may_call("work")));
    let jobs: &Jobs = store.peek(store.own_kind(1), "all").expect("results");
    assert_eq!(jobs, mesh.core.jobs());
    assert_eq!((jobs.len(), store.next_due()), (1, mesh.core.hosting.store().next_due()));
    assert!(store.next_due().is_some(), "it is not kept for ever");
}

#[test]
fn a_schedule_whose_token_was_revoked_is_saved_as_one_that_may_do_nothing() {
    let (mut mesh, worker, _) = mesh();

    mesh.core.end_token(mesh.now, "t1", "revoked");
    mesh.advance(2 * SECOND);

    assert!(mesh.node(worker).running.is_empty(), "nothing runs in its name");
    let owner = mesh.core.schedules().owner(1).expect("it is there");
    assert_eq!(owner.objection(0), Some("revoked".into()));
}

#[test]
fn numbers_of_kept_results_are_not_given_to_other_jobs() {
    let (mut mesh, worker, owner) = mesh();
    let first = mesh.node(owner).jobs[0];
    // As after a restart, when the seed may be any.
    mesh.core.job_numbers = Numbers::new(seed_of(first));

    mesh.call(owner, "work", Flags::BACKGROUND, &Extension::default(), None);
    let run = mesh.node(worker).running.pop().expect("it was sent");
    mesh.answer(worker, run, b"\x08");
    assert_eq!(mesh.replies(owner).len(), 1);

    assert_ne!(mesh.node(owner).jobs[1], first);
    assert_eq!(mesh.ask::<_, u8>(owner, "daffi.job.result", &(first,)), 7);
    mesh.advance(config::KEPT_FOR + SECOND);
    assert_eq!(mesh.stat("jobs_kept"), 0);
}

/// A seed whose first number is this one.
fn seed_of(job: JobId) -> u64 {
    (0..).find(|seed| Numbers::new(*seed).draw() == job).expect("there are many")
}
