//! Locks, quotas and a leader: what several processes must not do at the same time, or not too often. Howler's examples,
//! and what a process sees when it loses what it held.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use daffi::prelude::*;
use daffi::{DataError, Lock};

/// Howler's two processes, which share a lock by its name, each with a lease of its own. Whoever is second waits.
async fn sensitive(process: &'static str, lock: Lock) -> Result<(), DataError> {
    let guard = lock.await?;
    println!("{process} is in, and nobody else");
    tokio::select! {
        () = tokio::time::sleep(millis(20)) => println!("{process} is done"),
        // A lease is renewed while its guard is there. If that fails, another may be in soon.
        error = guard.lost() => return Err(error),
    }
    Ok(())
} // given back here

async fn locks(one: &Node, two: &Node) -> Result<(), DataError> {
    let first = one.lock("test").lease(secs(10));
    let second = two.lock("test").lease(secs(20));
    tokio::try_join!(sensitive("process 1", first), sensitive("process 2", second))?;

    // A guard has a number that grows with each: what is protected can refuse older ones than it has seen.
    let guard = one.lock("test").acquire().await?;
    println!(
        "held with number {}, for two: {:?}",
        guard.fencing_token(),
        two.lock("test").try_acquire().await?
    );
    two.lock("test").break_lock().await?;
    println!("{}", guard.release().await.expect_err("somebody broke it"));
    Ok(())
}

/// Howler's quota: up to three at a time for each user.
async fn quotas(node: &Node) -> Result<(), DataError> {
    let quota = node.quota("test-quota");
    let mut running = Vec::new();
    for number in 1..=4 {
        match quota.begin("uid", 3).await? {
            Some(permit) => running.push(permit), // processing that has a quota
            None => println!("number {number} is over the quota"),
        }
    }
    drop(running);
    println!("running for uid now: {}", quota.count("uid").await?);

    let limiter = node.rate_limiter("api").rate(10, secs(1)).burst(2);
    for _ in 0..3 {
        let decision = limiter.check("uid", 1).await?;
        println!("allowed: {}, {} more", decision.allowed, decision.remaining);
    }
    Ok(())
}

/// One leads, the others stand by; when it leaves, the next one does.
async fn election(one: &Node, two: &Node) -> Result<(), DataError> {
    let leadership = one.election("scheduler").campaign().await?;
    let standing_by = two.election("scheduler").campaign();
    let (successor, ()) = tokio::try_join!(standing_by, async {
        let leader = two.election("scheduler").leader().await?;
        println!("led by {:?}", leader.map(|leader| leader.name));
        leadership.resign().await
    })?;
    let leader = one.election("scheduler").leader().await?;
    println!("led by {:?}, a later term: {}", leader.map(|leader| leader.name), successor.term() > 0);
    Ok(())
}

#[daffi::main(name = "one", listen = "memory://locks")]
async fn main(one: Node) -> daffi::Result<()> {
    // In a mesh of yours this is another process.
    let two = daffi::connect("memory://locks").name("two").await?;
    locks(&one, &two).await?;
    quotas(&one).await?;
    election(&one, &two).await?;
    Ok(())
}
