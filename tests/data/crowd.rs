//! Many who want one lock, and die while they hold it.

use std::sync::{Arc, Mutex};

use daffi::{Node, millis};
use daffi_core::testing::Mesh;

const NODES: usize = 20;
/// Of those nodes, these are not killed.
const SURVIVORS: usize = 8;
const CONTENDERS_PER_NODE: usize = 50;

/// Marsaglia's xorshift.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// What the lock protects.
#[derive(Debug, Default)]
struct Protected {
    /// Who is inside, by its node.
    inside: Option<usize>,
    last_token: u64,
    killed: Vec<usize>,
    served: Vec<usize>,
}

impl Protected {
    fn enter(&mut self, node: usize, token: u64) {
        let is_alone = self.inside.is_none_or(|other| self.killed.contains(&other));
        assert!(is_alone, "{node} came in while {:?} was there", self.inside);
        assert!(token > self.last_token, "{token} after {}", self.last_token);
        (self.inside, self.last_token) = (Some(node), token);
    }
}

/// Goes in once. Whoever is unlucky dies there.
async fn contend(mesh: Arc<Mesh>, handle: Node, node: usize, protected: Arc<Mutex<Protected>>, mut rng: Rng) {
    let Ok(guard) = handle.lock("crowded").acquire().await else { return };
    {
        let mut protected = protected.lock().unwrap();
        // It was told of its turn, and then died.
        if protected.killed.contains(&node) {
            return;
        }
        protected.enter(node, guard.fencing_token());
    }
    tokio::time::sleep(millis(rng.next() % 3)).await;
    let mut inside = protected.lock().unwrap();
    if inside.killed.contains(&node) {
        return;
    }
    if node >= SURVIVORS && rng.next().is_multiple_of(6) {
        inside.killed.push(node);
        mesh.kill(&node.to_string());
        return;
    }
    inside.inside = None;
    inside.served.push(node);
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_never_two_are_in_at_once_and_nobody_is_left_out() {
    let mesh = Arc::new(Mesh::new().local().await.unwrap());
    let mut rng = Rng(mesh.seed() | 1);
    let mut nodes = Vec::new();
    for node in 0..NODES {
        nodes.push(mesh.node(&node.to_string()).await.unwrap());
    }
    let protected = Arc::new(Mutex::new(Protected::default()));
    let mut contenders = tokio::task::JoinSet::new();
    for _ in 0..CONTENDERS_PER_NODE {
        for (node, handle) in nodes.iter().enumerate() {
            contenders.spawn(contend(
                Arc::clone(&mesh),
                handle.clone(),
                node,
                Arc::clone(&protected),
                Rng(rng.next() | 1),
            ));
        }
    }
    while let Some(ended) = contenders.join_next().await {
        ended.unwrap();
    }

    mesh.settled().await;
    let lock = nodes[0].lock("crowded");
    assert!(lock.holders().await.unwrap().is_empty());
    assert_eq!(lock.waiters().await.unwrap(), 0);
    let protected = protected.lock().unwrap();
    assert!(!protected.killed.is_empty(), "some have died");
    for node in (0..NODES).filter(|node| !protected.killed.contains(node)) {
        let served = protected.served.iter().filter(|served| **served == node).count();
        assert_eq!(served, CONTENDERS_PER_NODE, "node {node}");
    }
}
