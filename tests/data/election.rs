//! Elections.

use std::future::IntoFuture;
use std::pin::pin;

use daffi::DataError;
use daffi::datatypes::Leader;
use daffi::prelude::*;
use daffi_core::testing::Mesh;

fn name(leader: Option<Leader>) -> Option<String> {
    leader.map(|leader| leader.name)
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_next_is_elected_when_it_resigns_or_dies() {
    let mesh = Mesh::new().local().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap());
    let watcher = mesh.node("watcher").await.unwrap().election("chair");
    assert_eq!(watcher.leader().await.unwrap(), None);
    let mut changes = pin!(watcher.observe());
    assert_eq!(name(changes.next().await.unwrap().unwrap()), None);

    let first = a.election("chair").await.unwrap();
    assert_eq!(name(changes.next().await.unwrap().unwrap()).as_deref(), Some("a"));
    assert!(b.election("chair").try_campaign().await.unwrap().is_none());
    let campaign = tokio::spawn(b.election("chair").owner("bee").into_future());
    mesh.settled().await;
    let term = first.term();
    first.resign().await.unwrap();
    let second = campaign.await.unwrap().unwrap();
    assert!(second.term() > term);
    assert_eq!(name(changes.next().await.unwrap().unwrap()).as_deref(), Some("bee"));

    mesh.kill("b");
    assert_eq!(name(changes.next().await.unwrap().unwrap()), None);
    assert!(matches!(second.lost().await, DataError::NotHeld { .. }));
    let third = a.election("chair").try_campaign().await.unwrap().unwrap();
    assert_eq!(watcher.leader().await.unwrap().unwrap().term, third.term());
}

#[tokio::test(start_paused = true)]
async fn who_watches_sees_all_leaders_one_by_one_and_goes_on_over_a_broken_link() {
    let mesh = Mesh::new().local().await.unwrap();
    let (a, watcher) = (mesh.node("a").await.unwrap(), mesh.node("watcher").await.unwrap());
    let mut changes = pin!(watcher.election("chair").observe());
    changes.next().await.unwrap().unwrap();
    let waiting = changes.next();
    mesh.cut("watcher");
    mesh.advance(secs(1)).await;
    let _leadership = a.election("chair").lease(secs(9)).await.unwrap();
    mesh.heal("watcher");

    assert_eq!(name(waiting.await.unwrap().unwrap()).as_deref(), Some("a"));

    watcher.stop().await.unwrap();
    assert!(changes.next().await.unwrap().is_err());
    assert!(changes.next().await.is_none());
}
