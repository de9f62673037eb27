//! Locks that a majority of several controllers grants.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::{DataError, Masters, QuorumError, Redlock, RedlockGuard, millis, secs};
use daffi_core::testing::Faults;
use tokio::time::{Instant, sleep};

use crate::masters::{Council, two_of_five};

/// Ten seconds less what clocks may drift.
const CERTAIN: Duration = Duration::from_millis(10_000 - 100 - 2);

fn is_impossible<T>(outcome: &Result<T, QuorumError>) -> bool {
    matches!(outcome, Err(QuorumError::QuorumIsImpossible { .. }))
}

async fn is_locked(lock: &Redlock) -> bool {
    lock.locked().await.unwrap().is_some()
}

#[tokio::test(start_paused = true)]
async fn a_lock_times_out_after_ten_seconds_unless_it_is_said_otherwise() {
    let council = Council::of(5).await;
    let masters = council.masters("a").await;
    let lock = masters.redlock("printer");
    let guard = lock.acquire().await.unwrap();
    assert!(is_locked(&lock).await);
    sleep(secs(10)).await;
    assert!(!is_locked(&lock).await);
    drop(guard);

    let lock = masters.redlock("printer").auto_release_time(secs(15));
    let guard = lock.clone().await.unwrap();
    assert!(is_locked(&lock).await);
    sleep(secs(10)).await;
    assert!(is_locked(&lock).await && !guard.is_lost());
    sleep(secs(5)).await;
    assert!(!is_locked(&lock).await && guard.is_lost());
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_had_by_one_and_everybody_sees_by_whom_and_for_how_long() {
    let council = Council::of(5).await;
    let lock = council.masters("a").await.redlock("printer");
    let other = council.masters("b").await.redlock("printer").owner("the second");
    assert_eq!(other.locked().await.unwrap(), None);

    let guard = lock.acquire().await.unwrap();
    sleep(secs(4)).await;

    assert!(other.try_acquire().await.unwrap().is_none());
    let holder = other.locked().await.unwrap().unwrap();
    assert_eq!((&*holder.owner, holder.fencing_token), ("a", guard.fencing_token()));
    assert!(holder.left > secs(5) && holder.left < secs(6), "{holder}");
    assert!(holder.held_for >= secs(4));
    guard.release().await.unwrap();
    let guard = other.try_acquire().await.unwrap().expect("it is free");
    assert_eq!(lock.locked().await.unwrap().unwrap().owner, "the second");
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn asking_again_in_vain_takes_nothing_from_the_holder() {
    let council = Council::of(3).await;
    let lock = council.masters("a").await.redlock("printer");
    let guard = lock.acquire().await.unwrap();

    assert!(lock.try_acquire().await.unwrap().is_none());
    let late = lock.acquire().timeout(secs(1)).await.unwrap_err();
    assert!(
        matches!(late, QuorumError::QuorumNotAchieved { agreed: 0, needed: 2, masters: 3, .. }),
        "{late}"
    );

    assert!(is_locked(&lock).await);
    guard.extend().await.unwrap();
    guard.release().await.unwrap();
    assert!(!is_locked(&lock).await);
}

#[tokio::test(start_paused = true)]
async fn drift_is_taken_off_the_lease_and_its_holder_knows_the_end_before_anybody_else_has_it() {
    let council = Council::of(3).await;
    let guard = council.masters("a").await.redlock("printer").acquire().await.unwrap();
    let other = council.masters("b").await.redlock("printer");
    let began = Instant::now();
    assert!(guard.remaining() <= CERTAIN && guard.remaining() > CERTAIN - millis(5), "{guard:?}");

    let waiting = tokio::spawn(other.acquire().into_future());
    let lost = guard.lost().await;
    assert_eq!(began.elapsed(), CERTAIN);
    assert!(matches!(&lost, DataError::NotHeld { what } if what.contains("lease ran out")), "{lost}");
    assert!(!waiting.is_finished() && guard.is_lost());

    let next = waiting.await.unwrap().unwrap();
    assert!(began.elapsed() >= secs(10));
    assert!(next.fencing_token() > guard.fencing_token());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_leaves_no_time_is_refused() {
    let council = Council::of(1).await;
    let masters = council.masters("a").await;

    for lease in [Duration::ZERO, millis(1), millis(2), Duration::MAX] {
        let refused = masters.redlock("printer").auto_release_time(lease).acquire().await.unwrap_err();
        assert!(matches!(refused, QuorumError::Data(DataError::Invalid { .. })), "{lease:?}: {refused}");
    }
    drop(masters.redlock("printer").auto_release_time(millis(3)).acquire().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_shorter_than_the_way_is_not_had_and_leaves_nothing() {
    let council = Council::of(3).await;
    let masters = council.masters("a").await;
    for mesh in &council.meshes {
        mesh.delay("a", millis(60));
    }

    let brief = masters.redlock("printer").auto_release_time(millis(100)).try_acquire().await.unwrap();
    assert!(brief.is_none(), "{brief:?}");

    let guard = masters.redlock("printer").try_acquire().await.unwrap();
    assert!(
        guard.is_some_and(|guard| guard.remaining() < secs(10) - millis(120)),
        "from when it was asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_extended_three_times_unless_it_is_said_otherwise() {
    let council = Council::of(3).await;
    let masters = council.masters("a").await;
    let guard = masters.redlock("printer").acquire().await.unwrap();
    for _ in 0..3 {
        sleep(secs(5)).await;
        guard.extend().await.unwrap();
    }

    let refused = guard.extend().await.unwrap_err();
    assert_eq!(refused, QuorumError::TooManyExtensions { name: "printer".into(), limit: 3 });
    assert!(!guard.is_lost());
    guard.release().await.unwrap();

    let never = masters.redlock("printer").extensions(0).acquire().await.unwrap();
    assert!(matches!(never.extend().await, Err(QuorumError::TooManyExtensions { limit: 0, .. })));
    drop(never);
    let often = masters.redlock("printer").unlimited_extensions().acquire().await.unwrap();
    for _ in 0..50 {
        sleep(secs(9)).await;
        often.extend().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_held_any_more_can_be_neither_extended_nor_released() {
    let council = Council::of(3).await;
    let lock = council.masters("a").await.redlock("printer");
    let one = lock.acquire().await.unwrap();
    sleep(secs(10)).await;

    assert_eq!(one.extend().await, Err(QuorumError::ExtendUnlockedLock { name: "printer".into() }));
    let released = one.release().await;
    assert_eq!(released, Err(QuorumError::ReleaseUnlockedLock { name: "printer".into() }));
    assert_eq!(released.unwrap_err().code().to_string(), "D0423");

    let broken = lock.acquire().await.unwrap();
    assert_eq!(lock.break_lock().await, Ok(3));
    assert_eq!(broken.extend().await, Err(QuorumError::ExtendUnlockedLock { name: "printer".into() }));
    assert!(broken.is_lost(), "the masters have said so");
    assert!(matches!(broken.release().await, Err(QuorumError::ReleaseUnlockedLock { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_dropped_releases_the_lock_whatever_came_of_what_was_done_under_it() {
    async fn overrun(lock: &Redlock) -> Result<u8, String> {
        let _guard = lock.acquire().await.unwrap();
        sleep(secs(11)).await;
        Err("its own error".into())
    }
    let council = Council::of(3).await;
    let lock = council.masters("a").await.redlock("printer");

    assert_eq!(overrun(&lock).await, Err("its own error".into()));
    drop(lock.acquire().await.unwrap());
    council.settled().await;

    assert!(lock.try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_waits_has_the_lock_soon_after_it_is_free() {
    let council = Council::of(5).await;
    let guard = council.masters("a").await.redlock("printer").acquire().await.unwrap();
    let waiting = tokio::spawn(council.masters("b").await.redlock("printer").acquire().into_future());
    sleep(millis(500)).await;
    assert!(!waiting.is_finished());

    guard.release().await.unwrap();
    let began = Instant::now();
    drop(waiting.await.unwrap().unwrap());

    assert!(began.elapsed() <= millis(200), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn eight_who_want_it_at_the_same_time_have_it_one_after_the_other() {
    let council = Council::of(5).await;
    for mesh in &council.meshes {
        let mut faults = Faults::default();
        faults.delay = Some(millis(1)..=millis(9));
        mesh.inject(faults);
    }
    let (mut contending, inside) = (Vec::new(), std::sync::Arc::new(std::sync::Mutex::new((false, 0))));
    for number in 0..8 {
        let (masters, inside) = (council.masters(&format!("n{number}")).await, inside.clone());
        contending.push(tokio::spawn(async move {
            for _ in 0..5 {
                let guard = masters.redlock("printer").acquire().await.unwrap();
                {
                    let mut inside = inside.lock().unwrap();
                    assert!(!inside.0, "two at once");
                    assert!(guard.fencing_token() > inside.1);
                    *inside = (true, guard.fencing_token());
                }
                sleep(millis(20)).await;
                inside.lock().unwrap().0 = false;
                guard.release().await.unwrap();
            }
        }));
    }

    for contender in contending {
        contender.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_dropped_leaves_nothing_behind() {
    let council = Council::of(3).await;
    let lock = council.masters("a").await.redlock("printer").auto_release_time(secs(3_600));
    council.meshes[1].delay("a", millis(20));
    council.meshes[2].delay("a", millis(20));

    for ms in [0, 1, 10, 30, 50, 70] {
        let attempt = tokio::time::timeout(millis(ms), lock.acquire().into_future()).await;
        assert!(attempt.is_err(), "too early: {ms}");
        sleep(millis(200)).await;
        assert!(lock.try_acquire().await.unwrap().is_some(), "after {ms} ms");
        sleep(millis(200)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_not_the_end_of_a_lease() {
    let council = Council::of(3).await;
    let (of_a, lock) = (council.masters("a").await, council.masters("b").await.redlock("printer"));
    let guard = of_a.redlock("printer").acquire().await.unwrap();

    for mesh in &council.meshes {
        mesh.kill("a");
    }
    council.settled().await;

    assert!(lock.try_acquire().await.unwrap().is_none(), "its holder may think that it goes on");
    assert!(!guard.is_lost());
    sleep(secs(10)).await;
    assert!(guard.is_lost() && lock.try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn two_of_five_controllers_may_be_gone_while_it_is_held_extended_and_released() {
    let mut council = Council::of(5).await;
    let masters = council.masters("a").await;
    let lock = masters.redlock("printer");
    council.kill(&[0]).await;
    let guard = lock.acquire().await.unwrap();
    council.kill(&[4]).await;
    guard.extend().await.unwrap();
    assert!(is_locked(&lock).await);
    guard.release().await.unwrap();
    let guard = lock.acquire().await.unwrap();

    council.kill(&[2]).await;

    assert!(is_impossible(&guard.extend().await) && !guard.is_lost(), "it is held as long as before");
    assert!(is_impossible(&lock.locked().await));
    assert!(is_impossible(&lock.try_acquire().await));
    assert!(is_impossible(&lock.acquire().timeout(secs(5)).await));
    let released = guard.release().await.unwrap_err();
    assert!(
        released.to_string().starts_with("no majority of 5 masters can be had for `printer`"),
        "{released}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_minority_granted_is_given_back() {
    let council = Council::of(5).await;
    let (a, nodes) = (council.masters("a").await, council.nodes("b").await);
    let b = Masters::new(&nodes);
    council.freeze_only("a", &[0, 1, 2]);

    let attempt = tokio::spawn(a.redlock("printer").try_acquire().into_future());
    for is_held in [true, false] {
        council.settled().await;
        for node in &nodes[3..] {
            assert_eq!(is_locked(&Masters::new([node]).redlock("printer")).await, is_held);
        }
        if is_held {
            sleep(secs(1)).await;
        }
    }
    assert!(is_impossible(&attempt.await.unwrap()));

    let guard = b.redlock("printer").acquire().await.unwrap();
    council.freeze_only("a", &[]);
    sleep(secs(1)).await;
    assert!(!guard.is_lost());
    guard.extend().await.unwrap();
    guard.release().await.unwrap();
    council.settled().await;
    assert!(a.redlock("printer").try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_slow_controller_holds_up_nobody_and_grants_the_lease_all_the_same() {
    let council = Council::of(3).await;
    let nodes = council.nodes("a").await;
    council.meshes[2].delay("a", millis(200));
    let began = Instant::now();

    let guard = Masters::new(&nodes).redlock("printer").acquire().await.unwrap();
    assert!(began.elapsed() < millis(10), "{:?}", began.elapsed());
    council.meshes[2].advance(secs(2)).await;

    let there = Masters::new([&nodes[2]]).redlock("printer").locked().await.unwrap().unwrap();
    assert_eq!(there.fencing_token, guard.fencing_token());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_renews_itself_is_held_until_a_majority_is_out_of_reach() {
    let council = Council::of(3).await;
    let (a, b) = (council.masters("a").await, council.masters("b").await);
    let guard = a.redlock("printer").auto_renew().acquire().await.unwrap();

    sleep(secs(3_600)).await;
    assert!(!guard.is_lost() && guard.remaining() > secs(5));
    assert!(b.redlock("printer").try_acquire().await.unwrap().is_none());
    council.freeze_only("a", &[0, 2]);
    let waiting = tokio::spawn(b.redlock("printer").acquire().into_future());
    guard.lost().await;
    assert!(!waiting.is_finished(), "it is known to be lost before another has it");

    assert!(waiting.await.unwrap().unwrap().fencing_token() > guard.fencing_token());
}

#[tokio::test(start_paused = true)]
async fn fencing_tokens_grow_whichever_minority_is_cut_off() {
    let council = Council::of(5).await;
    let (mut random, mut last) = (fastrand::Rng::with_seed(5), 0);
    let clients = ["a", "b"];
    let masters = [council.masters("a").await, council.masters("b").await];

    for _ in 0..60 {
        let client = random.usize(..2);
        council.freeze_only(clients[client], &two_of_five(&mut random));
        let lock = masters[client].clone().timeout(millis(50)).redlock("printer").auto_release_time(secs(1));
        let guard = lock.acquire().await.unwrap();
        assert!(guard.fencing_token() > last, "{} after {last}", guard.fencing_token());
        last = guard.fencing_token();
        if random.bool() {
            guard.release().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_forgot_is_told_at_the_next_extension() {
    let mut council = Council::of(3).await;
    let guard = council.masters("a").await.redlock("printer").acquire().await.unwrap();

    for master in 0..3 {
        council.kill(&[master]).await;
        council.restart(&[master], &["a"]).await;
        guard.extend().await.unwrap();
        council.settled().await;
    }

    let other = council.masters("b").await.redlock("printer");
    assert!(other.try_acquire().await.unwrap().is_none(), "each of them forgot, and was told in time");
    guard.release().await.unwrap();
}

/// What is protected: it refuses whoever is older than the youngest it has seen.
#[derive(Debug, Default)]
struct Fenced {
    youngest: u64,
    written: Vec<&'static str>,
}

impl Fenced {
    fn write(&mut self, guard: &RedlockGuard, what: &'static str) -> bool {
        let is_current = guard.fencing_token() >= self.youngest;
        if is_current {
            self.youngest = guard.fencing_token();
            self.written.push(what);
        }
        is_current
    }
}

/// The first assumption: controllers remember what they granted.
#[tokio::test(start_paused = true)]
async fn two_hold_it_if_a_majority_forgets_and_the_tokens_and_the_next_extension_tell() {
    let mut council = Council::of(3).await;
    let (a, b) = (council.masters("a").await, council.masters("b").await);
    let first = a.redlock("printer").acquire().await.unwrap();
    let mut resource = Fenced::default();
    assert!(resource.write(&first, "the first"));

    council.kill(&[0, 1]).await;
    council.restart(&[0, 1], &["a", "b"]).await;
    let second = b.redlock("printer").acquire().await.unwrap();

    assert!(!first.is_lost() && !second.is_lost(), "both believe that they hold it");
    assert!(second.fencing_token() > first.fencing_token());
    assert!(resource.write(&second, "the second"));
    assert!(!resource.write(&first, "too late"), "what is protected knows better");
    assert_eq!(first.extend().await, Err(QuorumError::ExtendUnlockedLock { name: "printer".into() }));
    first.lost().await;
    assert_eq!(resource.written, ["the first", "the second"]);
}

/// The last assumption: holders stop when the lease ends.
#[tokio::test(start_paused = true)]
async fn two_act_if_a_holder_does_not_look_and_the_tokens_tell() {
    let council = Council::of(3).await;
    let (a, b) = (council.masters("a").await, council.masters("b").await);
    let first = a.redlock("printer").acquire().await.unwrap();
    let mut resource = Fenced::default();
    assert!(!first.is_lost(), "it looks, and is then stopped for longer than its lease");
    sleep(secs(30)).await;

    let second = b.redlock("printer").acquire().await.unwrap();
    assert!(resource.write(&second, "the second"));

    assert!(!resource.write(&first, "too late"));
    assert!(first.is_lost(), "had it looked again, it would have known");
    assert_eq!(resource.written, ["the second"]);
}
