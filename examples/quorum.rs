//! Numbers and locks of five controllers that know nothing of each other, of which any three will do: the transcripts of
//! Pottery's `NextId` and `Redlock`, and what they do not show.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;
use daffi::{Masters, QuorumError, RedlockGuard};

/// ```python
/// >>> user_ids = NextId(key='user-ids', masters={redis})
/// >>> next(user_ids)
/// ```
async fn next_id(masters: &Masters) -> Result<(), QuorumError> {
    let user_ids = masters.next_id("user-ids");
    for _ in 0..3 {
        println!("{}", user_ids.next().await?); // 1, 2, 3
    }
    // Many in one step, for those who need them faster.
    println!("{:?}", user_ids.reserve(1_000).await?);
    let fast = user_ids.in_blocks_of(1_000);
    println!("{} {}", fast.next().await?, fast.next().await?); // the second asks nobody
    Ok(())
}

/// ```python
/// >>> lock = Redlock(key='printer', masters={redis})
/// >>> lock.acquire()
/// >>> lock.release()
/// ```
async fn redlock(masters: &Masters) -> Result<(), QuorumError> {
    let lock = masters.redlock("printer");
    let guard = lock.acquire().await?;
    // Critical section - print stuff here.
    guard.release().await?;

    {
        let _guard = lock.acquire().await?;
        println!("locked: {}", lock.locked().await?.is_some()); // true
        // Critical section - print stuff here.
    } // released here, as by `with lock:`

    // A time of one's own, here so short that the example need not wait for ten seconds.
    let lock = masters.redlock("printer").auto_release_time(millis(500));
    let guard = lock.acquire().await?;
    println!("locked by {:?}", lock.locked().await?.map(|holder| holder.owner));
    guard.extend().await?; // three times at most, unless it is said otherwise
    println!("{}", guard.lost().await); // the end of the lease is told
    tokio::time::sleep(millis(20)).await;
    println!("locked: {}", lock.locked().await?.is_some()); // false
    println!("{}", guard.release().await.expect_err("its time was over"));

    // Held for as long as its guard is there, and a majority can be reached.
    let guard = masters.redlock("printer").auto_renew().acquire().await?;
    println!("somebody else: {:?}", masters.redlock("printer").try_acquire().await?);
    guard.release().await
}

/// One run at a time of all functions with this key. The guard is not for its callers to give.
#[synchronize(key = "printer")]
async fn print(guard: &RedlockGuard, page: u32) -> daffi::Result<u32> {
    println!("printing page {page} under a lock that is held for another {:?}", guard.remaining().as_secs());
    Ok(page)
}

/// What is protected, and refuses whoever is older than the youngest it has seen.
#[derive(Default)]
struct Printer {
    youngest: u64,
}

impl Printer {
    fn print(&mut self, guard: &RedlockGuard) -> bool {
        let is_current = guard.fencing_token() >= self.youngest;
        self.youngest = self.youngest.max(guard.fencing_token());
        is_current
    }
}

/// What a lease alone does not keep from happening: a holder that does not notice its end.
async fn too_late(masters: &Masters) -> Result<(), QuorumError> {
    let mut printer = Printer::default();
    let lock = masters.redlock("printer").auto_release_time(millis(100));
    let first = lock.acquire().await?;
    // The first is stopped for longer than its lease, and another comes.
    let second = lock.acquire().await?;
    println!("the second prints: {}", printer.print(&second)); // true
    println!("the first prints: {}", printer.print(&first)); // false: its token is older
    println!("had it looked: {}", first.is_lost()); // true
    Ok(())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    // In production these are five processes on five machines.
    let mut controllers = Vec::new();
    for number in 0..5 {
        controllers.push(Controller::bind(&format!("memory://quorum-{number}")).await?);
    }
    let connect = |number| daffi::connect(&format!("memory://quorum-{number}")).name("client");
    let masters = Masters::connect((0..5).map(connect)).await?.timeout(millis(200));
    masters.make_default();

    next_id(&masters).await?;
    redlock(&masters).await?;
    print(7).await?;
    too_late(&masters).await?;

    // Two of five may be gone.
    controllers.truncate(3);
    println!("without two: {}", masters.next_id("user-ids").next().await?);
    controllers.truncate(2);
    println!("without three: {}", masters.next_id("user-ids").next().await.expect_err("two are no majority"));
    Ok(())
}
