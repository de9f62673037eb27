//! Calls that are repeated when they fail, or made on a second node when they take long.

use std::future::poll_fn;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::call::Prepared;
use super::{Call, Job};
use crate::callback::Wire;
use crate::config;
use crate::error::{CallError, Ran, Stage};
use crate::name::NodeName;
use crate::node::{Flight, Outcome, Outgoing, Phase, Reply, Request, Several, Shared, Taken, is_idempotent};
use crate::wire::Flags;

/// How often a call is repeated, and how long it waits before each time.
///
/// ```
/// use std::time::Duration;
///
/// use daffi_core::api::Retry;
///
/// let often = Retry::times(10).delays(Duration::from_millis(50)..=Duration::from_secs(5));
/// assert_ne!(often, Retry::from(10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    delay_min: Duration,
    delay_max: Duration,
}

impl Retry {
    /// So many times at most, after the first. Before each it waits, at first some
    /// [`RETRY_DELAY_MIN`](config::RETRY_DELAY_MIN) and each time twice as long, up to
    /// [`RETRY_DELAY_MAX`](config::RETRY_DELAY_MAX); half of each wait is at random.
    pub const fn times(times: u32) -> Self {
        Self { times, delay_min: config::RETRY_DELAY_MIN, delay_max: config::RETRY_DELAY_MAX }
    }

    /// Waits so long, at first and at most.
    #[must_use]
    pub fn delays(self, delays: RangeInclusive<Duration>) -> Self {
        let (delay_min, delay_max) = delays.into_inner();
        Self { delay_min, delay_max: delay_max.max(delay_min), ..self }
    }

    /// The wait before this repetition, counted from 0, where `random` is from 0 to 1.
    fn delay(&self, repetition: u32, random: f64) -> Duration {
        let factor = 1u32.checked_shl(repetition).unwrap_or(u32::MAX);
        let half = self.delay_min.saturating_mul(factor).min(self.delay_max) / 2;
        half.saturating_add(half.mul_f64(random))
    }
}

impl From<u32> for Retry {
    fn from(times: u32) -> Self {
        Self::times(times)
    }
}

/// What becomes of a call that fails, or takes long.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plan {
    retry: Option<Retry>,
    hedge_after: Option<Duration>,
}

impl<R: Wire> Call<R> {
    /// Repeats it when it fails and may be repeated, so many times at most, after the first: `.retry(3)`, or a
    /// [`Retry`] that says how long to wait in between. All attempts and waits share the call's one
    /// [`timeout`](Self::timeout). Without this a call is made once.
    ///
    /// Repeated is what [has not run](CallError::is_retryable): nobody offers the callback, a bound was reached, its node
    /// was lost before the call got there. What may have run, because its node or the link was lost under it, is
    /// repeated only if everybody who offers the callback says that it is idempotent; whoever does not say so is then not
    /// asked. A callback that failed or panicked has run, and is not called again.
    ///
    /// Only calls that are awaited or [in the background](Self::bg), and feed no stream, can be repeated; others fail with
    /// [`CallError::BadArguments`]. In the background this process repeats the call for as long as it lives, whether
    /// its [`Job`] was dropped or not. The arguments are kept until the call is over.
    ///
    /// # Errors
    /// That of the last attempt, unless an earlier one may have run and the last has not: then that one's, so that
    /// [`ran`](CallError::ran) is true of all of them.
    pub fn retry(self, retry: impl Into<Retry>) -> Self {
        let retry = retry.into();
        self.planned(|plan| plan.retry = Some(retry))
    }

    /// Makes it on a second node if no answer came from the first by then: the first success is the result, and the other
    /// run is cancelled. If there is no second node, or it has no room, the first is waited for all the same. Repeated
    /// by [`retry`](Self::retry), each attempt may have a second node. Without this a call runs on one node.
    ///
    /// It goes with callbacks only of which everybody who offers them says that they are idempotent, and with calls only
    /// that are awaited or [in the background](Self::bg), feed no stream, and leave the choice of the node to the mesh:
    /// others fail with [`CallError::BadArguments`], and have not run. The arguments are kept until the call is over.
    ///
    /// # Errors
    /// If both fail, the error of the first, unless the second may have run and the first has not.
    pub fn hedge_after(self, after: Duration) -> Self {
        self.planned(|plan| plan.hedge_after = Some(after))
    }

    fn planned(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(self.plan.get_or_insert_default());
        self
    }

    /// The same in a mode whose calls are made once.
    pub(super) fn once(self, mode: &str) -> Self {
        if self.plan.is_none() {
            return self;
        }
        self.refused(CallError::BadArguments {
            expected: "a call that is awaited, or in the background, for `.retry(..)` or `.hedge_after(..)`"
                .into(),
            got: format!("`{mode}`"),
        })
    }
}

/// What such a call comes to.
///
/// # Errors
/// [`CallError::BadArguments`] if it shall be made twice and cannot be.
pub(super) fn carry_out(shared: &Arc<Shared>, prepared: Prepared) -> Result<Several, CallError> {
    let Prepared { request, plan, wrapping, .. } = prepared;
    let taken = Arc::new(Taken::default());
    let making = Making {
        plan: Plan::default(),
        shared: Arc::clone(shared),
        request,
        begun: None,
        taken: Arc::clone(&taken),
    };
    if let Some(plan) = &plan {
        plan.check(&making.request)?;
    }
    let outcome: BoxFuture<'static, Outcome> = match wrapping {
        None => Box::pin(making.run(plan)),
        Some(wrapping) => {
            let unwanted = Arc::clone(&taken);
            let make = |call: Outgoing| making.run_shaped(plan, call);
            Box::pin(wrapping.run_or(make, move || unwanted.unwant(true)))
        }
    };
    Ok(Several::new(outcome, taken))
}

impl Plan {
    fn check(&self, request: &Request) -> Result<(), CallError> {
        let bad = |expected: &str, got: &str| {
            Err(CallError::BadArguments { expected: expected.into(), got: got.into() })
        };
        if request.feed.is_some() {
            return bad("arguments that can be sent twice", "a stream");
        }
        if self.hedge_after.is_some() && (request.extra().on.is_some() || request.extra().key.is_some()) {
            return bad("any node, for `.hedge_after(..)`", "`.on(..)` or `.key(..)`, which choose one");
        }
        Ok(())
    }
}

/// One call in the making. Whatever awaits borrows all of it: a request, which may have a stream, is for one thread at a
/// time.
struct Making {
    plan: Plan,
    shared: Arc<Shared>,
    request: Box<Request>,
    begun: Option<Instant>,
    taken: Arc<Taken>,
}

impl Making {
    async fn run(self, plan: Option<Box<Plan>>) -> Outcome {
        match plan {
            Some(plan) => Self { plan: *plan, ..self }.repeat().await,
            None => self.once().await,
        }
    }

    /// As what stands around it has it; with the node that ran it.
    async fn run_shaped(
        mut self,
        plan: Option<Box<Plan>>,
        call: Outgoing,
    ) -> Result<(Reply, Option<NodeName>), CallError> {
        call.shape(&mut self.request);
        let shared = Arc::clone(&self.shared);
        let reply = self.run(plan).await?;
        let node = shared.lock().peer(reply.peer);
        Ok((reply, node))
    }

    /// As it is, and only once: nothing of it is kept to be sent again.
    async fn once(self) -> Outcome {
        let Self { shared, request, taken, .. } = self;
        let is_background = request.flags.has(Flags::BACKGROUND);
        let flight = Flight::new(Arc::clone(&shared), request);
        if !is_background {
            let mut attempt = Attempt::Foreground(flight);
            return poll_fn(|cx| attempt.poll(cx)).await;
        }
        let job = Box::new(Job::launch(shared.weak_handle(), flight));
        let attempt = Attempt::Background { job, taken: Some(Arc::clone(&taken)) };
        let mut lasting = Lasting { attempt, taken };
        poll_fn(|cx| lasting.attempt.poll(cx)).await
    }

    async fn repeat(mut self) -> Outcome {
        self.begun = Some(Instant::now());
        let retry = self.plan.retry.unwrap_or(Retry::times(0));
        let (mut ran, mut gravest) = (Ran::No, None);
        // What may be repeated though it may have run is run from the first by those who call it idempotent: what is
        // known of the callback may be out of date.
        let mut again = retry.times > 0 && self.known() == Some(true);
        for repetition in 0.. {
            let error = match self.attempt(again).await {
                Ok(reply) => return Ok(reply),
                Err(error) => self.of_all_time(error),
            };
            ran = ran.max(error.ran());
            let may_repeat = repetition < retry.times && self.may_repeat(&error, ran).await;
            gravest = Some(graver(gravest, error));
            let delay = retry.delay(repetition, fastrand::f64());
            if !may_repeat || self.left().is_some_and(|left| left <= delay) {
                break;
            }
            tokio::time::sleep(delay).await;
            again = match ran {
                Ran::No if again => self.is_idempotent().await,
                Ran::No => self.known() == Some(true),
                Ran::Maybe | Ran::Yes => true,
            };
        }
        Err(gravest.unwrap_or(CallError::Cancelled { ran }))
    }

    /// The call once, on two nodes if need be. If it is made `again`, only by those who call it idempotent.
    async fn attempt(&mut self, again: bool) -> Outcome {
        let hedge_after = match self.plan.hedge_after {
            Some(after) => self.may_hedge().await?.then_some(after),
            None => None,
        };
        let mut first = self.start(again || hedge_after.is_some(), None);
        let Some(hedge_after) = hedge_after else { return poll_fn(|cx| first.poll(cx)).await };
        let hedge_after = hedge_after.max(HEDGE_AFTER_MIN).saturating_add(self.eta_left());
        let number = loop {
            let outcome = tokio::time::timeout(hedge_after, poll_fn(|cx| first.poll(cx))).await;
            // One that waits for the link would wait on a second node, too.
            match (outcome, first.number()) {
                (Ok(outcome), _) => return outcome,
                (Err(_), Some(number)) => break number,
                (Err(_), None) => {}
            }
        };
        let mut second = self.start(true, Some(number));
        first_success([&mut first, &mut second]).await
    }

    fn start(&self, again: bool, apart: Option<u64>) -> Attempt {
        let mut request = self.request.copy();
        let eta = Some(self.eta_left()).filter(|eta| !eta.is_zero());
        let extra = request.extra_mut();
        (extra.again, extra.apart, extra.eta) = (again, apart, eta);
        request.timeout = self.left().map(|left| left.saturating_sub(self.eta_left()));
        let is_background = request.flags.has(Flags::BACKGROUND);
        let flight = Flight::new(Arc::clone(&self.shared), request);
        if is_background {
            // It lives on without its caller, but not without its node.
            let job = Job::launch(self.shared.weak_handle(), flight).cancel_on_drop();
            return Attempt::Background { job: Box::new(job), taken: Some(Arc::clone(&self.taken)) };
        }
        Attempt::Foreground(flight)
    }

    fn elapsed(&self) -> Duration {
        self.begun.map(|begun| begun.elapsed()).unwrap_or_default()
    }

    /// How long the controller shall still hold it.
    fn eta_left(&self) -> Duration {
        self.eta().saturating_sub(self.elapsed())
    }

    fn eta(&self) -> Duration {
        self.request.extra().eta.unwrap_or_default()
    }

    /// The time for all that is still to come; none if it has for ever.
    fn left(&self) -> Option<Duration> {
        let timeout = self.request.timeout?.min(config::TIMEOUT_MAX);
        Some(timeout.saturating_add(self.eta()).saturating_sub(self.elapsed()))
    }

    /// The time of the last attempt is not what the caller gave the call.
    fn of_all_time(&self, error: CallError) -> CallError {
        match (error, self.request.timeout) {
            (CallError::TimedOut { stage, node, .. }, Some(after)) if self.left() == Some(Duration::ZERO) => {
                CallError::TimedOut { stage, node, after }
            }
            (error, _) => error,
        }
    }

    /// Whether it may be made again, given the last error and whether any attempt may have run.
    async fn may_repeat(&mut self, error: &CallError, ran: Ran) -> bool {
        let may_pass = match error {
            CallError::TimedOut { .. } | CallError::NodeLost { .. } | CallError::Disconnected { .. } => true,
            error => error.is_retryable(),
        };
        if !may_pass || self.shared.phase() == Phase::Ended {
            return false;
        }
        match ran {
            Ran::No => true,
            Ran::Maybe => self.is_idempotent().await,
            Ran::Yes => false,
        }
    }

    /// What is known of the callback without asking.
    fn known(&self) -> Option<bool> {
        let state = self.shared.lock();
        state.known(self.request.name.as_str()).and_then(|known| is_idempotent(&known.signatures))
    }

    /// Whether it may run twice, as both those say who offered it when it was first called and those who do now.
    async fn is_idempotent(&mut self) -> bool {
        let known = self.known();
        if known == Some(false) {
            return false;
        }
        match self.shared.signatures(&self.request.name, self.left()).await {
            Ok(signatures) => is_idempotent(&signatures).or(known).unwrap_or(false),
            Err(_) => false,
        }
    }

    /// Whether a second node may be asked; not if nobody offers the callback, as the call itself will say.
    ///
    /// # Errors
    /// [`CallError::BadArguments`] if not everybody says that it is idempotent; or why that could not be learnt.
    async fn may_hedge(&mut self) -> Result<bool, CallError> {
        if self.known() == Some(true) {
            return Ok(true);
        }
        let signatures = self.shared.signatures(&self.request.name, self.left()).await.map_err(not_sent)?;
        match is_idempotent(&signatures) {
            Some(false) => Err(CallError::BadArguments {
                expected: "an idempotent callback, for `.hedge_after(..)`".into(),
                got: format!("`{}`, which not all who offer it say may run twice", self.request.name),
            }),
            of_all => Ok(of_all.is_some()),
        }
    }
}

/// A call that waits for its link is looked at this often at most.
const HEDGE_AFTER_MIN: Duration = Duration::from_millis(1);

/// A call in the background that is made once. Its process may end before it does: only if its caller said so it is
/// cancelled.
struct Lasting {
    attempt: Attempt,
    taken: Arc<Taken>,
}

impl Drop for Lasting {
    fn drop(&mut self) {
        if let (Attempt::Background { job, .. }, true) = (&mut self.attempt, self.taken.is_unwanted()) {
            job.set_cancelled_on_drop();
        }
    }
}

/// A call on its way. Dropped, it is cancelled.
enum Attempt {
    Foreground(Flight),
    Background {
        job: Box<Job<()>>,
        /// Until its number is known.
        taken: Option<Arc<Taken>>,
    },
}

impl Attempt {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        match self {
            Self::Foreground(flight) => flight.poll_outcome(cx),
            Self::Background { job, taken } => {
                let outcome = job.poll_outcome(cx);
                if let Some((id, taken)) = job.known_id().and_then(|id| Some((id, taken.take()?))) {
                    taken.set(id);
                }
                outcome
            }
        }
    }

    /// The number that the controller knows it by, once it has been sent.
    fn number(&self) -> Option<u64> {
        match self {
            Self::Foreground(flight) => flight.number(),
            Self::Background { job, .. } => job.number(),
        }
    }
}

async fn first_success(mut attempts: [&mut Attempt; 2]) -> Outcome {
    let mut errors = [None, None];
    poll_fn(|cx| {
        for (attempt, error) in attempts.iter_mut().zip(&mut errors).filter(|(_, error)| error.is_none()) {
            match attempt.poll(cx) {
                Poll::Ready(Ok(reply)) => return Poll::Ready(Ok(reply)),
                Poll::Ready(Err(failed)) => *error = Some(failed),
                Poll::Pending => {}
            }
        }
        match &errors {
            [Some(first), Some(_)] => Poll::Ready(Err(graver(errors[1].clone(), first.clone()))),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Of two errors of one call, the one that says whether it ran; the later one if both do.
fn graver(earlier: Option<CallError>, later: CallError) -> CallError {
    earlier.filter(|earlier| earlier.ran() > later.ran()).unwrap_or(later)
}

/// A question before the call has failed, and so the call has not run.
fn not_sent(error: CallError) -> CallError {
    match error {
        CallError::Disconnected { .. } => CallError::Disconnected { ran: Ran::No },
        CallError::TimedOut { node, after, .. } => CallError::TimedOut { stage: Stage::Waiting, node, after },
        CallError::Protocol { message, .. } => CallError::Protocol { message, ran: Ran::No },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_their_bound_and_half_of_each_is_at_random() {
        let retry = Retry::times(9).delays(10 * MS..=50 * MS);

        let longest: Vec<Duration> = (0..4).map(|repetition| retry.delay(repetition, 1.0)).collect();
        assert_eq!(longest, [10 * MS, 20 * MS, 40 * MS, 50 * MS]);
        assert_eq!(retry.delay(2, 0.0), 20 * MS);
        assert_eq!(retry.delay(u32::MAX, 1.0), 50 * MS);
    }

    #[test]
    fn waits_of_the_longest_durations_do_not_overflow() {
        let retry = Retry::times(9).delays(Duration::MAX..=Duration::ZERO);

        assert!(retry.delay(31, 1.0) >= Duration::MAX / 4);
    }

    #[test]
    fn an_error_that_may_have_run_outlives_later_ones_that_have_not() {
        let busy = || CallError::Busy { what: "it".into() };
        let maybe = || CallError::Disconnected { ran: Ran::Maybe };

        assert_eq!(graver(None, busy()), busy());
        assert_eq!(graver(Some(maybe()), busy()), maybe());
        assert_eq!(graver(Some(busy()), maybe()), maybe());
        assert_eq!(
            graver(Some(maybe()), CallError::Cancelled { ran: Ran::Maybe }).code(),
            crate::error::Code::Cancelled
        );
    }
}
