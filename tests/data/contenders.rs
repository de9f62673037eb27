//! A thousand nodes want one lock, and many of them die while they hold it or wait for it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daffi::Node;
use daffi_core::testing::Mesh;

const CONTENDERS: usize = 1_000;

/// What all know, outside of the mesh.
#[derive(Debug, Default)]
struct Seen {
    holder: Option<usize>,
    last_token: u64,
    served: Vec<usize>,
    dead: BTreeSet<usize>,
}

/// One of them: what it does once it has the lock is chance.
async fn contend(number: usize, node: Node, mesh: Arc<Mesh>, seen: Arc<Mutex<Seen>>) {
    let acquired = node.lock("door").acquire().await;
    let Ok(guard) = acquired else {
        assert!(seen.lock().unwrap().dead.contains(&number), "{acquired:?}");
        return;
    };
    let token = guard.fencing_token();
    {
        let mut seen = seen.lock().unwrap();
        assert_eq!(seen.holder, None, "two at once");
        assert!(token > seen.last_token, "{token} after {}", seen.last_token);
        (seen.holder, seen.last_token) = (Some(number), token);
        seen.served.push(number);
    }
    let mut random = fastrand::Rng::with_seed(number as u64);
    tokio::time::sleep(Duration::from_millis(random.u64(..5))).await;
    seen.lock().unwrap().holder = None;
    if random.u8(..3) == 0 {
        seen.lock().unwrap().dead.insert(number);
        mesh.kill(node.name().as_str());
    } else {
        guard.release().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_a_thousand_gets_the_lock_in_its_turn_unless_it_dies_before() {
    let mesh = Arc::new(Mesh::new().await.unwrap());
    let seen = Arc::new(Mutex::new(Seen::default()));
    let watcher = mesh.node("watcher").await.unwrap();
    let first = watcher.lock("door").acquire().await.unwrap();
    let mut contenders = Vec::new();
    for number in 0..CONTENDERS {
        let node = mesh.node(&format!("n{number}")).registry(Vec::new()).await.unwrap();
        contenders.push(tokio::spawn(contend(number, node.clone(), mesh.clone(), seen.clone())));
        tokio::task::yield_now().await;
        // What it has sent before is in line by then.
        node.stats().await.unwrap();
    }
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..100 {
        let number = random.usize(..CONTENDERS);
        if seen.lock().unwrap().dead.insert(number) {
            mesh.kill(&format!("n{number}"));
        }
    }

    first.release().await.unwrap();
    for contender in contenders {
        contender.await.unwrap();
    }

    {
        let seen = seen.lock().unwrap();
        assert!(seen.served.is_sorted(), "one overtook another");
        assert!(seen.served.len() >= CONTENDERS - 100, "{} were served", seen.served.len());
    }
    mesh.settled().await;
    assert!(watcher.lock("door").holders().await.unwrap().is_empty());
    assert_eq!(watcher.stats().await.unwrap()["objects_waited_for"], 0);
}
