use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::error::DataError;
use crate::hosted::{
    Asker, Condition, Hosted, Line, Method, Methods, ObjectKind, Others, Refusal, Run, Stop,
};
use crate::wire;

/// Tallies that expire, of which one session at a time may hold the whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Tallies {
    counts: BTreeMap<String, (i64, Option<Time>)>,
    holder: Option<(SessionId, u64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{0} is too many")]
struct TooMany(i64);

fn put<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), Stop> {
    Ok(wire::encode_into(out, value)?)
}

impl Methods for Tallies {
    const KIND: &'static str = "tallies";
    const METHODS: &'static [Method<Self>] = &[
        method(Run::Read(|tallies, _, args, out| {
            let name: String = args.take("name")?;
            args.end()?;
            put(out, &tallies.counts.get(&name).map(|(count, _)| *count))
        })),
        method(Run::Write(|tallies, turn, args, out| {
            let (name, by): (String, i64) = (args.take("name")?, args.take("by")?);
            let last: Option<u64> = args.take("last_ms")?;
            let count = tallies.counts.get(&name).map_or(0, |(count, _)| *count) + by;
            if count > 100 {
                return Err(Stop::refused(&TooMany(count)));
            }
            let expires = last.map(|last| turn.now().after(Duration::from_millis(last)));
            tallies.counts.insert(name.clone(), (count, expires));
            turn.tell(&name).map_err(|error| Stop::refused(&error))?;
            put(out, &count)
        })),
        // Takes a count; waits for one.
        method(Run::Shrink(|tallies, _, args, out| {
            let name: String = args.take("name")?;
            let (count, _) = tallies.counts.remove(&name).ok_or(Stop::Parked)?;
            put(out, &count)
        })),
        method(Run::Write(|tallies, turn, _, out| {
            if tallies.holder.is_some() {
                return Err(Stop::Parked);
            }
            tallies.holder = Some((turn.session(), turn.revision()));
            turn.hold(turn.session());
            put(out, &turn.revision())
        })),
        method(Run::Write(|tallies, _, _, _| {
            tallies.counts.clear();
            panic!("in the middle")
        })),
        // Takes it from its holder, and forgets to say so.
        method(Run::Shrink(|tallies, _, _, out| {
            tallies.holder = None;
            put(out, &0)
        })),
        // Adds the counts of others to its own.
        Method {
            parameters: &[("others", "hosted::Others"), ("name", "String")],
            ..method(Run::Write(|tallies, turn, args, out| {
                let (others, name): (Others, String) = (args.take("others")?, args.take("name")?);
                let others = turn.others::<Self>(&others).map_err(|error| Stop::refused(&error))?;
                let all = others.into_iter().chain([&*tallies]);
                let count = all.filter_map(|one| one.counts.get(&name)).map(|(count, _)| *count).sum();
                if count > 100 {
                    return Err(Stop::refused(&TooMany(count)));
                }
                tallies.counts.insert(name, (count, None));
                put(out, &count)
            }))
        },
    ];
}

impl Hosted for Tallies {
    fn next_expiry(&self) -> Option<Time> {
        self.counts.values().filter_map(|(_, expires)| *expires).min()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        self.counts.retain(|_, (_, expires)| expires.is_none_or(|expires| expires > turn.now()));
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        if self.holder.is_some_and(|(holder, _)| holder == turn.session()) {
            self.holder = None;
            turn.let_go(turn.session());
        }
    }

    fn is_vacant(&self) -> bool {
        *self == Self::default()
    }

    fn bytes(&self) -> usize {
        assert!(!self.counts.contains_key("unspeakable"), "not to be asked");
        if self.counts.contains_key("boundless") { usize::MAX } else { 64 * self.counts.len() }
    }

    fn fence(&self) -> Option<u64> {
        self.holder.map(|(_, token)| token)
    }
}

const fn method(run: Run<Tallies>) -> Method<Tallies> {
    Method { name: "", parameters: &[], result: "", doc: "", line: Some(Line::One(0)), run }
}

const GET: u16 = 0;
const ADD: u16 = 1;
const TAKE: u16 = 2;
const HOLD: u16 = 3;
const BREAK: u16 = 4;
const DROP: u16 = 5;
const GATHER: u16 = 6;

fn store() -> Store {
    Store::new(Arc::from([ObjectKind::of::<Tallies>()]))
}

fn invocation(method: u16, arguments: &impl Serialize) -> Invocation<'static> {
    let body = wire::encode(arguments).expect("it encodes");
    Invocation { method: MethodId { kind: 0, method }, body: Cow::Owned(body) }
}

fn add(object: &str, name: &str, by: i64, last_ms: Option<u64>) -> Invocation<'static> {
    invocation(ADD, &(object, name, by, last_ms))
}

fn gather(object: &str, others: &[&str], name: &str) -> Invocation<'static> {
    invocation(GATHER, &(object, others, name))
}

/// A store with a session, and the numbers of its requests.
struct Bench {
    store: Store,
    session: SessionId,
    request: u64,
    now: Time,
}

impl Bench {
    fn new() -> Self {
        let mut store = store();
        let mut after = After::default();
        let opened = store.apply(Time(1), &Command::Open { incarnation: 7 }, &mut Vec::new(), &mut after);
        let Outcome::Opened(session) = opened else { panic!("{opened:?}") };
        Self { store, session, request: 0, now: Time(1) }
    }

    fn apply(&mut self, command: &Command<'_>) -> (Outcome, Vec<u8>, After) {
        let (mut out, mut after) = (Vec::new(), After::default());
        let outcome = self.store.apply(self.now, command, &mut out, &mut after);
        (outcome, out, after)
    }

    fn asker(&mut self) -> Asker {
        self.request += 1;
        Asker { session: self.session, request: self.request, is_again: false }
    }

    fn call(&mut self, invocation: Invocation<'static>) -> Result<i64, Denial> {
        self.call_if(&[], invocation)
    }

    fn call_if(&mut self, conditions: &[Condition], invocation: Invocation<'static>) -> Result<i64, Denial> {
        let asker = self.asker();
        let conditions = Cow::Borrowed(conditions);
        match self.apply(&Command::Call { asker, conditions, invocation }) {
            (Outcome::Value, result, _) => Ok(wire::decode(&result).expect("a number")),
            (Outcome::Refused(denial), result, _) => {
                assert!(result.is_empty(), "a refusal has no result");
                Err(denial)
            }
            other => panic!("{other:?}"),
        }
    }

    fn get(&mut self, object: &str, name: &str) -> Option<i64> {
        if self.store.is_due(self.now) {
            self.apply(&Command::Tick);
        }
        let mut out = Vec::new();
        let invocation = invocation(GET, &(object, name));
        self.store
            .look(self.now, self.session, &invocation, &mut out, &mut Effects::default())
            .expect("it can be read");
        wire::decode(&out).expect("a number")
    }
}

#[test]
fn an_object_comes_with_its_first_write_and_goes_when_it_is_vacant() {
    let mut bench = Bench::new();
    assert_eq!(bench.get("a", "x"), None);
    assert_eq!(bench.store.entry(0, "a"), None);

    assert_eq!(bench.call(add("a", "x", 2, None)), Ok(2));
    assert_eq!(bench.store.entry(0, "a").map(|entry| entry.revision), Some(1));
    assert_eq!(bench.call(invocation(TAKE, &("a", "x"))), Ok(2));

    assert_eq!(bench.store.entry(0, "a"), None);
    assert_eq!(bench.store.entries().count(), 0);
}

#[test]
fn a_method_that_stops_changes_nothing_and_costs_no_revision() {
    let mut bench = Bench::new();
    bench.call(add("a", "x", 99, None)).expect("there is room");

    let refused = bench.call(add("a", "x", 2, None));

    let value = wire::encode(&TooMany(101)).expect("it encodes");
    let refusal = Refusal { kind: "TooMany".into(), message: "101 is too many".into(), value };
    assert_eq!(refused, Err(Denial::from(Stop::Refused(refusal))));
    assert_eq!(bench.get("a", "x"), Some(99));
    assert_eq!(bench.store.revision(), 1);
}

#[test]
fn a_method_that_cannot_go_on_parks_and_leaves_no_object() {
    let mut bench = Bench::new();

    assert_eq!(bench.call(invocation(TAKE, &("a", "x"))), Err(Denial::from(Stop::Parked)));
    let waits = bench.store.wait_for(0, "a");
    let asker = bench.asker();
    let invocation = add("a", "x", 3, None);
    let (_, _, after) = bench.apply(&Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation });

    assert_eq!(after.changed, [waits], "whoever waits is told by the number it was given");
}

#[test]
fn a_batch_happens_whole_or_not_at_all() {
    let mut bench = Bench::new();
    let asker = bench.asker();
    let invocations = vec![add("a", "x", 60, None), add("b", "x", 60, None), add("a", "x", 60, None)];
    let batch = Command::Batch { asker, conditions: Cow::Borrowed(&[]), invocations };

    let (outcome, out, after) = bench.apply(&batch);

    assert!(matches!(outcome, Outcome::Refused(Denial::Stopped { at: 2, .. })), "{outcome:?}");
    assert!(out.is_empty() && after.changed.is_empty() && after.changes.is_empty());
    assert_eq!((bench.get("a", "x"), bench.get("b", "x")), (None, None));

    let asker = bench.asker();
    let invocations = vec![add("a", "x", 40, None), add("b", "x", 50, None), add("a", "x", 60, None)];
    let batch = Command::Batch { asker, conditions: Cow::Borrowed(&[]), invocations };
    let (outcome, out, _) = bench.apply(&batch);
    assert_eq!(outcome, Outcome::Value);
    let results: Vec<(u64, ByteBuf)> = wire::decode(&out).expect("a list");
    let results: Vec<i64> =
        results.iter().map(|(_, result)| wire::decode(result).expect("a number")).collect();
    assert_eq!(results, [40, 50, 100]);
    assert_eq!(bench.store.revision(), 1, "it is one step");
}

#[test]
fn a_batch_changes_what_it_writes_and_not_what_it_reads() {
    let mut bench = Bench::new();
    bench.call(add("a", "x", 40, None)).expect("it is added");
    let asker = bench.asker();
    let invocations = vec![invocation(GET, &("a", "x")), add("b", "y", 1, None)];
    let batch = Command::Batch { asker, conditions: Cow::Borrowed(&[]), invocations };
    let (_, out, after) = bench.apply(&batch);

    let results: Vec<(u64, ByteBuf)> = wire::decode(&out).expect("a list");
    assert_eq!(results.iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(after.changed.len(), 1);

    bench.call(add("a", "x", 2, None)).expect("it is added");
    let (_, again, _) = bench.apply(&batch_again(&batch));
    assert_eq!(again, out, "whoever asks again is told the revisions of then");
}

fn batch_again(batch: &Command<'static>) -> Command<'static> {
    match batch.clone() {
        Command::Batch { asker, conditions, invocations } => {
            Command::Batch { asker: Asker { is_again: true, ..asker }, conditions, invocations }
        }
        other => other,
    }
}

#[test]
fn a_condition_that_does_not_hold_changes_nothing() {
    let mut bench = Bench::new();
    let unchanged = |revision| [Condition::Revision { kind: 0, object: "a".into(), revision }];
    assert_eq!(bench.call_if(&unchanged(0), add("a", "x", 1, None)), Ok(1));

    let late = bench.call_if(&unchanged(0), add("a", "x", 1, None));

    let conflict = DataError::Conflict { object: "a".into(), expected: 0, actual: 1 };
    assert_eq!(late, Err(conflict.into()));
    assert_eq!(bench.call_if(&unchanged(1), add("a", "x", 1, None)), Ok(2));
}

#[test]
fn a_stale_token_is_refused_as_soon_as_its_holder_has_gone() {
    let mut bench = Bench::new();
    let token = bench.call(invocation(HOLD, &("lock",))).expect("it is free") as u64;
    let fenced = [Condition::Fence { kind: 0, object: "lock".into(), token }];
    assert_eq!(bench.call_if(&fenced, add("a", "x", 1, None)), Ok(1));

    bench.apply(&Command::End { session: bench.session, is_final: false });
    let (opened, _, _) = bench.apply(&Command::Open { incarnation: 8 });
    let Outcome::Opened(session) = opened else { panic!("{opened:?}") };
    bench.session = session;

    let stale = DataError::Stale { object: "lock".into(), token };
    assert_eq!(bench.call_if(&fenced, add("a", "x", 1, None)), Err(stale.into()));
    let next = bench.call(invocation(HOLD, &("lock",))).expect("it went back") as u64;
    assert!(next > token);
}

#[test]
fn a_request_that_is_sent_again_is_carried_out_once() {
    let mut bench = Bench::new();
    let asker = bench.asker();
    let conditions = || Cow::Borrowed(&[][..]);
    let first =
        bench.apply(&Command::Call { asker, conditions: conditions(), invocation: add("a", "x", 5, None) });
    // The node came back with another session of the same life.
    let (opened, _, _) = bench.apply(&Command::Open { incarnation: 7 });
    let Outcome::Opened(session) = opened else { panic!("{opened:?}") };

    let again = Asker { session, is_again: true, ..asker };
    let second = bench.apply(&Command::Call {
        asker: again,
        conditions: conditions(),
        invocation: add("a", "x", 5, None),
    });

    assert_eq!((first.0, first.1), (second.0, second.1));
    assert_eq!(bench.get("a", "x"), Some(5));
}

#[test]
fn an_object_that_panics_when_asked_about_itself_is_in_quarantine() {
    let mut bench = Bench::new();
    bench.call(add("good", "a", 1, None)).expect("it is added");
    bench.call(add("bad", "unspeakable", 1, Some(5))).expect("it is added");
    bench.call(add("wrapped", "boundless", 1, None)).expect("it is added");
    let entries: Vec<_> = bench.store.entries().map(|entry| (entry.name, entry.broken.is_some())).collect();
    assert_eq!(entries, [("bad", true), ("good", false), ("wrapped", true)]);
    assert!(bench.store.bytes() < 10_000, "what it says of itself fills nothing");
    bench.apply(&Command::Destroy { kind: 0, object: "wrapped".into() });
    let fence = Condition::Fence { kind: 0, object: "bad".into(), token: 1 };
    let refused = bench.call_if(&[fence], add("good", "a", 1, None));
    assert!(matches!(refused, Err(Denial::Refused(DataError::Stale { .. }))), "{refused:?}");
    assert!(bench.call(add("bad", "a", 1, None)).is_err(), "it is in quarantine");
    bench.now = Time(1_000_000_000);
    assert_eq!(bench.get("good", "a"), Some(1));
    bench.apply(&Command::Destroy { kind: 0, object: "bad".into() });
    assert_eq!(bench.store.len(), 1);
    assert_eq!(bench.call(add("bad", "a", 3, None)), Ok(3));
}

#[test]
fn a_panic_puts_its_object_in_quarantine_and_no_other() {
    let mut bench = Bench::new();
    bench.call(add("a", "x", 5, None)).expect("it is good");

    for _ in 0..2 {
        let broken = bench.call(invocation(BREAK, &("a",)));
        assert!(
            matches!(&broken, Err(Denial::Refused(DataError::Quarantined { why, .. })) if why.contains("in the middle")),
            "{broken:?}"
        );
    }
    assert!(bench.call(add("a", "x", 1, None)).is_err());
    assert_eq!(bench.call(add("b", "x", 1, None)), Ok(1));

    let destroyed = bench.apply(&Command::Destroy { kind: 0, object: "a".into() });
    assert_eq!(destroyed.0, Outcome::Known(true));
    assert_eq!(bench.call(add("a", "x", 1, None)), Ok(1));
}

#[test]
fn a_method_reads_others_as_they_are_in_its_step() {
    let mut bench = Bench::new();
    bench.call(add("a", "x", 1, None)).expect("it is good");
    bench.call(add("b", "x", 2, None)).expect("it is good");
    bench.call(add("c", "x", 4, Some(10))).expect("it is good");

    assert_eq!(bench.call(gather("a", &["b", "c", "none"], "x")), Ok(7));
    assert_eq!(bench.call(gather("a", &["a"], "x")), Ok(14), "its own is as it was before");
    assert_eq!(bench.call(gather("b", &[], "x")), Ok(2));
    assert_eq!(bench.store.entry(0, "none"), None);
    bench.now = bench.now.after(Duration::from_millis(10));
    assert_eq!(bench.call(gather("b", &["c"], "x")), Ok(2), "what has expired is gone");

    // In a batch they are as what came before has left them.
    let asker = bench.asker();
    let invocations = vec![add("b", "x", 8, None), gather("d", &["b"], "x"), gather("e", &["d"], "x")];
    let batch = Command::Batch { asker, conditions: Cow::Borrowed(&[]), invocations };
    assert_eq!(bench.apply(&batch).0, Outcome::Value);
    assert_eq!((bench.get("d", "x"), bench.get("e", "x")), (Some(10), Some(10)));
    let invocations = vec![add("b", "x", 81, None), gather("d", &["b"], "x")];
    let batch = Command::Batch { asker: bench.asker(), conditions: Cow::Borrowed(&[]), invocations };
    assert!(matches!(bench.apply(&batch).0, Outcome::Refused(Denial::Stopped { at: 1, .. })));
    assert_eq!((bench.get("b", "x"), bench.get("d", "x")), (Some(10), Some(10)));
}

#[test]
fn others_that_cannot_be_read_make_the_call_fail_before_it_begins() {
    let mut bench = Bench::new();
    bench.call(add("a", "x", 1, None)).expect("it is good");
    bench.call(invocation(BREAK, &("broken",))).expect_err("it panics");
    let many: Vec<&str> = std::iter::repeat_n("b", config::OTHERS_MAX + 1).collect();

    let broken = bench.call(gather("a", &["a", "broken"], "x"));
    let is_named = |object: &str| object == "broken";
    assert!(
        matches!(&broken, Err(Denial::Refused(DataError::Quarantined { object, .. })) if is_named(object)),
        "{broken:?}"
    );
    for others in [&many[..], &[""]] {
        let refused = bench.call(gather("a", others, "x"));
        assert!(matches!(refused, Err(Denial::Refused(DataError::Invalid { .. }))), "{refused:?}");
    }
    for others in [invocation(GATHER, &("a", 7, "x")), invocation(GATHER, &("a", [7], "x"))] {
        let refused = bench.call(others);
        let is_told = matches!(refused, Err(Denial::Stopped { stop: Stop::BadArguments { .. }, .. }));
        assert!(is_told, "{refused:?}");
    }

    assert_eq!(bench.get("a", "x"), Some(1));
}

/// Cannot be copied once it is cracked.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Brittle(bool);

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(!self.0, "it breaks");
        Self(self.0)
    }
}

impl Methods for Brittle {
    const KIND: &'static str = "brittle";
    const METHODS: &'static [Method<Self>] = &[Method {
        name: "crack",
        parameters: &[("others", "Others")],
        result: "",
        doc: "",
        line: None,
        run: Run::Write(|brittle, _, args, out| {
            let _: Others = args.take("others")?;
            brittle.0 = true;
            put(out, &0)
        }),
    }];
}

impl Hosted for Brittle {
    fn bytes(&self) -> usize {
        1
    }
}

#[test]
fn another_that_cannot_be_copied_is_told_and_harms_nobody() {
    let mut bench = Bench::new();
    bench.store = Store::new(Arc::from([ObjectKind::of::<Brittle>()]));
    bench.apply(&Command::Open { incarnation: 7 });
    let crack = |object: &str, others: &[&str]| invocation(0, &(object, others));
    bench.call(crack("bad", &["none"])).expect("nothing is to be copied");

    let refused = bench.call(crack("good", &["bad"]));

    let is_told = |object: &str, why: &str| object == "bad" && why.contains("it breaks");
    assert!(
        matches!(&refused, Err(Denial::Refused(DataError::Quarantined { object, why })) if is_told(object, why)),
        "{refused:?}"
    );
    assert_eq!(bench.store.peek::<Brittle>(0, "good").map(|good| good.0), Some(false));
}

#[test]
fn what_has_expired_is_gone_before_the_next_command_sees_it() {
    let mut bench = Bench::new();
    bench.call(add("a", "x", 5, Some(10))).expect("it is good");
    bench.call(add("a", "y", 5, None)).expect("it is good");
    bench.now = bench.now.after(Duration::from_millis(10));

    assert_eq!(bench.call(add("a", "x", 1, None)), Ok(1));
    assert_eq!(bench.get("a", "y"), Some(5));

    let expire = Command::Expire { kind: 0, object: "a".into(), after: Some(Duration::from_secs(1)) };
    assert_eq!(bench.apply(&expire).0, Outcome::Known(true));
    bench.now = bench.now.after(Duration::from_secs(1));
    assert_eq!(bench.get("a", "y"), None);
    assert_eq!(bench.store.entries().count(), 0);
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_a_reason() {
    let mut bench = Bench::new();
    for bad in [
        invocation(ADD, &("a", "x")),
        invocation(ADD, &("a", "x", "one", None::<u64>)),
        invocation(ADD, &("a",)),
        invocation(ADD, &7),
        invocation(GET, &("", "x")),
        invocation(GET, &("a", "x", 1)),
        invocation(GET, &("n".repeat(257), "x")),
    ] {
        let mut out = Vec::new();
        let denied = match bad.method.method {
            GET => {
                let effects = &mut Effects::default();
                bench.store.look(bench.now, bench.session, &bad, &mut out, effects).map(drop)
            }
            _ => bench.call(bad).map(drop),
        };
        let is_told = matches!(
            denied,
            Err(Denial::Refused(DataError::Invalid { .. })
                | Denial::Stopped { stop: Stop::BadArguments { .. }, .. })
        );
        assert!(is_told, "{denied:?}");
    }
    assert_eq!(bench.store.entries().count(), 0);
}

#[test]
fn a_session_ends_well_whatever_has_become_of_what_it_held() {
    let mut bench = Bench::new();
    bench.call(invocation(HOLD, &("lock",))).expect("it is free");
    bench.call(invocation(DROP, &("lock",))).expect("it can be dropped");
    // So many come and go that places are used again.
    for at in 0..2_000 {
        let name = format!("o{at}");
        bench.call(add(&name, "x", 1, None)).expect("it is good");
        bench.call(invocation(TAKE, &(name, "x"))).expect("it is there");
    }
    let revision = bench.store.revision();

    let ended = bench.apply(&Command::End { session: bench.session, is_final: false });

    assert_eq!((ended.0, bench.store.revision()), (Outcome::Done, revision), "it held nothing");
}

#[test]
fn what_the_controller_keeps_for_itself_is_saved_and_shown_to_nobody() {
    let with_own = || Store::with_own(Arc::from([]), Arc::from([ObjectKind::of::<Tallies>()]));
    let mut store = with_own();
    let (mut out, mut after) = (Vec::new(), After::default());
    assert_eq!(
        store.peek(store.own_kind(0), "all"),
        Some(&Tallies::default()),
        "a blank one, until it is there"
    );

    let command = Command::Own { invocation: add("all", "x", 7, Some(10)) };
    assert_eq!(store.apply(Time(1), &command, &mut out, &mut after), Outcome::Value);

    assert_eq!((store.len(), store.bytes(), store.entries().count()), (0, 0, 0));
    assert!(after.changed.is_empty(), "nobody can wait for it");
    let mut other = with_own();
    other.restore(store.snapshot().expect("it can be saved")).expect("it can be restored");
    let kept = other.peek::<Tallies>(other.own_kind(0), "all").expect("it is of that type");
    assert_eq!(kept.counts["x"].0, 7);
    assert_eq!(other.next_due(), Some(Time(10_001)), "it expires like any other");
}

/// A step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Add(u8, u8, i64, Option<u64>),
    Take(u8, u8),
    Hold(u8),
    Gather(u8, Vec<u8>, u8),
    /// Adds, and then gathers from the second object what was added.
    Batch(Vec<(u8, u8, i64)>),
    Break(u8),
    Destroy(u8),
    Expire(u8, u64),
    Open,
    End(u8),
    Pass(u64),
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    let (object, name) = (0..4_u8, 0..4_u8);
    prop_oneof![
        6 => (object.clone(), name.clone(), -50..120_i64, proptest::option::of(1..50_u64))
            .prop_map(|(object, name, by, last)| Step::Add(object, name, by, last)),
        3 => (object.clone(), name.clone()).prop_map(|(object, name)| Step::Take(object, name)),
        2 => object.clone().prop_map(Step::Hold),
        2 => (object.clone(), proptest::collection::vec(object.clone(), 0..3), name.clone())
            .prop_map(|(object, others, name)| Step::Gather(object, others, name)),
        2 => proptest::collection::vec((object.clone(), name, -50..120_i64), 0..5).prop_map(Step::Batch),
        1 => object.clone().prop_map(Step::Break),
        1 => object.clone().prop_map(Step::Destroy),
        1 => (object, 1..50_u64).prop_map(|(object, last)| Step::Expire(object, last)),
        1 => Just(Step::Open),
        1 => (0..4_u8).prop_map(Step::End),
        2 => (1..40_u64).prop_map(Step::Pass),
        1 => Just(Step::Again),
    ]
}

/// The log that the steps come to: commands with their times.
fn log(steps: &[Step]) -> Vec<(Time, Command<'static>)> {
    let mut log = vec![(Time(1), Command::Open { incarnation: 0 })];
    let (mut now, mut sessions, mut request) = (Time(1), 1_u64, 0);
    for step in steps {
        request += 1;
        let asker = Asker { session: SessionId(sessions), request, is_again: false };
        let conditions = || Cow::Owned(Vec::new());
        let name = |object: u8| format!("o{object}");
        let call = |invocation| Command::Call { asker, conditions: conditions(), invocation };
        let command = match step {
            Step::Add(object, what, by, last) => call(add(&name(*object), &name(*what), *by, *last)),
            Step::Take(object, what) => call(invocation(TAKE, &(name(*object), name(*what)))),
            Step::Gather(object, others, what) => {
                let others: Vec<String> = others.iter().map(|other| name(*other)).collect();
                call(invocation(GATHER, &(name(*object), others, name(*what))))
            }
            Step::Hold(object) => call(invocation(HOLD, &(name(*object),))),
            Step::Break(object) => call(invocation(BREAK, &(name(*object),))),
            Step::Batch(adds) => {
                let adds = adds.iter().map(|(object, what, by)| add(&name(*object), &name(*what), *by, None));
                let gather = gather(&name(0), &[&name(1)], &name(0));
                Command::Batch {
                    asker,
                    conditions: conditions(),
                    invocations: adds.chain([gather]).collect(),
                }
            }
            Step::Destroy(object) => Command::Destroy { kind: 0, object: name(*object).into() },
            Step::Expire(object, last) => {
                let after = Some(Duration::from_millis(*last));
                Command::Expire { kind: 0, object: name(*object).into(), after }
            }
            Step::Open => {
                sessions += 1;
                Command::Open { incarnation: u128::from(sessions % 3) }
            }
            Step::End(session) => {
                Command::End { session: SessionId(u64::from(*session)), is_final: session % 2 == 0 }
            }
            Step::Pass(ms) => {
                now = now.after(Duration::from_millis(*ms));
                Command::Tick
            }
            Step::Again => match log.iter().rev().find_map(|(_, command)| match command {
                Command::Call { asker, conditions, invocation } => {
                    Some((*asker, conditions.clone(), invocation.clone()))
                }
                _ => None,
            }) {
                Some((asker, conditions, invocation)) => {
                    let asker = Asker { session: SessionId(sessions), is_again: true, ..asker };
                    Command::Call { asker, conditions, invocation }
                }
                None => Command::Tick,
            },
        };
        log.push((now, command));
    }
    log
}

fn play(store: &mut Store, log: &[(Time, Command<'_>)]) -> Vec<(Outcome, Vec<u8>)> {
    let mut outcomes = Vec::new();
    for (now, command) in log {
        let (mut out, mut after) = (Vec::new(), After::default());
        let revision = store.revision();
        let outcome = store.apply(*now, command, &mut out, &mut after);
        assert!(store.revision() >= revision);
        outcomes.push((outcome, out));
    }
    outcomes
}

fn state(store: &Store) -> Vec<u8> {
    store.snapshot().expect("it can be saved").encode()
}

proptest! {
    #[test]
    fn a_log_replayed_comes_to_the_same_state(steps in proptest::collection::vec(step(), 0..50)) {
        let log = log(&steps);
        let (mut first, mut second) = (store(), store());

        prop_assert_eq!(play(&mut first, &log), play(&mut second, &log));

        prop_assert_eq!(state(&first), state(&second));
    }

    #[test]
    fn a_store_restored_in_the_middle_goes_on_as_the_one_that_was_saved(
        steps in proptest::collection::vec(step(), 0..50),
        at in any::<prop::sample::Index>(),
    ) {
        let log = log(&steps);
        let (before, rest) = log.split_at(at.index(log.len()));
        let mut first = store();
        play(&mut first, before);
        let mut second = store();
        let snapshot = Snapshot::decode(&state(&first)).expect("it is one");

        second.restore(snapshot).expect("it can be restored");

        prop_assert_eq!(play(&mut first, rest), play(&mut second, rest));
        prop_assert_eq!(state(&first), state(&second));
    }

    #[test]
    fn a_logged_command_reads_as_it_was_written(steps in proptest::collection::vec(step(), 0..20)) {
        for (_, command) in log(&steps) {
            let bytes = wire::encode(&command).expect("it encodes");
            prop_assert_eq!(rmp_serde::from_slice::<Command<'_>>(&bytes).expect("it is one"), command);
        }
    }

    #[test]
    fn nothing_is_held_by_sessions_that_have_ended(steps in proptest::collection::vec(step(), 0..50)) {
        let log = log(&steps);
        let mut store = store();
        play(&mut store, &log);
        let open: BTreeSet<SessionId> = store.sessions.keys().copied().collect();
        for session in open {
            store.apply(Time(0), &Command::End { session, is_final: false }, &mut Vec::new(), &mut After::default());
        }
        for (_, place) in &store.table.places {
            prop_assert!(place.broken.is_some() || place.facts.fence.is_none());
        }
    }
}
