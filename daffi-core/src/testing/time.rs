//! Virtual time, which is tokio's.

use std::time::Duration;

/// The least time that a timer of tokio's takes.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Waits until nothing can happen unless time passes: paused time moves only when every task waits.
pub(super) async fn settle() {
    tokio::time::sleep(TICK).await;
}

/// Whether tokio's time is paused: then it stands still while that of the machine goes on.
fn is_virtual() -> bool {
    let (shown, real) = (tokio::time::Instant::now(), std::time::Instant::now());
    while real.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    tokio::time::Instant::now() == shown
}

/// Panics unless time is virtual.
pub(super) fn require_virtual(what: &str) {
    assert!(
        is_virtual(),
        "`Mesh::{what}` needs virtual time: `#[tokio::test(start_paused = true)]`, or `tokio::time::pause()`"
    );
}
