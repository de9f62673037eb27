//! Many callers at once, over sockets and threads.

use daffi_core::api::millis;
use daffi_core::callback::Registry;
use daffi_core::controller::Controller;
use daffi_core::error::CallError;
use daffi_core::node::Node;

use super::{all, call_error, node};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_calls_kept_and_dropped_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let controller =
        Controller::bind(&format!("unix://{}/c.sock", directory.path().display())).await.unwrap();
    let callee = node(&controller, "callee", all()).await;
    let other = node(&controller, "other", all()).await;
    let caller = node(&controller, "caller", Registry::new()).await;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");

    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let (caller, mut random) = (caller.clone(), fastrand::Rng::with_seed(seed + task));
            tokio::spawn(async move {
                for round in 0..60 {
                    storm(&caller, &mut random, round).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    let is_quiet = |node: &Node| {
        let stats = node.own_stats();
        ["calls_in_flight", "calls_running", "one_way_unacknowledged"].iter().all(|name| stats[*name] == 0)
    };
    for node in [&caller, &callee, &other] {
        let mut tries = 0;
        while !is_quiet(node) {
            // A round trip is time enough for what was cancelled to end.
            caller.call::<i64>("add", (1, 2)).await.unwrap();
            tries += 1;
            assert!(tries < 100_000, "{:?}", node.own_stats());
        }
    }
}

/// One of the things that callers do.
async fn storm(caller: &Node, random: &mut fastrand::Rng, round: i64) {
    match random.u8(..8) {
        0..=2 => {
            let name = ["add", "add_inline", "add_blocking"][random.usize(..3)];
            assert_eq!(caller.call::<i64>(name, (round, 1)).await.unwrap(), round + 1);
        }
        3 => {
            let call = caller.call::<i64>("sleeps", (60_000,)).into_future();
            let patience = millis(random.u64(..3));
            assert!(tokio::time::timeout(patience, call).await.is_err());
        }
        4 => {
            let error = caller.call::<i64>("sleeps", (60_000,)).timeout(millis(5)).await.unwrap_err();
            assert!(matches!(call_error(error), CallError::TimedOut { .. }));
        }
        5 => caller.tell("add", (1, 2)).no_return().await.unwrap(),
        6 => {
            let mut job = caller.call::<i64>("sleeps", (1,)).bg();
            if random.bool() {
                job.cancel().await.unwrap();
            } else if random.bool() {
                assert_eq!(job.await.unwrap(), 1);
            }
        }
        _ => {
            let replies = caller.call::<i64>("add", (round, 1)).broadcast().await.unwrap();
            assert!(replies.len() == 2 && replies.all_ok().is_ok());
        }
    }
}
