//! The sending end of a flow.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

use crate::config;

/// How much of a flow may be sent, and whether it is still wanted. Only tasks of the node's own wait for it, so they
/// are woken whatever is locked.
#[derive(Debug)]
pub(crate) struct Outflow {
    state: Mutex<Tally>,
    waiting: AtomicWaker,
}

#[derive(Debug)]
struct Tally {
    /// Bytes that may be sent now.
    window: usize,
    is_cut: bool,
}

impl Outflow {
    pub(super) fn new() -> Self {
        let state = Mutex::new(Tally { window: config::FLOW_WINDOW_BYTES, is_cut: false });
        Self { state, waiting: AtomicWaker::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The receiver has taken so much.
    pub(super) fn grant(&self, bytes: usize) {
        let mut tally = self.lock();
        // A receiver that grants what was never sent gains nothing by it.
        tally.window = tally.window.saturating_add(bytes).min(config::FLOW_WINDOW_BYTES);
        drop(tally);
        self.waiting.wake();
    }

    /// Nobody wants the rest.
    pub(super) fn cut(&self) {
        self.lock().is_cut = true;
        self.waiting.wake();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.lock().is_cut
    }

    /// Has `cx` woken when more may be sent, or nobody wants it.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        self.waiting.register(cx.waker());
    }

    /// Waits until nobody wants it.
    pub(super) fn poll_cut(&self, cx: &Context<'_>) -> Poll<()> {
        self.watch(cx);
        if self.is_cut() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until `bytes` may be sent; `false` if nobody wants them.
    pub(super) fn poll_window(&self, bytes: usize, cx: &Context<'_>) -> Poll<bool> {
        // Before looking: a grant in between must find it.
        self.watch(cx);
        let tally = self.lock();
        match (tally.is_cut, tally.window >= bytes) {
            (true, _) => Poll::Ready(false),
            (false, true) => Poll::Ready(true),
            (false, false) => Poll::Pending,
        }
    }

    /// Takes up to `bytes` of the window; as much may be sent.
    pub(super) fn spend(&self, bytes: usize) -> usize {
        let mut tally = self.lock();
        let spent = if tally.is_cut { 0 } else { bytes.min(tally.window) };
        tally.window -= spent;
        spent
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn no_more_is_sent_than_was_granted() {
        let flow = Outflow::new();
        let cx = Context::from_waker(Waker::noop());

        assert_eq!(flow.spend(usize::MAX), config::FLOW_WINDOW_BYTES);
        assert!(flow.poll_window(1, &cx).is_pending());
        flow.grant(10);

        assert_eq!(flow.poll_window(10, &cx), Poll::Ready(true));
        assert_eq!(flow.spend(20), 10);
    }

    #[test]
    fn grants_beyond_the_window_count_for_nothing() {
        let flow = Outflow::new();

        flow.grant(usize::MAX);

        assert_eq!(flow.spend(usize::MAX), config::FLOW_WINDOW_BYTES);
    }

    #[test]
    fn nothing_is_sent_of_a_flow_that_nobody_wants() {
        let flow = Outflow::new();

        flow.cut();

        assert_eq!(flow.spend(1), 0);
        assert_eq!(flow.poll_window(1, &Context::from_waker(Waker::noop())), Poll::Ready(false));
    }
}
