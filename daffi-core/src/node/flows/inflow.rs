//! The receiving end of a stream.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use crate::config;
use crate::error::{CallError, Ran};

/// What came of a stream and was not taken: at most a window.
#[derive(Debug, Default)]
pub(crate) struct Inflow {
    state: Mutex<Basin>,
}

#[derive(Debug, Default)]
struct Basin {
    chunks: VecDeque<BytesMut>,
    bytes: usize,
    /// Taken since the sender was last granted more.
    taken: usize,
    end: Option<Result<(), CallError>>,
    waker: Option<Waker>,
}

/// Bytes that were taken, and how many more the sender is to be granted.
#[derive(Debug, PartialEq)]
pub(crate) struct Taken {
    pub(crate) bytes: Bytes,
    pub(crate) grant: u32,
}

impl Inflow {
    fn lock(&self) -> MutexGuard<'_, Basin> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chunk came.
    pub(super) fn push(&self, bytes: &[u8], woken: &mut Vec<Waker>) {
        let mut basin = self.lock();
        if basin.end.is_some() {
            return;
        }
        if basin.bytes + bytes.len() > config::FLOW_WINDOW_BYTES {
            let message = "more of a stream than its window".to_owned();
            basin.end = Some(Err(CallError::Protocol { message, ran: Ran::Maybe }));
        } else {
            basin.bytes += bytes.len();
            match basin.chunks.back_mut() {
                // A chunk of a few bytes takes no memory of its own.
                Some(last) if last.len() + bytes.len() <= config::CHUNK_BYTES => {
                    last.extend_from_slice(bytes)
                }
                _ => basin.chunks.push_back(BytesMut::from(bytes)),
            }
        }
        woken.extend(basin.waker.take());
    }

    /// Nothing follows what came; an error says why.
    pub(crate) fn end(&self, end: Result<(), CallError>, woken: &mut Vec<Waker>) {
        let mut basin = self.lock();
        basin.end.get_or_insert(end);
        woken.extend(basin.waker.take());
    }

    /// Nobody takes what came and comes. The waker of whoever waited, to be dropped without any lock: with it a whole
    /// task may be dropped, and its calls.
    #[must_use]
    pub(crate) fn close(&self) -> Option<Waker> {
        let mut basin = self.lock();
        basin.end.get_or_insert(Ok(()));
        basin.chunks.clear();
        basin.waker.take()
    }

    /// The next bytes; `None` at the end.
    pub(crate) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Result<Taken, CallError>>> {
        let mut basin = self.lock();
        if let Some(bytes) = basin.chunks.pop_front() {
            basin.bytes -= bytes.len();
            basin.taken += bytes.len();
            let grant = if basin.taken >= GRANT_BYTES { std::mem::take(&mut basin.taken) } else { 0 };
            return Poll::Ready(Some(Ok(Taken { bytes: bytes.freeze(), grant: grant as u32 })));
        }
        match &basin.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error.clone()))),
            None => {
                match &mut basin.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    empty => *empty = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

/// A sender is granted more in steps of this many bytes, so that few frames say so.
pub(super) const GRANT_BYTES: usize = config::FLOW_WINDOW_BYTES / 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn take(inflow: &Inflow) -> Poll<Option<Result<Taken, CallError>>> {
        inflow.poll_take(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_came_before_an_error_is_taken_before_it() {
        let inflow = Inflow::default();
        inflow.push(b"ab", &mut Vec::new());
        inflow.end(Err(CallError::Cancelled { ran: Ran::No }), &mut Vec::new());

        let bytes = Bytes::from_static(b"ab");
        assert_eq!(take(&inflow), Poll::Ready(Some(Ok(Taken { bytes, grant: 0 }))));
        assert_eq!(take(&inflow), Poll::Ready(Some(Err(CallError::Cancelled { ran: Ran::No }))));
    }

    #[test]
    fn more_is_granted_in_steps_of_what_was_taken() {
        let inflow = Inflow::default();
        let chunks = GRANT_BYTES / config::CHUNK_BYTES;
        for _ in 0..chunks {
            inflow.push(&vec![0; config::CHUNK_BYTES], &mut Vec::new());
        }

        let granted = (0..chunks).map(|_| match take(&inflow) {
            Poll::Ready(Some(Ok(taken))) => taken.grant as usize,
            other => panic!("{other:?}"),
        });

        let mut expected = vec![0; chunks - 1];
        expected.push(GRANT_BYTES);
        assert_eq!(granted.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_sender_that_sends_more_than_its_window_is_heard_no_further() {
        let inflow = Inflow::default();
        inflow.push(&vec![0; config::FLOW_WINDOW_BYTES], &mut Vec::new());

        inflow.push(b"x", &mut Vec::new());

        assert!(matches!(take(&inflow), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(take(&inflow), Poll::Ready(Some(Err(CallError::Protocol { .. })))));
    }
}
