//! Quotas, of slots and of days.

use std::future::IntoFuture;

use daffi::{DataError, millis, secs};
use daffi_core::testing::Mesh;

#[tokio::test(start_paused = true)]
async fn a_user_may_do_so_much_at_a_time_over_all_nodes() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap().quota("q"), mesh.node("b").await.unwrap().quota("q"));
    let first = a.begin("uid", 2).await.unwrap().expect("one is allowed");
    let second = b.begin("uid", 2).await.unwrap().expect("two are allowed");

    assert!(a.begin("uid", 2).await.unwrap().is_none());
    assert_eq!((first.user(), a.count("uid").await.unwrap()), ("uid", 2));
    assert!(a.begin("other", 2).await.unwrap().is_some());
    drop(second);
    let third = a.begin("uid", 2).await.unwrap().expect("the second has ended");

    assert_eq!(a.users(None).await.unwrap(), [("uid".to_owned(), 2)]);
    first.end().await.unwrap();
    third.end().await.unwrap();
    assert_eq!(a.count("uid").await.unwrap(), 0);
    assert!(a.begin("uid", 0).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_that_was_refused_ends_nothing_of_others() {
    let mesh = Mesh::new().await.unwrap();
    let quota = mesh.node("a").await.unwrap().quota("q");
    let begun = quota.begin("uid", 1).await.unwrap();

    drop(quota.begin("uid", 1).await.unwrap());

    assert_eq!(quota.count("uid").await.unwrap(), 1);
    drop(begun);
    assert_eq!(quota.count("uid").await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_its_lease_goes_on_counting() {
    let mesh = Mesh::new().await.unwrap();
    let quota = mesh.node("a").await.unwrap().quota("q");
    let permit = quota.begin("uid", 1).await.unwrap().unwrap();
    assert!(permit.remaining().unwrap() <= daffi::config::QUOTA_LEASE);

    mesh.advance(secs(3_600)).await;

    assert_eq!(quota.count("uid").await.unwrap(), 1);
    assert!(!permit.is_lost());
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_ends_with_its_process_or_when_that_hangs() {
    let mesh = Mesh::new().local().await.unwrap();
    let quota = mesh.node("a").await.unwrap().quota("q");
    let (dying, hanging) = (mesh.node("dying").await.unwrap(), mesh.node("hanging").await.unwrap());
    let _dies = dying.quota("q").begin("uid", 9).await.unwrap().unwrap();
    let hangs = hanging.quota("q").lease(secs(30)).begin("uid", 9).await.unwrap().unwrap();

    mesh.kill("dying");
    mesh.settled().await;
    assert_eq!(quota.count("uid").await.unwrap(), 1);
    mesh.freeze("hanging");
    mesh.advance(secs(31)).await;

    assert_eq!(quota.count("uid").await.unwrap(), 0);
    assert!(hangs.is_lost());
}

#[tokio::test(start_paused = true)]
async fn ending_twice_does_no_harm_and_says_so() {
    let mesh = Mesh::new().await.unwrap();
    let quota = mesh.node("a").await.unwrap().quota("q");
    let permit = quota.begin("uid", 2).await.unwrap().unwrap();
    let _other = quota.begin("uid", 2).await.unwrap().unwrap();

    assert!(quota.end("uid", permit.fencing_token()).await.unwrap());
    assert!(!quota.end("uid", permit.fencing_token()).await.unwrap());
    let error = permit.end().await.unwrap_err();

    assert!(matches!(error, DataError::NotHeld { .. }), "{error}");
    assert_eq!(quota.count("uid").await.unwrap(), 1);
    assert_eq!(quota.reset("uid").await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slot_with_a_lease_alone_outlives_its_node_until_another_ends_it_or_its_time_is_up() {
    let mesh = Mesh::new().local().await.unwrap();
    let quota = mesh.node("a").await.unwrap().quota("q").lease(secs(60));
    let there = mesh.node("b").await.unwrap().quota("q").lease(secs(60));
    let first = there.begin_leased("uid", 2).await.unwrap().unwrap();
    there.begin_leased("uid", 2).await.unwrap().unwrap();
    mesh.kill("b");
    mesh.settled().await;

    assert_eq!(quota.begin_leased("uid", 2).await.unwrap(), None);
    let of_another = quota.begin_leased("other", 2).await.unwrap().unwrap();
    assert!(!quota.end("uid", of_another).await.unwrap());
    assert!(quota.end("uid", first).await.unwrap());
    assert!(!quota.end("uid", first).await.unwrap());
    assert_eq!(quota.count("uid").await.unwrap(), 1);
    mesh.advance(secs(61)).await;

    assert_eq!(quota.users(None).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_given_up_at_any_moment_is_free() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap().quota("q"), mesh.node("b").await.unwrap().quota("q"));
    mesh.delay("b", millis(10));
    for moment in 0..25 {
        drop(tokio::time::timeout(millis(moment), b.begin("uid", 1).into_future()).await);
        mesh.advance(millis(100)).await;
        assert_eq!(a.count("uid").await.unwrap(), 0, "given up after {moment} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_daily_quota_counts_what_was_done_today() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap());
    let (api, there) = (a.daily_quota("api"), b.daily_quota("api"));
    assert_eq!((api.increment("uid").await.unwrap(), there.increment("uid").await.unwrap()), (1, 2));
    assert_eq!(there.decrement("uid").await.unwrap(), 1);
    assert_eq!(a.daily_quota("submission").get("uid").await.unwrap(), 0);

    assert_eq!(api.reset("uid").await.unwrap(), 1);
    assert_eq!(api.get("uid").await.unwrap(), 0);
    api.increment("uid").await.unwrap();
    mesh.advance(secs(24 * 3_600)).await;

    assert_eq!(api.get("uid").await.unwrap(), 0);
}
