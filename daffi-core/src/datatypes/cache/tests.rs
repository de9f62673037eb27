use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;

use super::state::{Begun, CacheInfo, CacheState};
use crate::datatypes::guard::trial::{Account, Event, Trial, claim, events};
use crate::error::DataError;
use crate::hosted::{Key, SessionId, Time, Value};

type Caches = Trial<CacheState>;

fn key(key: impl serde::Serialize) -> Key {
    Key::of(&key).unwrap()
}

fn value(value: u64) -> Value {
    Value::of(&value).unwrap()
}

fn begin(
    it: &mut Caches,
    session: SessionId,
    ticket: u64,
    of: &Key,
    slide_ms: Option<u64>,
) -> Poll<Result<Begun, DataError>> {
    it.call(session, "begin", &("it", claim(ticket, None), of, slide_ms))
}

fn compute(it: &mut Caches, session: SessionId, ticket: u64, of: &Key) -> u64 {
    match begin(it, session, ticket, of, None) {
        Poll::Ready(Ok(Begun::Compute(token))) => token,
        other => panic!("{other:?}"),
    }
}

fn info(it: &mut Caches, session: SessionId) -> (u64, u64, u64, u64) {
    let CacheInfo { hits, misses, size, computing } = it.get(session, "info", &("it",));
    (hits, misses, size, computing)
}

#[test]
fn one_computes_and_the_others_have_what_it_came_to() {
    let mut it = Caches::new();
    let (one, other) = (it.open(), it.open());
    let token = compute(&mut it, one, 1, &key("a"));
    assert!(begin(&mut it, other, 1, &key("a"), None).is_pending());
    compute(&mut it, other, 2, &key("b"));

    assert!(it.get::<bool>(one, "finish", &("it", token, value(7), None::<u64>)));

    assert_eq!(begin(&mut it, other, 1, &key("a"), None), Poll::Ready(Ok(Begun::Hit(value(7)))));
    assert_eq!(it.get::<Option<Value>>(other, "get", &("it", key("a"))), Some(value(7)));
    assert_eq!(info(&mut it, one), (1, 2, 1, 1));
}

#[test]
fn a_computation_that_has_ended_stores_nothing() {
    let mut it = Caches::new();
    let one = it.open();
    let of = key(-1);
    for end in ["release", "forget", "clear", "put", "session"] {
        let two = it.open();
        let token = compute(&mut it, two, 1, &of);
        match end {
            "release" => it.get(two, end, &("it", token)),
            "forget" => assert!(!it.get::<bool>(two, end, &("it", &of))),
            "clear" => assert_eq!(it.get::<u64>(two, end, &("it",)), 0),
            "put" => it.get(two, end, &("it", &of, value(1), Some(5))),
            _ => it.end(two),
        }

        assert!(!it.get::<bool>(one, "finish", &("it", token, value(2), None::<u64>)), "{end}");

        let kept: Option<Value> = it.get(one, "get", &("it", &of));
        assert_eq!(kept, (end == "put").then(|| value(1)), "{end}");
        it.advance(Duration::from_millis(5));
    }
}

#[test]
fn what_is_alike_to_python_is_two_keys() {
    let mut it = Caches::new();
    let one = it.open();
    for (at, of) in
        (0..).zip([key(("f", (-1,))), key(("f", (-2,))), key(("f", ("-1",))), key(("f", (1.0, 1)))])
    {
        it.get::<()>(one, "put", &("it", of, value(at), None::<u64>));
    }
    assert_eq!(info(&mut it, one), (0, 0, 4, 0));
}

#[test]
fn no_time_is_refused_and_changes_nothing() {
    let mut it = Caches::new();
    let one = it.open();
    let refused = [
        it.call::<()>(one, "put", &("it", key(1), value(1), Some(0))).is_ready(),
        matches!(begin(&mut it, one, 1, &key(1), Some(0)), Poll::Ready(Err(DataError::Invalid { .. }))),
    ];
    assert_eq!(refused, [true; 2]);
    assert!(it.is_absent());
    let token = compute(&mut it, one, 1, &key(1));
    let error = it.call::<bool>(one, "finish", &("it", token, value(1), Some(0)));
    assert!(matches!(error, Poll::Ready(Err(DataError::Invalid { .. }))), "{error:?}");
    assert_eq!(info(&mut it, one), (0, 1, 0, 1));
}

#[test]
fn a_cache_that_was_cleared_takes_no_room() {
    let mut it = Caches::new();
    let one = it.open();
    let empty = it.bytes();
    it.get::<()>(one, "put", &("it", key("a"), value(1), Some(5)));
    let with_a_value = it.bytes();
    compute(&mut it, one, 1, &key("b"));
    assert!(empty < with_a_value && with_a_value < it.bytes());
    it.restart();

    assert_eq!(it.get::<u64>(one, "clear", &("it",)), 1);

    assert!(it.is_absent());
    assert_eq!(it.bytes(), empty);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin { session: usize, ticket: u64, key: u8, slide_ms: Option<u64> },
    Finish { pick: usize, ttl_ms: Option<u64> },
    Release { pick: usize },
    Put { key: u8, ttl_ms: Option<u64> },
    Forget { key: u8 },
    Clear,
    Happens(Event),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let time = || proptest::option::of(1u64..20);
    let begin = (0..2usize, 0..9u64, 0..4u8, time())
        .prop_map(|(session, ticket, key, slide_ms)| Step::Begin { session, ticket, key, slide_ms });
    let step = prop_oneof![
        8 => begin,
        4 => (any::<usize>(), time()).prop_map(|(pick, ttl_ms)| Step::Finish { pick, ttl_ms }),
        2 => any::<usize>().prop_map(|pick| Step::Release { pick }),
        2 => (0..4u8, time()).prop_map(|(key, ttl_ms)| Step::Put { key, ttl_ms }),
        1 => (0..4u8).prop_map(|key| Step::Forget { key }),
        1 => Just(Step::Clear),
        4 => events(2).prop_map(Step::Happens),
    ];
    proptest::collection::vec(step, 0..80)
}

/// A naive cache.
#[derive(Debug, Default)]
struct Naive {
    values: BTreeMap<u8, (u64, Option<Time>)>,
    flights: Account<u8>,
    hits: u64,
    misses: u64,
    /// The next value that is stored.
    next: u64,
}

impl Naive {
    fn store(&mut self, key: u8, now: Time, ttl_ms: Option<u64>) -> Value {
        self.next += 1;
        self.values.insert(key, (self.next, ttl_ms.map(|ms| now.after(Duration::from_millis(ms)))));
        value(self.next)
    }

    fn overtake(&mut self, key: u8) {
        self.flights.grants.retain(|flight| flight.of != key);
    }

    /// A token of one that is computed, or, now and then, of none.
    fn pick(&self, pick: usize) -> u64 {
        let tokens = self.flights.tokens();
        tokens.get(pick % (tokens.len() + 1)).copied().unwrap_or(pick as u64 % 50)
    }
}

fn begin_both(
    it: &mut Caches,
    naive: &mut Naive,
    session: SessionId,
    ticket: u64,
    of: u8,
    slide: Option<u64>,
) {
    let answer = begin(it, session, ticket, &key(of), slide);
    let now = it.now();
    if let Some(token) = naive.flights.known(session, ticket) {
        assert_eq!(answer, Poll::Ready(Ok(Begun::Compute(token))));
    } else if let Some((found, expires)) = naive.values.get_mut(&of) {
        assert_eq!(answer, Poll::Ready(Ok(Begun::Hit(value(*found)))));
        naive.hits += 1;
        *expires = slide.map(|ms| now.after(Duration::from_millis(ms))).or(*expires);
    } else if naive.flights.grants.iter().any(|flight| flight.of == of) {
        assert_eq!(answer, Poll::Pending);
    } else {
        let Poll::Ready(Ok(Begun::Compute(token))) = answer else { panic!("{answer:?}") };
        naive.misses += 1;
        naive.flights.insert(now, session, &claim(ticket, None), token, of);
    }
}

fn step(it: &mut Caches, naive: &mut Naive, sessions: &mut [SessionId], step: Step) {
    match step {
        Step::Begin { session, ticket, key, slide_ms } => {
            begin_both(it, naive, sessions[session], ticket, key, slide_ms);
        }
        Step::Finish { pick, ttl_ms } => {
            let token = naive.pick(pick);
            let of = naive.flights.grants.iter().find(|flight| flight.token == token).map(|flight| flight.of);
            let stored = of.map_or_else(|| value(0), |of| naive.store(of, it.now(), ttl_ms));
            let done: bool = it.get(sessions[0], "finish", &("it", token, stored, ttl_ms));
            assert_eq!(done, naive.flights.remove(token));
        }
        Step::Release { pick } => {
            let token = naive.pick(pick);
            let answer = it.call::<()>(sessions[0], "release", &("it", token));
            assert_eq!(matches!(answer, Poll::Ready(Ok(()))), naive.flights.remove(token));
        }
        Step::Put { key: of, ttl_ms } => {
            naive.overtake(of);
            let stored = naive.store(of, it.now(), ttl_ms);
            it.get::<()>(sessions[0], "put", &("it", key(of), stored, ttl_ms));
        }
        Step::Forget { key: of } => {
            naive.overtake(of);
            let forgotten: bool = it.get(sessions[0], "forget", &("it", key(of)));
            assert_eq!(forgotten, naive.values.remove(&of).is_some());
        }
        Step::Clear => {
            let cleared: u64 = it.get(sessions[0], "clear", &("it",));
            assert_eq!(cleared, naive.values.len() as u64);
            *naive = Naive { next: naive.next, ..Naive::default() };
        }
        Step::Happens(event) => {
            it.happens(event, sessions, &mut naive.flights);
            let now = it.now();
            naive.values.retain(|_, (_, expires)| expires.is_none_or(|expires| expires > now));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cache_does_what_a_naive_one_does(steps in steps()) {
        let mut it = Caches::new();
        let mut sessions = [it.open(), it.open()];
        let mut naive = Naive::default();
        for one in steps {
            step(&mut it, &mut naive, &mut sessions, one);
            let (size, computing) = (naive.values.len() as u64, naive.flights.grants.len() as u64);
            prop_assert_eq!(info(&mut it, sessions[0]), (naive.hits, naive.misses, size, computing));
            for of in 0..4u8 {
                let found: Option<Value> = it.get(sessions[0], "get", &("it", key(of)));
                prop_assert_eq!(found, naive.values.get(&of).map(|(found, _)| value(*found)));
            }
            prop_assert_eq!(it.is_absent(), size + computing + naive.hits + naive.misses == 0);
        }
    }
}
