//! The time that one call has, whatever it does meanwhile.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, timeout_at};

use crate::config;
use crate::error::{CallError, Stage};

/// How long a call has, from when it was awaited: for all that it asks and all that it waits for together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    end: Option<End>,
}

#[derive(Debug, Clone, Copy)]
struct End {
    at: Instant,
    /// How long it had in all.
    after: Duration,
}

/// Timeouts travel as whole milliseconds.
const TRAVELS_MIN: Duration = Duration::from_millis(1);

impl Term {
    /// That of a call which may take for ever.
    pub(crate) const ENDLESS: Self = Self { end: None };

    /// From now on.
    pub(crate) fn of(limit: Option<Duration>) -> Self {
        let end = |after: Duration| End { at: Instant::now() + after.min(config::TIMEOUT_MAX), after };
        Self { end: limit.map(end) }
    }

    /// The same, which ends at this moment at the latest.
    pub(crate) fn by(self, at: Instant) -> Self {
        match self.end {
            Some(end) if end.at <= at => self,
            Some(_) | None => {
                Self { end: Some(End { at, after: at.saturating_duration_since(Instant::now()) }) }
            }
        }
    }

    /// What is left of it; `None` if it does not end.
    pub(crate) fn left(self) -> Option<Duration> {
        self.end.map(|end| end.at.saturating_duration_since(Instant::now()))
    }

    /// Whether nobody can be asked any more.
    pub(crate) fn is_over(self) -> bool {
        self.left().is_some_and(|left| left < TRAVELS_MIN)
    }

    /// Waits for something for as long as there is time. What is there already is had in any case.
    ///
    /// # Errors
    /// [`CallError::TimedOut`], of what has not begun.
    pub(crate) async fn wait<F: Future>(self, future: F) -> Result<F::Output, CallError> {
        let mut future = pin!(future);
        // Without a timer, for which there may be no runtime.
        if let Some(output) = future.as_mut().now_or_never() {
            return Ok(output);
        }
        match self.end {
            Some(end) => timeout_at(end.at, future).await.map_err(|_| self.timed_out()),
            None => Ok(future.await),
        }
    }

    /// The error of a call whose time was up before it was its turn.
    pub(crate) fn timed_out(self) -> CallError {
        let after = self.end.map_or(Duration::ZERO, |end| end.after);
        CallError::TimedOut { stage: Stage::Waiting, node: None, after }
    }
}
