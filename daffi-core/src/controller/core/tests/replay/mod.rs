//! What is logged is all that the store is a function of: replayed, restored and waited for, it comes to the same.

mod arguments;
mod history;
mod spaces;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::arguments::Arguments;
use self::history::{
    History, Record, Waiters, command, forged_story, must_be_whole, replay, restored, state, store, story,
};
use super::super::Core;
use super::super::hosted::{Propose, own_kinds};
use super::harness::Mesh;
use crate::hosted::{After, Command, Denial, ObjectKind, Outcome, Stop, Store, Time, kinds};
use crate::wire::{self, Extension, Flags, Header, Kind};

/// Histories in a test run; set `DAFFI_SOAK` for more.
fn cases() -> u32 {
    std::env::var("DAFFI_SOAK").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

/// Both stores are the same, and will go on so.
fn agree(one: &Store, other: &Store) -> Result<(), TestCaseError> {
    prop_assert_eq!(state(one), state(other));
    prop_assert_eq!((one.len(), one.bytes()), (other.len(), other.bytes()));
    prop_assert_eq!(one.next_due(), other.next_due());
    Ok(())
}

#[test]
fn arguments_of_every_method_can_be_made() {
    let store = store();

    for kind in store.kinds().iter() {
        for method in &kind.methods {
            let label = format!("{}.{}", kind.name, method.name);
            let body = Arguments::new(1, &[7]).body(&label, "o", method.parameters);
            assert_eq!(wire::skip(&body), Ok(body.len()), "{label}");
        }
    }
}

#[test]
fn histories_reach_all_kinds_and_all_that_may_come_of_a_call() {
    let mut runner = TestRunner::deterministic();
    let (mut changed, mut stopped, mut refused) = (BTreeSet::new(), 0, 0);

    for _ in 0..100 {
        let story = story().new_tree(&mut runner).expect("a story").current();
        let mut history = History::of(&story);
        for step in &story.steps {
            history.take(step);
        }
        for (record, (outcome, ..)) in history.log.iter().zip(&history.told) {
            match (command(record).1, outcome) {
                (Command::Call { invocation, .. } | Command::Own { invocation }, Outcome::Value) => {
                    changed.insert(invocation.method.kind);
                }
                (_, Outcome::Refused(Denial::Stopped { stop: Stop::Parked, .. })) => stopped += 1,
                (_, Outcome::Refused(Denial::Stopped { .. })) => refused += 1,
                _ => {}
            }
        }
    }

    let store = store();
    let has_writes = |kind: &ObjectKind| kind.methods.iter().any(|method| method.access.is_write());
    let own = own_kinds();
    let kinds = store.kinds().iter().chain(own.iter()).enumerate().filter(|(_, kind)| has_writes(kind));
    for (number, kind) in kinds {
        assert!(changed.contains(&(number as u16)), "no {} was ever changed", kind.name);
    }
    assert!(stopped > 0 && refused > 0, "{stopped} calls parked, {refused} were refused");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_history_of_all_kinds_replayed_from_its_log_comes_to_the_same_after_each_command(story in story()) {
        let (mut history, mut replica, mut done) = (History::of(&story), store(), 0);

        for step in &story.steps {
            history.take(step);
            for (record, told) in history.log[done..].iter().zip(&history.told[done..]) {
                prop_assert_eq!(&replay(&mut replica, record), told);
            }
            done = history.log.len();
            agree(&history.store, &replica)?;
        }
    }

    #[test]
    fn a_state_that_was_made_up_holds_up_nobody_and_takes_no_room_that_it_has_not(story in forged_story()) {
        let mut history = History::of(&story);

        story.steps.iter().for_each(|step| history.take(step));

        prop_assert!(history.store.bytes() < 1 << 24, "{} bytes", history.store.bytes());
    }

    #[test]
    fn a_store_restored_anywhere_goes_on_as_the_one_that_was_saved(story in story(), at in any::<Index>()) {
        let (mut history, at) = (History::of(&story), at.index(story.steps.len()));
        story.steps[..at].iter().for_each(|step| history.take(step));
        let mut other = restored(&history.store);
        agree(&history.store, &other)?;
        let saved = history.log.len();

        story.steps[at..].iter().for_each(|step| history.take(step));

        for (record, told) in history.log[saved..].iter().zip(&history.told[saved..]) {
            prop_assert_eq!(&replay(&mut other, record), told);
        }
        agree(&history.store, &other)?;
    }

    #[test]
    fn who_waits_for_objects_or_watches_them_changes_nothing(story in story(), waits in prop::collection::vec(any::<u64>(), 80)) {
        let (mut history, mut alone, mut done) = (History::of(&story), store(), 0);
        let mut waiters = Waiters::default();

        for (step, wait) in story.steps.iter().zip(waits) {
            waiters.shuffle(&mut history.store, wait);
            history.take(step);
            for (record, told) in history.log[done..].iter().zip(&history.told[done..]) {
                prop_assert_eq!(&replay(&mut alone, record), told);
            }
            done = history.log.len();
            agree(&history.store, &alone)?;
        }
    }
}

/// Any method of any kind, with arguments.
fn operation(mesh: &Mesh, random: &mut fastrand::Rng) -> (String, Vec<u8>) {
    let store = mesh.core.hosting.store();
    let kind = &store.kinds()[random.usize(..store.kinds().len())];
    let method = &kind.methods[random.usize(..kind.methods.len())];
    let name = format!("daffi.{}.{}", kind.name, method.name);
    let object = ["one", "two"][random.usize(..2)];
    let body = Arguments::new(random.u64(..), &[store.revision()]).body(&name, object, method.parameters);
    (name, body)
}

/// One of several of them.
fn select(mesh: &Mesh, random: &mut fastrand::Rng) -> (String, Vec<u8>) {
    let steps: Vec<wire::Step> = (0..random.usize(1..4))
        .map(|_| operation(mesh, random))
        .map(|(callback, body)| wire::Step { callback, body: body.into() })
        .collect();
    ("daffi.select".into(), wire::encode(&(steps, random.bool())).expect("it encodes"))
}

/// One node does something to one of two objects, or time passes.
fn act(mesh: &mut Mesh, random: &mut fastrand::Rng, nodes: &mut [usize]) {
    let node = random.usize(..nodes.len());
    let at = nodes[node];
    match random.u32(..20) {
        0 => {
            mesh.leave(at);
            nodes[node] = mesh.join(&format!("n{}", mesh.nodes.len()), &["work"]);
        }
        1..4 => mesh.advance(Duration::from_millis(random.u64(..50))),
        4 => {
            if let Some(call) = random.choice(mesh.nodes[at].waiting()) {
                mesh.cancel(at, call);
            }
        }
        5 => {
            let flags = Flags::BACKGROUND.with(Flags::KEPT);
            mesh.call(at, "work", flags, &Extension::default(), Some(Duration::from_millis(20)));
        }
        choice => {
            let (name, body) = if choice == 6 { select(mesh, random) } else { operation(mesh, random) };
            let flags = if random.u32(..8) == 0 { Flags::BACKGROUND } else { Flags::NONE };
            let call = mesh.node(at).take_slot();
            let header = Header { flags, call: call.to_bits(), ..Header::new(Kind::Call) };
            let timeout = random.choice([None, Some(Duration::ZERO), Some(Duration::from_millis(30))]);
            let header = header.with_remaining(timeout.flatten());
            mesh.send_call(at, &name, header, Extension::default(), &body).expect("a good call");
        }
    }
    mesh.end_batch(nodes[node]);
}

#[test]
fn whatever_nodes_do_the_log_is_all_that_there_is_of_it() {
    for seed in 0..100 {
        let mut mesh = Mesh::hosting(seed, kinds().expect("each has its own name"));
        let recording = Recording::of(&mut mesh.core);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut nodes = ["a", "b", "c"].map(|name| mesh.join(name, &["work"]));

        for _ in 0..100 {
            act(&mut mesh, &mut random, &mut nodes);
        }

        recording.check(&mesh.core);
    }
}

/// Writes down what is proposed.
pub(super) struct Recorder(Arc<Mutex<Vec<Record>>>);

impl Propose for Recorder {
    fn propose(
        &mut self,
        store: &mut Store,
        at: Time,
        command: &Command<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Outcome {
        self.0.lock().expect("nobody panicked").push(wire::encode(&(at, command)).expect("it encodes"));
        store.apply(at, command, out, after)
    }
}

/// The log of a core from its beginning.
pub(super) struct Recording {
    records: Arc<Mutex<Vec<Record>>>,
    /// What the store began with.
    revision: u64,
}

impl Recording {
    pub(super) fn of(core: &mut Core) -> Self {
        let records = Arc::default();
        core.hosting.proposer.go_by(Recorder(Arc::clone(&records)));
        Self { records, revision: core.hosting.store().revision() }
    }

    /// Replayed into another store it makes the same as the core has now.
    pub(super) fn check(&self, core: &Core) {
        let kinds = Arc::clone(core.hosting.store().kinds());
        let mut replica = Store::with_own(kinds, own_kinds()).after_revision(self.revision);
        for record in self.records.lock().expect("nobody panicked").iter() {
            if let (Outcome::Refused(denial), ..) = replay(&mut replica, record) {
                must_be_whole(&denial);
            }
        }
        assert_eq!(state(&replica), state(core.hosting.store()), "all that changed the store was proposed");
    }
}
