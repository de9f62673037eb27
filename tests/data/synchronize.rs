//! Functions that run under a lock of several controllers.

use std::sync::atomic::{AtomicUsize, Ordering};

use daffi::{DataError, Node, QuorumError, RedlockGuard, millis, secs, synchronize};
use daffi_core::testing::Mesh;
use tokio::time::sleep;

use crate::masters::Council;

static INSIDE: AtomicUsize = AtomicUsize::new(0);

#[synchronize(key = "printer")]
async fn print(page: u32) -> u32 {
    assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0, "two at once");
    sleep(secs(15)).await;
    INSIDE.fetch_sub(1, Ordering::SeqCst);
    page
}

#[synchronize(key = "printer", blocking = false)]
fn print_at_once(page: u32) -> u32 {
    page
}

#[synchronize(key = "printer", timeout = "5s")]
async fn print_soon(guard: &RedlockGuard, page: u32) -> Result<u64, daffi::Error> {
    if page == 0 {
        return Err(DataError::invalid("no such page").into());
    }
    Ok(guard.fencing_token())
}

#[synchronize(key = "overrun", auto_release_time = "1s", renew = false)]
async fn overrun(guard: &RedlockGuard) -> (bool, &'static str) {
    sleep(secs(2)).await;
    (guard.is_lost(), "what it found")
}

/// The process has one default of each, so this is one test.
#[tokio::test(start_paused = true)]
async fn functions_of_one_key_run_one_at_a_time_at_the_default_masters_or_else_the_default_node() {
    if Node::current().is_none() {
        let nowhere = print(1).await;
        assert!(matches!(nowhere, Err(QuorumError::Data(DataError::NoNode))), "{nowhere:?}");
    }
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("alone").await.unwrap();
    node.make_default();
    assert_eq!(print(1).await, Ok(1));
    let council = Council::of(3).await;
    let masters = council.masters("a").await;
    masters.make_default();

    let (one, two) = (tokio::spawn(print(1)), tokio::spawn(print(2)));
    sleep(secs(10)).await;
    assert!(masters.redlock("printer").locked().await.unwrap().is_some());
    let refused = print_at_once(3).await.unwrap_err();
    assert!(matches!(refused, QuorumError::QuorumNotAchieved { .. }), "{refused}");
    let late = print_soon(4).await.unwrap_err();
    assert!(matches!(late, daffi::Error::Quorum(QuorumError::QuorumNotAchieved { .. })), "{late}");
    assert_eq!((one.await.unwrap(), two.await.unwrap()), (Ok(1), Ok(2)), "each for longer than the lease");

    assert_eq!(print_at_once(3).await, Ok(3));
    assert!(print_soon(4).await.unwrap() > 0);
    let failed = print_soon(0).await.unwrap_err();
    assert_eq!(failed.to_string(), "no such page");
    assert_eq!(overrun().await, Ok((true, "what it found")), "its result is not lost with its lock");
    sleep(millis(10)).await;
    assert_eq!(masters.redlock("printer").locked().await, Ok(None));

    drop(masters);
    sleep(millis(10)).await;
    let ended = print_at_once(3).await.unwrap_err();
    assert!(
        ended.to_string().contains("ended with their last handle"),
        "one controller is no substitute: {ended}"
    );
}
