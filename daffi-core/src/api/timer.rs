//! How long something takes: Pottery's `ContextTimer`, whose rules the compiler keeps.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use tokio::time::Instant;

/// Measures how long something takes, from [`start`](Self::start) until it is [stopped](Self::stop). Pottery's
/// `ContextTimer`.
///
/// It measures real time and not that of the processor, by a clock that nobody sets, and needs neither a node nor a
/// runtime. In tests whose time is virtual, as in `daffi::testing`, it measures that.
///
/// What is a `RuntimeError` in Pottery does not compile: a timer that has not started does not exist, and one that was
/// stopped is a [`StoppedTimer`], which can neither be stopped again nor started.
///
/// ```
/// use daffi_core::api::ContextTimer;
///
/// let timer = ContextTimer::start();
/// let so_far = timer.elapsed();
/// let stopped = timer.stop();
/// assert!(so_far <= stopped.elapsed());
/// assert_eq!(stopped.elapsed(), stopped.elapsed()); // it stands still
/// ```
///
/// ```compile_fail,E0382
/// # use daffi_core::api::ContextTimer;
/// let timer = ContextTimer::start();
/// timer.stop();
/// timer.stop(); // error: use of moved value: `timer`
/// ```
///
/// ```compile_fail,E0599
/// # use daffi_core::api::ContextTimer;
/// ContextTimer::start().stop().start(); // error: no method named `start` found for struct `StoppedTimer`
/// ```
#[derive(Debug)]
#[must_use = "it measures nothing once it is dropped"]
pub struct ContextTimer {
    started: Instant,
}

impl ContextTimer {
    /// A timer that runs from now on.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// How long it has run.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long it has run, in milliseconds, rounded. Pottery's `elapsed`.
    pub fn elapsed_ms(&self) -> u64 {
        rounded_ms(self.elapsed())
    }

    /// Stops it for good.
    pub fn stop(self) -> StoppedTimer {
        StoppedTimer { elapsed: self.elapsed() }
    }

    /// Stops it at the end of a scope, whatever ends that, and says then how long it has run. Python's
    /// `with ContextTimer() as timer`.
    ///
    /// `then` must not panic: it may run because of a panic, and a second one ends the process.
    ///
    /// ```
    /// use daffi_core::api::ContextTimer;
    ///
    /// fn parse(text: &str) -> Result<i64, std::num::ParseIntError> {
    ///     let timer = ContextTimer::start().guard(|timer| println!("{} ms", timer.elapsed_ms()));
    ///     let number = text.parse()?; // it is told in this case, too
    ///     println!("parsed after {:?}", timer.elapsed());
    ///     Ok(number)
    /// }
    /// # parse("x").unwrap_err();
    /// # parse("1").unwrap();
    /// ```
    pub fn guard<F: FnOnce(StoppedTimer)>(self, then: F) -> TimerGuard<F> {
        TimerGuard { timer: self, then: Some(then) }
    }
}

/// A [`ContextTimer`] that was stopped: what it has measured stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoppedTimer {
    elapsed: Duration,
}

impl StoppedTimer {
    /// How long it ran.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// How long it ran, in milliseconds, rounded. Pottery's `elapsed`.
    pub fn elapsed_ms(&self) -> u64 {
        rounded_ms(self.elapsed)
    }
}

/// A [`ContextTimer`] that runs until this is dropped; made by [`ContextTimer::guard`].
#[must_use = "dropping it stops the timer"]
pub struct TimerGuard<F: FnOnce(StoppedTimer)> {
    timer: ContextTimer,
    /// Until it was called.
    then: Option<F>,
}

impl<F: FnOnce(StoppedTimer)> Deref for TimerGuard<F> {
    type Target = ContextTimer;

    fn deref(&self) -> &ContextTimer {
        &self.timer
    }
}

impl<F: FnOnce(StoppedTimer)> Drop for TimerGuard<F> {
    fn drop(&mut self) {
        if let Some(then) = self.then.take() {
            then(StoppedTimer { elapsed: self.timer.elapsed() });
        }
    }
}

impl<F: FnOnce(StoppedTimer)> fmt::Debug for TimerGuard<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerGuard").field("timer", &self.timer).finish_non_exhaustive()
    }
}

fn rounded_ms(time: Duration) -> u64 {
    u64::try_from((time.as_nanos() + 500_000) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use tokio::time::advance;

    use super::*;
    use crate::api::millis;

    #[tokio::test(start_paused = true)]
    async fn it_runs_until_it_is_stopped_and_stands_still_then() {
        let timer = ContextTimer::start();
        advance(millis(100)).await;
        assert_eq!(timer.elapsed_ms(), 100);

        let timer = timer.stop();
        advance(millis(100)).await;

        assert_eq!((timer.elapsed_ms(), timer.elapsed()), (100, millis(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_guard_stops_it_at_the_end_of_its_scope() {
        let mut tests = Vec::new();
        let mut stopped = None;
        {
            let timer = ContextTimer::start().guard(|timer| stopped = Some(timer));
            advance(millis(100)).await;
            tests.push((100..200).contains(&timer.elapsed_ms()));
        }
        advance(millis(100)).await;
        tests.push(stopped.is_some_and(|timer| (100..200).contains(&timer.elapsed_ms())));

        assert_eq!(tests, [true, true]);
    }

    #[test]
    fn a_guard_stops_it_also_when_its_scope_ends_by_a_panic() {
        let mut stopped = None;

        let ended = catch_unwind(AssertUnwindSafe(|| {
            let _timer = ContextTimer::start().guard(|timer| stopped = Some(timer));
            panic!("on purpose");
        }));

        assert!(ended.is_err() && stopped.is_some());
    }

    #[test]
    fn milliseconds_are_rounded() {
        let micros = |micros| rounded_ms(Duration::from_micros(micros));

        assert_eq!([499, 500, 1_499, 1_500].map(micros), [0, 1, 1, 2]);
        assert_eq!(rounded_ms(Duration::MAX), u64::MAX);
    }
}
