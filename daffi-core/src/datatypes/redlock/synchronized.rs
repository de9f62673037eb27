//! What `#[synchronize]` makes of a function.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::masters::Masters;
use super::RedlockGuard;
use crate::error::{DataError, QuorumError};

/// How a function is synchronized.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Synchronizing {
    pub key: &'static str,
    pub auto_release_time: Option<Duration>,
    /// How long it waits for the lock; `None` for ever, nothing to try once.
    pub timeout: Option<Duration>,
    /// Whether the lock is extended while the function runs.
    pub is_renewed: bool,
}

impl Synchronizing {
    async fn acquire(self) -> Result<Arc<RedlockGuard>, QuorumError> {
        let masters = Masters::current().ok_or(DataError::NoNode)?;
        let mut lock = masters.redlock(self.key);
        if let Some(time) = self.auto_release_time {
            lock = lock.auto_release_time(time);
        }
        if self.is_renewed {
            lock = lock.auto_renew();
        }
        let (asked, acquired) = (Instant::now(), lock.acquire());
        let guard = match self.timeout {
            Some(timeout) => acquired.timeout(timeout).await?,
            None => acquired.await?,
        };
        tracing::debug!(key = self.key, waited = ?asked.elapsed(), "a synchronized function begins");
        Ok(Arc::new(guard))
    }

    /// Releases the lock. That it was lost is told apart from what the function returned.
    async fn release(self, guard: Arc<RedlockGuard>, began: Instant) {
        let was_lost = guard.is_lost();
        let Ok(guard) = Arc::try_unwrap(guard) else { return };
        let released = guard.release().await;
        let held = began.elapsed();
        match released {
            Ok(()) if !was_lost => {
                tracing::debug!(key = self.key, ?held, "a synchronized function has ended")
            }
            Ok(()) => tracing::warn!(
                key = self.key,
                ?held,
                "a synchronized function went on after its lock was lost"
            ),
            Err(error) => {
                tracing::warn!(key = self.key, ?held, %error, "a synchronized function may not have been alone");
            }
        }
    }
}

/// What `#[synchronize]` makes of a function that cannot fail.
#[doc(hidden)]
pub async fn synchronized<T, F: Future<Output = T>>(
    how: Synchronizing,
    run: impl FnOnce(Arc<RedlockGuard>) -> F,
) -> Result<T, QuorumError> {
    let guard = how.acquire().await?;
    let began = Instant::now();
    let value = run(Arc::clone(&guard)).await;
    how.release(guard, began).await;
    Ok(value)
}

/// Errors of functions under `#[synchronize]`: the lock may not be had.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the lock was not had",
    label = "needs `From<daffi::QuorumError>`",
    note = "`daffi::Error` has it, and so do `Box<dyn std::error::Error + Send + Sync>` and `anyhow::Error`"
)]
#[doc(hidden)]
pub trait SynchronizingFails: From<QuorumError> {}

#[diagnostic::do_not_recommend]
impl<E: From<QuorumError>> SynchronizingFails for E {}

/// What `#[synchronize]` makes of a function that may fail.
#[doc(hidden)]
pub async fn try_synchronized<T, E: SynchronizingFails, F: Future<Output = Result<T, E>>>(
    how: Synchronizing,
    run: impl FnOnce(Arc<RedlockGuard>) -> F,
) -> Result<T, E> {
    synchronized(how, run).await?
}
