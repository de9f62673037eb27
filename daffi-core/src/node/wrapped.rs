//! A call on its way that something stands around: sent when that lets it, and over when that says so.

use std::task::{Context, Poll, Waker, ready};

use super::Wrapping;
use super::flight::Flight;
use super::outgoing::Ended;
use crate::error::CallError;
use crate::wire::CallId;

/// A flight, and what stands around it.
pub(super) struct WrappedFlight {
    wrapping: Wrapping,
    pub(super) flight: Flight,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It waits for leave.
    Waiting,
    Flying,
    /// It has come to something, which has been said.
    Ending,
    /// What stood around it has said what it is to its caller.
    Over,
}

impl WrappedFlight {
    pub(super) fn new(wrapping: Wrapping, flight: Flight) -> Self {
        Self { wrapping, flight, stage: Stage::Waiting }
    }

    /// Sends it now, if it is let at once.
    pub(super) fn launch(&mut self) {
        if self.poll_leave(&mut Context::from_waker(Waker::noop())) == Poll::Ready(Ok(())) {
            self.flight.launch();
        }
    }

    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        if self.stage != Stage::Waiting {
            return Poll::Ready(Ok(()));
        }
        match ready!(self.wrapping.poll_leave(cx)) {
            Ok(call) => {
                self.stage = Stage::Flying;
                if let Some(request) = self.flight.request() {
                    call.shape(request);
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.stage = Stage::Over;
                self.flight.fail(error.clone());
                Poll::Ready(Err(error))
            }
        }
    }

    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<CallId, CallError>> {
        ready!(self.poll_leave(cx))?;
        if let Poll::Ready(error) = self.poll_given_up(cx) {
            return Poll::Ready(Err(error));
        }
        self.flight.poll_sent(cx)
    }

    pub(super) fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        if self.stage != Stage::Flying {
            return Poll::Pending;
        }
        let error = ready!(self.wrapping.poll_given_up(cx));
        self.stage = Stage::Over;
        // Nobody wants its outcome.
        self.flight.fail(error.clone());
        Poll::Ready(error)
    }

    pub(super) fn poll_over(
        &mut self,
        cx: &mut Context<'_>,
        result: &Result<(), CallError>,
    ) -> Poll<Result<(), CallError>> {
        match self.stage {
            Stage::Waiting | Stage::Over => return Poll::Ready(result.clone()),
            Stage::Flying => {
                self.stage = Stage::Ending;
                let ended = result.clone().map(|()| Ended::at(self.flight.author()));
                self.wrapping.end(ended);
            }
            Stage::Ending => {}
        }
        let over = ready!(self.wrapping.poll_over(cx));
        self.stage = Stage::Over;
        Poll::Ready(over)
    }
}
