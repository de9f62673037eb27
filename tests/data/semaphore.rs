//! Semaphores, latches and barriers.

use std::future::IntoFuture;

use daffi::{Barrier, CallError, DataError, Node, millis, secs};
use daffi_core::testing::Mesh;

async fn nodes<const N: usize>(mesh: &Mesh) -> [Node; N] {
    let mut nodes = Vec::new();
    for number in 0..N {
        nodes.push(mesh.node(&format!("n{number}")).await.unwrap());
    }
    nodes.try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_more_permits_are_taken_than_there_are() {
    let mesh = Mesh::new().await.unwrap();
    let [a, b] = nodes(&mesh).await;
    let (here, there) = (a.semaphore("seats", 3), b.semaphore("seats", 3));
    let one = here.acquire().await.unwrap();
    let two = there.acquire_many(2).await.unwrap();

    assert_eq!((one.permits(), two.permits()), (1, 2));
    assert!(two.fencing_token() > one.fencing_token());
    assert_eq!(here.available().await.unwrap(), 0);
    assert!(here.try_acquire().await.unwrap().is_none());
    two.release().await.unwrap();
    assert_eq!(here.available().await.unwrap(), 2);
    assert!(here.try_acquire_many(2).await.unwrap().is_some());
    let refused = here.acquire_many(4).await.unwrap_err();
    assert!(matches!(refused, DataError::Invalid { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_many_is_not_overtaken_by_those_who_want_few() {
    let mesh = Mesh::new().await.unwrap();
    let [a, b] = nodes(&mesh).await;
    let (here, there) = (a.semaphore("seats", 3), b.semaphore("seats", 3));
    let taken = here.acquire().await.unwrap();
    let many = tokio::spawn(there.acquire_many(3).into_future());
    mesh.settled().await;

    assert!(here.try_acquire().await.unwrap().is_none());
    let few = tokio::spawn(here.acquire().into_future());
    mesh.settled().await;
    assert_eq!(here.waiters().await.unwrap(), 2);
    drop(taken);

    let many = many.await.unwrap().unwrap();
    assert!(!few.is_finished());
    let token = many.fencing_token();
    drop(many);
    assert!(few.await.unwrap().unwrap().fencing_token() > token);
}

#[tokio::test(start_paused = true)]
async fn permits_come_back_from_the_dead_and_from_those_who_hang() {
    let mesh = Mesh::new().local().await.unwrap();
    let [a, b, c] = nodes(&mesh).await;
    let seats = a.semaphore("seats", 2);
    let _dies = b.semaphore("seats", 2).acquire().await.unwrap();
    let hangs = c.semaphore("seats", 2).lease(secs(9)).acquire().await.unwrap();
    mesh.advance(secs(60)).await;
    assert_eq!(seats.holders().await.unwrap().len(), 2);

    mesh.kill("n1");
    let _first = seats.acquire().timeout(millis(1)).await.unwrap();
    mesh.freeze("n2");
    let _second = seats.acquire().timeout(secs(10)).await.unwrap();

    assert!(hangs.is_lost());
}

#[tokio::test(start_paused = true)]
async fn a_semaphore_can_be_resized_while_it_is_in_use() {
    let mesh = Mesh::new().await.unwrap();
    let [a, b] = nodes(&mesh).await;
    let seats = a.semaphore("seats", 1);
    let _taken = seats.acquire().await.unwrap();
    let waiting = tokio::spawn(b.semaphore("seats", 1).acquire().into_future());
    mesh.settled().await;

    seats.resize(2).await.unwrap();

    let _second = waiting.await.unwrap().unwrap();
    assert_eq!(seats.available().await.unwrap(), 0);
    assert!(matches!(seats.resize(0).await, Err(DataError::Invalid { .. })));
}

#[tokio::test(start_paused = true)]
async fn permits_that_are_given_up_at_any_moment_are_free() {
    let mesh = Mesh::new().seed(11).await.unwrap();
    let [a, b] = nodes(&mesh).await;
    mesh.jitter("n1", millis(5)..=millis(15));
    for moment in 0..40 {
        let asked =
            tokio::time::timeout(millis(moment), b.semaphore("seats", 3).acquire_many(2).into_future()).await;
        drop(asked);
        mesh.advance(millis(200)).await;
        assert_eq!(a.semaphore("seats", 3).available().await.unwrap(), 3, "given up after {moment} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_latch_lets_all_go_on_when_it_was_counted_down() {
    let mesh = Mesh::new().await.unwrap();
    let [a, b] = nodes(&mesh).await;
    let (here, there) = (a.latch("ready", 3), b.latch("ready", 3));
    let waiting = [tokio::spawn(here.opened().into_future()), tokio::spawn(there.opened().into_future())];
    mesh.settled().await;

    assert_eq!(there.count_down().await.unwrap(), 2);
    assert_eq!(here.left().await.unwrap(), 2);
    assert!(here.opened().timeout(secs(1)).await.is_err());
    assert_eq!(here.count_down_by(9).await.unwrap(), 0);

    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    here.opened().await.unwrap();
    here.reset().await.unwrap();
    assert_eq!(there.left().await.unwrap(), 3);
}

fn wait(barrier: Barrier) -> tokio::task::JoinHandle<Result<bool, DataError>> {
    tokio::spawn(async move { barrier.wait().await })
}

#[tokio::test(start_paused = true)]
async fn all_parties_pass_a_barrier_together_and_one_of_them_is_the_last() {
    let mesh = Mesh::new().await.unwrap();
    let nodes: [Node; 3] = nodes(&mesh).await;
    for _round in 0..3 {
        let mut waiting = Vec::new();
        for node in &nodes[..2] {
            waiting.push(wait(node.barrier("line", 3)));
            mesh.advance(secs(60)).await;
        }
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        assert_eq!(nodes[2].barrier("line", 3).arrived().await.unwrap(), ["n0", "n1"]);

        assert!(nodes[2].barrier("line", 3).wait().await.unwrap());

        for waiting in waiting {
            assert!(!waiting.await.unwrap().unwrap());
        }
    }
    let none = nodes[0].barrier("line", 0).wait().await.unwrap_err();
    assert!(matches!(none, DataError::Invalid { .. }), "{none}");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_a_barrier_or_dies_there_is_not_counted() {
    let mesh = Mesh::new().local().await.unwrap();
    let [a, b, c] = nodes(&mesh).await;
    let leaving = wait(a.barrier("line", 3));
    let _dying = wait(b.barrier("line", 3));
    mesh.settled().await;
    assert_eq!(c.barrier("line", 3).arrived().await.unwrap(), ["n0", "n1"]);

    leaving.abort();
    mesh.kill("n1");
    mesh.settled().await;

    assert!(c.barrier("line", 3).arrived().await.unwrap().is_empty());
    let waiting = [wait(a.barrier("line", 3)), wait(a.barrier("line", 3))];
    mesh.settled().await;
    assert!(c.barrier("line", 3).wait().await.unwrap());
    for waiting in waiting {
        assert!(!waiting.await.unwrap().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_cut_off_while_it_waited_at_a_barrier_has_not_passed_it() {
    let mesh = Mesh::new().local().await.unwrap();
    let [a, b] = nodes(&mesh).await;
    let waiting = wait(a.barrier("line", 3));
    mesh.settled().await;

    mesh.cut("n0");
    mesh.advance(millis(1)).await;
    mesh.heal("n0");

    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, DataError::Call(CallError::Disconnected { .. })), "{error}");
    assert!(b.barrier("line", 3).arrived().await.unwrap().is_empty());
}
