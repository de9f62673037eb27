//! Operations that wait for their turn.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::{CallError, DataError, Node};
use daffi_core::datatypes::{Claim, LockState};
use daffi_core::testing::Mesh;
use futures::FutureExt;

const HOUR: Duration = Duration::from_secs(3_600);

fn claim(owner: &str, lease_ms: Option<u64>) -> Claim {
    Claim { owner: owner.into(), ticket: 1, lease_ms }
}

async fn acquire(node: &Node) -> Result<u64, DataError> {
    node.object::<LockState>("door").acquire(claim(node.name().as_str(), None), false).await
}

async fn held_by(node: &Node) -> Vec<String> {
    let holders = node.object::<LockState>("door").holders().await.unwrap();
    holders.into_iter().map(|holder| holder.owner).collect()
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_served_in_order_and_the_token_grows() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b, c) =
        (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap(), mesh.node("c").await.unwrap());
    let first = acquire(&a).await.unwrap();
    let mut second = Box::pin(acquire(&b));
    assert!((&mut second).now_or_never().is_none());
    b.stats().await.unwrap();
    let mut third = Box::pin(acquire(&c));
    assert!((&mut third).now_or_never().is_none());
    c.stats().await.unwrap();

    a.object::<LockState>("door").release(first).await.unwrap();
    let token = second.await.unwrap();
    assert!(token > first);
    assert_eq!(held_by(&a).await, ["b"]);

    mesh.kill("b");
    assert!(third.await.unwrap() > token);
    assert_eq!(held_by(&a).await, ["c"]);
}

#[tokio::test(start_paused = true)]
async fn one_whose_time_is_up_leaves_the_line_without_effect() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap());
    let door = |node: &Node| node.object::<LockState>("door");
    let token = acquire(&a).await.unwrap();

    let late = door(&b).acquire(claim("b", None), false).timeout(HOUR).await.unwrap_err();
    let DataError::Call(CallError::TimedOut { .. }) = late else { panic!("{late}") };
    let tried = door(&b).acquire(claim("b", None), false).timeout(Duration::ZERO).await.unwrap_err();
    let DataError::Call(CallError::TimedOut { .. }) = tried else { panic!("{tried}") };
    door(&a).release(token).await.unwrap();

    assert!(held_by(&a).await.is_empty());
    let lost = door(&a).release(token).await.unwrap_err();
    assert!(matches!(lost, DataError::NotHeld { .. }), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_renewed_is_lost() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap());
    let token = a.object::<LockState>("door").acquire(claim("a", Some(10_000)), false).await.unwrap();
    tokio::time::advance(Duration::from_secs(9)).await;
    a.object::<LockState>("door").renew(token, None).await.unwrap();
    let waiting = tokio::spawn(b.object::<LockState>("door").acquire(claim("b", None), false).into_future());

    assert!(waiting.await.unwrap().unwrap() > token);

    let lost = a.object::<LockState>("door").renew(token, None).await.unwrap_err();
    assert!(matches!(lost, DataError::NotHeld { .. }), "{lost}");
}
