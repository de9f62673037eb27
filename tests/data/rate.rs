//! Rate limits.

use daffi::{DataError, secs};
use daffi_core::testing::Mesh;

#[tokio::test(start_paused = true)]
async fn all_nodes_together_do_no_more_than_the_rate_says() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (mesh.node("a").await.unwrap(), mesh.node("b").await.unwrap());
    let (here, there) =
        (a.rate_limiter("api").rate(6, secs(60)).burst(3), b.rate_limiter("api").rate(6, secs(60)).burst(3));
    assert!(here.check("10.0.0.7", 1).await.unwrap().allowed);
    let decision = there.check("10.0.0.7", 2).await.unwrap();
    assert_eq!((decision.allowed, decision.remaining), (true, 0));

    let refused = here.check("10.0.0.7", 1).await.unwrap();

    assert!(!refused.allowed && refused.retry_after <= secs(10));
    assert!(there.check("10.0.0.8", 3).await.unwrap().allowed);
    mesh.advance(refused.retry_after).await;
    assert!(there.check("10.0.0.7", 1).await.unwrap().allowed);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_idle_is_forgotten() {
    let mesh = Mesh::new().await.unwrap();
    let limiter = mesh.node("a").await.unwrap().rate_limiter("api").rate(10, secs(1));
    for key in 0..100 {
        assert!(limiter.check(key.to_string(), 5).await.unwrap().allowed);
    }
    assert_eq!(limiter.keys().await.unwrap(), 100);
    assert!(limiter.reset("7").await.unwrap());
    assert_eq!(limiter.peek("8").await.unwrap().remaining, 5);

    mesh.advance(secs(1)).await;

    assert_eq!(limiter.keys().await.unwrap(), 0);
    assert_eq!(limiter.peek("8").await.unwrap().remaining, 10);
}

#[tokio::test(start_paused = true)]
async fn a_limiter_without_a_rate_and_a_cost_beyond_the_burst_are_refused() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("a").await.unwrap();

    let error = node.rate_limiter("api").check("a", 1).await.unwrap_err();
    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    let error = node.rate_limiter("api").rate(5, secs(1)).check("a", 6).await.unwrap_err();
    assert_eq!(error.to_string(), "a cost of 6 with a burst of 5");
}
