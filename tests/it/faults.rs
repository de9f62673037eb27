//! Links that are slow and break by chance, in virtual time. Each seed is another mesh; a failing one is named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daffi::{CallError, Error, Node, Ran, callback, callbacks};
use daffi_core::testing::{Faults, Mesh};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;

use crate::support::{GUARD, HOUR, Probe, fresh_probe, guarded_for, probe};

/// Notes a number and gives it back, after so many milliseconds.
#[callback(name = "it.mark")]
async fn mark(probe_name: String, number: u64, milliseconds: u64) -> u64 {
    probe(&probe_name).note(number.to_string());
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    number
}

/// What became of each call, by its number.
type Outcomes = BTreeMap<u64, Result<u64, Ran>>;

const CALLERS: u64 = 4;
const CALLS: u64 = 40;
const AT_ONCE: usize = 4;

/// Meshes to try; by hand, say a thousand.
fn seeds() -> u64 {
    std::env::var("DAFFI_SEEDS").map_or(24, |seeds| seeds.parse().unwrap())
}

fn faults(seed: u64) -> Faults {
    let mut faults = Faults::seeded(seed);
    faults.delay = Some(Duration::ZERO..=Duration::from_millis(seed % 20));
    faults.cut_after_bytes = Some(600..=1_500 + 1_000 * (seed % 8));
    faults
}

fn ran(error: &Error) -> Ran {
    assert!(!matches!(error, Error::Call(CallError::Protocol { .. })), "{error:?}");
    error.ran()
}

async fn connect(mesh: &Mesh, name: &str, callbacks: Vec<daffi::Callback>) -> Node {
    mesh.node(name).registry(callbacks).timeout(HOUR).await.unwrap()
}

/// One call, in one of the modes that have an outcome. Every seventh has too little time.
async fn call(node: &Node, number: u64, name: &str) -> (u64, Result<u64, Ran>) {
    let timeout = Duration::from_millis(if number.is_multiple_of(7) { 20 } else { 2_000 });
    let made = mark::call(node, name.to_owned(), number, number % 30).timeout(timeout);
    let outcome = match number % 4 {
        0 | 1 => made.await,
        2 => made.bg().await,
        _ => made.no_return().await.map(|()| number),
    };
    (number, outcome.map_err(|error| ran(&error)))
}

/// One caller's calls, some at a time.
async fn call_in_turn(node: Node, caller: u64, name: String) -> Outcomes {
    let numbers = caller * CALLS..(caller + 1) * CALLS;
    stream::iter(numbers.map(|number| call(&node, number, &name))).buffer_unordered(AT_ONCE).collect().await
}

fn check(seed: u64, outcomes: &Outcomes, marks: &Arc<Probe>) {
    for (number, outcome) in outcomes {
        let runs = marks.count(&number.to_string());
        let is_one_way = number % 4 == 3;
        let is_right = match outcome {
            Ok(value) if is_one_way => value == number && runs <= 1,
            Ok(value) => value == number && runs == 1,
            Err(Ran::No) => runs == 0,
            Err(Ran::Maybe) => runs <= 1,
            Err(Ran::Yes) => runs == 1,
        };
        assert!(is_right, "seed {seed}: call {number} ran {runs} times and came to {outcome:?}");
    }
    assert_eq!(outcomes.len() as u64, CALLERS * CALLS, "seed {seed}");
}

/// Whether a table of the controller counts what is going on.
fn is_of_now(table: &str) -> bool {
    let tables =
        ["calls_serving", "calls_of_callers", "calls_delayed", "deadlines", "waiters", "jobs_running"];
    tables.contains(&table)
}

async fn try_mesh(seed: u64) {
    let mesh = Mesh::new().local().seed(seed).await.unwrap();
    mesh.inject(faults(seed));
    let (name, marks) = fresh_probe();
    let callees = [
        connect(&mesh, "callee-1", callbacks![mark]).await,
        connect(&mesh, "callee-2", callbacks![mark]).await,
    ];
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        callers.push(connect(&mesh, &format!("caller-{caller}"), Vec::new()).await);
    }

    let calls = (0..).zip(&callers).map(|(caller, node)| call_in_turn(node.clone(), caller, name.clone()));
    let outcomes: Outcomes = join_all(calls).await.into_iter().flatten().collect();

    check(seed, &outcomes, &marks);
    mesh.inject(Faults::default());
    for node in callees.iter().chain(&callers) {
        mesh.cut(node.name().as_str());
        mesh.heal(node.name().as_str());
    }
    let last = connect(&mesh, "last", Vec::new()).await;
    for node in callees.iter().chain(&callers) {
        last.wait_process(node.name().as_str()).await.unwrap();
    }
    assert_eq!(mark::call(&last, name, u64::MAX, 0).await.unwrap(), u64::MAX, "seed {seed}");
    tokio::time::sleep(2 * GUARD).await;
    check(seed, &outcomes, &marks);
    let left: BTreeMap<_, _> =
        last.stats().await.unwrap().into_iter().filter(|(table, _)| is_of_now(table)).collect();
    // The question itself is in flight.
    assert!(left.values().sum::<u64>() <= 1, "seed {seed}: {left:?}");
    for node in callees.iter().chain(&callers) {
        let own = node.own_stats();
        assert_eq!((own["calls_in_flight"], own["calls_running"]), (0, 0), "seed {seed}: {}", node.name());
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_ends_as_it_says_however_the_links_break() {
    guarded_for(10_000 * HOUR, async {
        for seed in 0..seeds() {
            try_mesh(seed).await;
        }
    })
    .await;
}
