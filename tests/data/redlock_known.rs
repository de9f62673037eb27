//! What a holder of a lock of several controllers knows, and when.

use std::future::IntoFuture;

use daffi::{CallError, DataError, Masters, QuorumError, RedlockGuard, millis, secs};
use futures::future::join;
use tokio::time::{Instant, sleep, timeout};

use crate::masters::Council;

fn is_impossible<T>(outcome: &Result<T, QuorumError>) -> bool {
    matches!(outcome, Err(QuorumError::QuorumIsImpossible { .. }))
}

fn is_timed_out<T>(outcome: &Result<T, QuorumError>) -> bool {
    matches!(outcome, Err(QuorumError::Data(DataError::Call(CallError::TimedOut { .. }))))
}

#[tokio::test(start_paused = true)]
async fn nothing_is_extended_any_more_once_it_is_to_be_released() {
    let council = Council::of(3).await;
    let lock = council.masters("a").await.redlock("printer").unlimited_extensions();
    for mesh in &council.meshes {
        mesh.delay("a", millis(20));
    }

    for late in [0, 1, 15, 30] {
        let guard = lock.acquire().await.unwrap();
        let extending = guard.extend();
        let releasing = tokio::spawn(guard.release().into_future());
        sleep(millis(late)).await;

        assert_eq!(extending.await, Err(QuorumError::ExtendUnlockedLock { name: "printer".into() }));
        assert_eq!(releasing.await.unwrap(), Ok(()), "after {late} ms");
        assert_eq!(lock.locked().await, Ok(None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_dropped_while_it_is_extended_leaves_no_lease() {
    let council = Council::of(3).await;
    let nodes = council.nodes("b").await;
    let lock = council.masters("a").await.redlock("printer").auto_release_time(secs(3_600));
    for mesh in &council.meshes {
        mesh.delay("a", millis(20));
    }

    for early in [0, 1, 15, 30] {
        let guard = lock.acquire().await.unwrap();
        let extending = tokio::spawn(guard.extend().into_future());
        sleep(millis(early)).await;
        drop(guard);

        let extended = extending.await.unwrap();
        assert_eq!(extended, Err(QuorumError::ExtendUnlockedLock { name: "printer".into() }));
        sleep(millis(50)).await;
        for node in &nodes {
            let there = Masters::new([node]).redlock("printer");
            assert_eq!(there.locked().await, Ok(None), "after {early} ms");
        }
    }
}

/// A lock of three masters of which one has forgotten it, and one is silent.
async fn half_known(council: &mut Council, is_renewed: bool) -> RedlockGuard {
    let lock = council.masters("a").await.redlock("printer");
    let guard = if is_renewed { lock.auto_renew() } else { lock }.acquire().await.unwrap();
    council.settled().await;
    council.kill(&[1]).await;
    council.restart(&[1], &["a"]).await;
    council.freeze_only("a", &[2]);
    guard
}

#[tokio::test(start_paused = true)]
async fn one_that_forgot_and_one_that_is_silent_prove_no_loss() {
    let mut council = Council::of(3).await;
    let guard = half_known(&mut council, false).await;

    let unknown = guard.extend().await;
    assert!(is_impossible(&unknown) && !guard.is_lost(), "{unknown:?}: {guard:?}");
    assert_eq!(guard.extend().await, Ok(()), "by now two of three have held it all the time");
    assert_eq!(guard.release().await, Ok(()));

    let mut council = Council::of(3).await;
    let guard = half_known(&mut council, true).await;
    sleep(secs(60)).await;
    assert!(!guard.is_lost(), "it was tried again: {guard:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_has_no_lease_and_one_that_is_silent_do_not_prove_that_it_was_released_late() {
    let mut council = Council::of(3).await;
    let guard = half_known(&mut council, false).await;

    let unknown = guard.release().await;

    assert!(is_impossible(&unknown), "{unknown:?}");
}

#[tokio::test(start_paused = true)]
async fn a_last_attempt_without_time_is_told_as_the_one_before_it() {
    let council = Council::of(3).await;
    let lock = council.masters("b").await.redlock("printer");
    let guard = council.masters("a").await.redlock("printer").acquire().await.unwrap();
    for mesh in &council.meshes {
        mesh.delay("b", millis(30));
    }

    let waiting = tokio::spawn(lock.acquire().timeout(millis(220)).into_future());
    sleep(millis(150)).await;
    guard.release().await.unwrap();
    let late = waiting.await.unwrap().unwrap_err();
    assert!(
        matches!(&late, QuorumError::QuorumNotAchieved { agreed: 0, failures, .. } if failures.is_empty()),
        "another held it: {late}"
    );

    let late = lock.acquire().timeout(millis(20)).await.unwrap_err();
    assert!(
        matches!(&late, QuorumError::QuorumNotAchieved { agreed: 0, failures, .. } if failures.len() > 1),
        "they did not answer in time: {late}"
    );
    sleep(millis(200)).await;
    drop(lock.acquire().timeout(secs(1)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_time_is_for_all_that_is_asked_together() {
    let council = Council::of(3).await;
    let lock = council.masters("a").await.redlock("printer");
    for mesh in &council.meshes {
        mesh.delay("a", millis(30));
    }

    // A way there and back takes 60 ms, and each grant two of them.
    let began = Instant::now();
    assert!(lock.acquire().timeout(millis(100)).await.is_err());
    assert!(lock.try_acquire().timeout(millis(100)).await.is_err());
    assert!(began.elapsed() < millis(210), "{:?}", began.elapsed());

    sleep(millis(200)).await;
    let guard = lock.acquire().timeout(millis(150)).await.unwrap();
    council.freeze_only("a", &[0, 1, 2]);
    let began = Instant::now();
    let (first, (second, took)) = join(guard.extend().into_future(), async {
        let second = guard.extend().timeout(millis(100)).await;
        (second, began.elapsed())
    })
    .await;
    assert!(is_timed_out(&second) && took < millis(110), "{second:?} after {took:?}");
    assert!(is_impossible(&first));
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_told_though_the_runtime_of_a_master_has_ended() {
    let council = Council::of(2).await;
    let mut nodes = council.nodes("a").await;
    let elsewhere = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let connect = daffi::connect("memory://redlock-elsewhere").registry(Vec::new()).with_controller();
        let node = runtime.block_on(connect.into_future()).unwrap();
        runtime.shutdown_background();
        node
    });
    nodes.insert(0, elsewhere.join().unwrap());

    let guard = Masters::new(&nodes).redlock("printer").acquire().await.unwrap();

    assert!(timeout(secs(11), guard.lost()).await.is_ok());
}
