//! Locks, by their handle.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::{CallError, DataError, Lock, Node, millis, secs};
use daffi_core::testing::Mesh;
use tokio::time::Instant;

async fn holders(lock: &Lock) -> Vec<String> {
    lock.holders().await.unwrap().into_iter().map(|holder| holder.owner).collect()
}

async fn two(mesh: &Mesh) -> (Node, Node) {
    (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_dropped_gives_the_lock_back_before_whatever_comes_next() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("a").await.unwrap();
    let lock = node.lock("door");
    let first = lock.acquire().await.unwrap().fencing_token();

    let second = lock.try_acquire().await.unwrap().expect("the guard was dropped");

    assert!(second.fencing_token() > first);
    assert_eq!(second.name(), "door");
    second.release().await.unwrap();
    assert_eq!(lock.locked().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn the_name_is_the_lock_whatever_lease_is_asked_for() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("test").lease(secs(10)).await.unwrap();

    assert!(b.lock("test").lease(secs(20)).try_acquire().await.unwrap().is_none());
    assert!(b.lock("test").try_acquire().timeout(secs(5)).await.unwrap().is_none());
    assert!(b.lock("tes").try_acquire().await.unwrap().is_some());
    let waiting = tokio::spawn(b.lock("test").lease(secs(20)).into_future());
    mesh.settled().await;
    drop(guard);

    let left = waiting.await.unwrap().unwrap().remaining().unwrap();
    assert!(left > secs(19) && left <= secs(20), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_may_be_a_fraction_of_a_second_but_not_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;

    let none = a.lock("door").lease(Duration::ZERO).await.unwrap_err();
    assert!(matches!(none, DataError::Invalid { .. }), "{none}");
    let guard = a.lock("door").lease(millis(500)).await.unwrap();
    mesh.freeze("a");
    let taken = b.lock("door").acquire().timeout(secs(1)).await.unwrap();

    assert!(taken.fencing_token() > guard.fencing_token());
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_as_long_as_its_guard_is_there() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").lease(secs(9)).await.unwrap();

    mesh.advance(secs(3_600)).await;

    assert!(!guard.is_lost() && guard.remaining().unwrap() >= secs(5));
    assert!(b.lock("door").try_acquire().await.unwrap().is_none());
    guard.release().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_hangs_loses_its_lease_and_knows_it_before_the_next_one_has_it() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").lease(secs(10)).await.unwrap();
    let lost = guard.lost();
    let lost = tokio::spawn(async move { (lost.await, Instant::now()) });
    let waiting = b.lock("door").acquire();
    let waiting = tokio::spawn(async move { (waiting.await.unwrap(), Instant::now()) });
    mesh.advance(secs(60)).await;

    mesh.freeze("a");
    let ((next, taken_at), (error, lost_at)) = (waiting.await.unwrap(), lost.await.unwrap());

    assert!(lost_at <= taken_at, "{lost_at:?} {taken_at:?}");
    assert!(next.fencing_token() > guard.fencing_token());
    assert_eq!(error.to_string(), "the lock `door`, whose lease ran out, is not held by this node");
    mesh.heal("a");
    let late = guard.release().await.unwrap_err();
    assert!(matches!(late, DataError::NotHeld { .. }), "{late}");
    assert_eq!(holders(&a.lock("door")).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_arrives_after_its_lease_is_known_to_be_lost() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let first = a.lock("door").await.unwrap();
    let waiting = tokio::spawn(b.lock("door").lease(secs(3)).into_future());
    mesh.settled().await;
    mesh.freeze("b");
    drop(first);
    mesh.settled().await;
    assert_eq!(holders(&a.lock("door")).await, ["b"]);
    let next = a.lock("door").acquire().timeout(secs(4)).await.unwrap();

    mesh.heal("b");
    let late = waiting.await.unwrap().unwrap();

    let error = tokio::time::timeout(millis(1), late.lost()).await.unwrap();
    assert!(matches!(error, DataError::NotHeld { .. }), "{error}");
    assert_eq!(late.remaining(), Some(Duration::ZERO));
    drop(late);
    mesh.settled().await;
    assert!(!next.is_lost());
    assert_eq!(holders(&b.lock("door")).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_grant_of_a_session_that_ended_before_anybody_looked_is_known_to_be_lost() {
    let mesh = Mesh::new().local().await.unwrap();
    let (a, b) = two(&mesh).await;
    let mut taking = std::pin::pin!(b.lock("door").into_future());
    assert!(futures::poll!(&mut taking).is_pending());
    mesh.settled().await;
    mesh.cut("b");
    mesh.settled().await;
    let next = a.lock("door").try_acquire().await.unwrap().expect("the session of b is over");
    mesh.heal("b");
    mesh.connected("b").await.unwrap();

    let late = taking.await.unwrap();

    assert!(late.fencing_token() < next.fencing_token());
    let error = tokio::time::timeout(millis(1), late.lost()).await.unwrap();
    assert!(matches!(error, DataError::NotHeld { .. }), "{error}");
    assert!(!next.is_lost());
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_kept_over_a_link_that_comes_back_in_time_and_lost_over_one_that_does_not() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").await.unwrap();
    mesh.cut("a");
    mesh.advance(secs(3)).await;
    mesh.heal("a");
    mesh.connected("a").await.unwrap();
    assert!(!guard.is_lost());
    assert_eq!(holders(&b.lock("door")).await, ["a"]);

    mesh.cut("a");
    let next = b.lock("door").acquire().timeout(secs(6)).await.unwrap();

    let error = guard.lost().await;
    assert_eq!(error.to_string(), "the lock `door`, whose session has ended, is not held by this node");
    mesh.heal("a");
    mesh.connected("a").await.unwrap();
    drop(guard);
    mesh.settled().await;
    assert_eq!(holders(&a.lock("door")).await, ["b"]);
    next.release().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_handed_on_at_once_when_its_holder_dies() {
    let mesh = Mesh::new().local().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").lease(secs(600)).await.unwrap();
    let waiting = tokio::spawn(b.lock("door").into_future());
    mesh.settled().await;
    let died_at = Instant::now();

    mesh.kill("a");

    let next = waiting.await.unwrap().unwrap();
    assert_eq!(Instant::now(), died_at);
    assert!(next.fencing_token() > guard.fencing_token());
    guard.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_broken_is_lost_to_its_holder() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    for (lease, within) in [(None, daffi::config::HOLD_CHECKED_EVERY), (Some(secs(3)), secs(1))] {
        let lock = a.lock("door");
        let guard = lease.map_or(lock.clone(), |lease| lock.lease(lease)).await.unwrap();
        assert_eq!(b.lock("door").break_lock().await.unwrap(), 1);
        assert!(b.lock("door").try_acquire().await.unwrap().is_some());

        let error = tokio::time::timeout(within + millis(10), guard.lost()).await.unwrap();

        assert_eq!(error.to_string(), "the lock `door`, which was taken away, is not held by this node");
        assert!(matches!(guard.release().await, Err(DataError::NotHeld { .. })));
    }
    assert_eq!(b.lock("door").break_lock().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_extended_lasts_as_long() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").lease(secs(3)).await.unwrap();
    let refused = guard.extend(Duration::ZERO).await.unwrap_err();
    assert!(matches!(refused, DataError::Invalid { .. }), "{refused}");
    guard.extend(secs(60)).await.unwrap();

    mesh.freeze("a");
    mesh.advance(secs(30)).await;

    assert!(b.lock("door").try_acquire().await.unwrap().is_none());
    assert!(!guard.is_lost());
    mesh.advance(secs(40)).await;
    assert!(guard.is_lost());
    assert!(b.lock("door").try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_write_with_the_fence_of_a_lock_that_was_lost_is_refused() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").await.unwrap();
    let fence = guard.fence();
    let write = || a.counters("protected").inc("x", 1).if_held(&fence);
    assert_eq!(write().await.unwrap(), 1);

    b.lock("door").break_lock().await.unwrap();
    let _other = b.lock("door").await.unwrap();

    let error = write().await.unwrap_err();
    assert!(matches!(error, DataError::Stale { .. }), "{error}");
    assert_eq!(b.counters("protected").get("x").await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_lock_and_how_many_wait_can_be_seen() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let lock = a.lock("door");
    assert_eq!((lock.locked().await.unwrap(), lock.waiters().await.unwrap()), (None, 0));
    let guard = lock.clone().lease(secs(30)).owner("the porter").await.unwrap();
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(b.lock("door").into_future())).collect();
    mesh.advance(secs(1)).await;

    let left = lock.locked().await.unwrap().unwrap();
    assert!(left > secs(28) && left <= secs(29), "{left:?}");
    assert_eq!(lock.waiters().await.unwrap(), 3);
    let holder = &lock.holders().await.unwrap()[0];
    assert_eq!((holder.owner.as_str(), holder.token), ("the porter", guard.fencing_token()));
    assert!(holder.held_for >= secs(1) && !holder.is_shared);

    waiting.iter().for_each(|waiting| waiting.abort());
    mesh.settled().await;
    assert_eq!(lock.waiters().await.unwrap(), 0);
    drop(guard);
    let forever = lock.acquire().await.unwrap();
    assert_eq!(lock.locked().await.unwrap(), Some(Duration::MAX));
    assert_eq!(forever.remaining(), None);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_asks_again_waits_and_keeps_what_it_has() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("a").await.unwrap();
    let lock = node.lock("door").lease(secs(2));
    let guard = lock.acquire().await.unwrap();

    let again = lock.acquire().timeout(secs(60)).await.unwrap_err();

    let DataError::Call(CallError::TimedOut { .. }) = again else { panic!("{again}") };
    assert!(lock.try_acquire().await.unwrap().is_none());
    guard.release().await.unwrap();
    assert!(lock.try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_waits_keeps_later_readers_out() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let (page, same) = (a.rw_lock("page"), b.rw_lock("page"));
    let readers = (page.read().await.unwrap(), same.read().await.unwrap());
    assert!(page.try_write().await.unwrap().is_none());
    assert!(b.lock("page").try_acquire().await.unwrap().is_none());
    let writing = tokio::spawn(same.write().into_future());
    mesh.settled().await;

    assert!(page.try_read().await.unwrap().is_none());
    let reading = tokio::spawn(page.read().into_future());
    mesh.settled().await;
    drop(readers);
    let writer = writing.await.unwrap().unwrap();
    assert!(page.holders().await.unwrap().iter().all(|holder| !holder.is_shared));
    let token = writer.fencing_token();
    drop(writer);

    assert!(reading.await.unwrap().unwrap().fencing_token() > token);
}

/// Whatever was asked for and given up, nobody holds the lock in the end.
async fn is_free(mesh: &Mesh, lock: &Lock) -> bool {
    mesh.advance(millis(500)).await;
    holders(lock).await.is_empty() && lock.waiters().await.unwrap() == 0
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_given_up_at_any_moment_is_free() {
    let mesh = Mesh::new().seed(7).await.unwrap();
    let (a, b) = two(&mesh).await;
    mesh.jitter("b", millis(5)..=millis(15));
    let mut granted = 0;
    for moment in 0..80 {
        let guard = a.lock("door").acquire().await.unwrap();
        let asking = tokio::spawn(b.lock("door").into_future());
        let release_at = Instant::now() + millis(moment * 7 % 40);
        let give_up_at = Instant::now() + millis(moment);
        tokio::join!(
            async {
                tokio::time::sleep_until(release_at).await;
                drop(guard);
            },
            async {
                tokio::time::sleep_until(give_up_at).await;
                granted += u32::from(asking.is_finished());
                asking.abort();
            },
        );
        // A guard that came out of it is dropped with the task.
        drop(asking.await);
        assert!(is_free(&mesh, &a.lock("door")).await, "given up after {moment} ms");
    }
    assert!(granted > 10, "some were granted, and {granted} it was");
}

#[tokio::test(start_paused = true)]
async fn a_free_lock_that_is_given_up_while_it_is_on_its_way_is_free_again() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    mesh.delay("b", millis(10));
    for moment in 0..25 {
        let asked = tokio::time::timeout(millis(moment), b.lock("door").into_future()).await;
        assert_eq!(asked.is_ok(), moment > 20, "{moment}");
        drop(asked);
        assert!(is_free(&mesh, &a.lock("door")).await, "given up after {moment} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_granted_to_one_whose_link_was_broken_is_free_once_that_gave_up() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").acquire().await.unwrap();
    let asking = tokio::spawn(b.lock("door").into_future());
    mesh.settled().await;

    mesh.cut("b");
    drop(guard);
    mesh.settled().await;
    assert_eq!(holders(&a.lock("door")).await, ["b"]);
    asking.abort();
    mesh.advance(secs(1)).await;
    mesh.heal("b");
    mesh.connected("b").await.unwrap();

    assert!(is_free(&mesh, &a.lock("door")).await);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_granted_to_one_that_no_longer_waits_for_a_silent_controller_goes_back() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").acquire().await.unwrap();
    let asking = tokio::spawn(b.lock("door").acquire().timeout(secs(10)).into_future());
    mesh.settled().await;

    mesh.freeze("b");
    drop(guard);
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, DataError::Call(CallError::TimedOut { .. })), "{error}");
    assert_eq!(holders(&a.lock("door")).await, ["b"]);
    mesh.heal("b");

    assert!(is_free(&mesh, &a.lock("door")).await);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_nobody_awaits_takes_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("a").await.unwrap();

    drop(node.lock("door").acquire());

    assert!(is_free(&mesh, &node.lock("door")).await);
}

#[tokio::test(start_paused = true)]
async fn a_guard_outlives_the_handles_of_its_node_and_lets_it_end() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = two(&mesh).await;
    let guard = a.lock("door").lease(secs(1)).await.unwrap();
    drop(a);
    mesh.advance(secs(60)).await;
    assert_eq!(holders(&b.lock("door")).await, ["a"]);

    drop(guard);

    mesh.settled().await;
    assert!(holders(&b.lock("door")).await.is_empty());
    assert!(!mesh.is_connected("a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_wait_for_locks_too() {
    let _controller = daffi::Controller::bind("memory://locks-of-threads").await.unwrap();
    let node = daffi::connect("memory://locks-of-threads").await.unwrap();
    let lock = node.lock("door").lease(secs(60));

    let thread = std::thread::spawn(move || {
        let guard = lock.acquire().wait().unwrap();
        assert!(lock.try_acquire().wait().unwrap().is_none());
        drop(guard);
        lock.try_acquire().wait().unwrap().expect("it was given back first").release().wait()
    });

    let released = tokio::task::spawn_blocking(|| thread.join()).await.unwrap();
    released.unwrap().unwrap();
    let error = node.lock("door").acquire().wait().unwrap_err();
    assert!(matches!(error, DataError::Call(CallError::WouldBlock)), "{error}");
}
