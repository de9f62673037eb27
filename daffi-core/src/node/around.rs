//! What stands around the calls of a node, and what is kept of it for one call that is served.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures::future::BoxFuture;

use super::Shared;
use super::job::{Arrived, Job};
use super::outgoing::{Outgoing, Wrapping};
use super::traced::{Traced, below, is_watched};
use crate::callback::{AnyWrap, Next, Outcome, Serving, Wrap, Wrapped, Wraps};
use crate::wire::{Extension, Traceparent};

/// What stands around all calls of one side of a node.
pub(crate) struct Wrappers<C: Wrapped> {
    /// If there is anything.
    given: Option<Wraps<C>>,
    /// The same with spans.
    traced: Wraps<C>,
}

impl<C: Wrapped> Wrappers<C>
where
    Traced: Wrap<C>,
{
    pub(crate) fn new(given: Vec<Arc<dyn AnyWrap<C>>>) -> Self {
        let span: Arc<dyn AnyWrap<C>> = Arc::new(Traced);
        let traced = std::iter::once(span).chain(given.iter().cloned()).collect();
        Self { given: (!given.is_empty()).then(|| given.into()), traced }
    }

    fn list(&self, is_watched: bool) -> Option<Wraps<C>> {
        if is_watched { Some(Arc::clone(&self.traced)) } else { self.given.clone() }
    }
}

impl Shared {
    /// What stands around a call that is made, if anything does; `call` says what it is.
    pub(crate) fn wrapping(&self, call: impl FnOnce() -> Outgoing) -> Option<Box<Wrapping>> {
        let wraps = self.options.around_calls.list(is_watched())?;
        Some(Box::new(Wrapping::new(wraps, call())))
    }

    /// Notes what stands around a call that arrived.
    pub(super) fn surround(&self, arrived: &mut Arrived) {
        let is_watched = is_watched();
        let wrappers = &self.options.around_callbacks;
        if !is_watched && wrappers.given.is_none() {
            return;
        }
        let around = arrived.around.get_or_insert_default();
        around.wraps = wrappers.list(is_watched);
        if is_watched {
            around.own = Some(below(around.came));
        }
    }
}

/// What stands around one call that is served, and where that is in a trace.
#[derive(Clone, Default)]
pub(crate) struct Around {
    /// What the caller says.
    came: Option<Traceparent>,
    /// The callback's own place.
    own: Option<Traceparent>,
    wraps: Option<Wraps<Serving>>,
}

impl Around {
    /// What the extension map of a call says of it. One that says nothing sensible says nothing.
    pub(super) fn told(extension: &[u8]) -> Option<Box<Self>> {
        // Few calls have one, and decoding it takes as long as the rest of a short call.
        if extension.is_empty() {
            return None;
        }
        let came: Traceparent = Extension::decode(extension).ok()?.traceparent?.parse().ok()?;
        Some(Box::new(Self { came: Some(came), own: Some(came), wraps: None }))
    }
}

impl std::fmt::Debug for Around {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Around").field("came", &self.came).field("own", &self.own).finish_non_exhaustive()
    }
}

/// What stands around a callback that is about to run.
pub(super) struct Surrounded {
    wraps: Wraps<Serving>,
    call: Serving,
}

impl Surrounded {
    /// Runs the callback by `run`, if and when that is let.
    pub(super) fn run(
        self,
        run: impl FnOnce() -> BoxFuture<'static, Outcome> + Send + 'static,
    ) -> BoxFuture<'static, Outcome> {
        Box::pin(Next::new(self.wraps, |_| run()).run(self.call))
    }
}

impl Job {
    /// Where its callback is in a trace.
    pub(super) fn traceparent(&self) -> Option<Traceparent> {
        self.around.as_ref()?.own
    }

    /// What stands around it, whose arguments are so long.
    pub(super) fn surrounded(&self, shared: &Shared, argument_bytes: usize) -> Option<Surrounded> {
        let around = self.around.as_ref()?;
        let call = Serving {
            callback: self.callback.name().clone(),
            caller: self.caller.clone(),
            node: shared.name.clone(),
            deadline: self.ends_at(),
            argument_bytes,
            is_one_way: self.key.is_one_way,
            came: around.came,
            own: around.own,
        };
        Some(Surrounded { wraps: around.wraps.clone()?, call })
    }
}

/// Polls `future` on this thread until it is ready. A runtime's own way to do so forbids what runs in it to do the same,
/// which a plain function may.
pub(super) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let alarm = Arc::new(Alarm { thread: thread::current(), rings: AtomicBool::new(true) });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut future = pin!(future);
    loop {
        // A function may have parked this thread itself, and taken the ring of the thread for its own.
        while !alarm.rings.swap(false, Ordering::AcqRel) {
            thread::park();
        }
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
    }
}

struct Alarm {
    thread: Thread,
    rings: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rings.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OUTER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn told(traceparent: &str) -> Option<Traceparent> {
        let extension = Extension { traceparent: Some(traceparent.into()), ..Extension::NONE };
        Around::told(&extension.encode())?.own
    }

    #[test]
    fn what_a_caller_says_is_a_place_in_a_trace_or_nothing() {
        assert_eq!(told(OUTER), OUTER.parse().ok());
        assert_eq!(told("00-1-2-01"), None);
        assert!(Around::told(&[]).is_none());
        assert!(Around::told(&[0xc1, 0xff]).is_none());
        assert!(Around::told(&Extension { include_self: true, ..Extension::NONE }.encode()).is_none());
    }

    #[test]
    fn a_thread_waits_for_a_future_that_is_woken_elsewhere() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let other = thread::spawn(move || sender.send(7));

        assert_eq!(wait_for(receiver), Ok(7));
        assert!(other.join().is_ok_and(|sent| sent.is_ok()));
    }

    #[test]
    fn a_wake_is_not_lost_to_what_parks_the_thread_while_it_is_polled() {
        let mut polls = 0;
        let future = std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            // As a function might that waits for another thread: this takes the ring of the thread.
            thread::park_timeout(Duration::from_secs(60));
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        });

        wait_for(future);

        assert_eq!(polls, 3);
    }
}
