//! Taking a stream that comes to this node: each taker grants its sender more.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::Shared;
use super::flows::{FlowId, Inflow};
use crate::callback::Source;
use crate::error::CallError;
use crate::name::NodeName;
use crate::session::Outbound;
use crate::wire::{Direction, Header, put_frame};

/// The taker of a stream. Dropped, it takes no more, and the sender is granted no more.
pub(crate) struct Intake {
    shared: Arc<Shared>,
    /// Where its sender is granted more; `None` if all has come.
    outbound: Option<Outbound>,
    id: FlowId,
    inflow: Arc<Inflow>,
    /// Who sends.
    author: NodeName,
}

impl Intake {
    pub(super) fn new(
        shared: &Arc<Shared>,
        outbound: Option<Outbound>,
        id: FlowId,
        inflow: Arc<Inflow>,
        author: NodeName,
    ) -> Self {
        Self { shared: Arc::clone(shared), outbound, id, inflow, author }
    }

    fn grant(&self, bytes: u32) {
        let Some(outbound) = &self.outbound else { return };
        let (direction, call) = self.id;
        outbound.with(|out| put_frame(out, Header::window(call, direction, bytes), &[], &[]));
        outbound.flush_soon();
    }
}

impl Source for Intake {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CallError>>> {
        let taken = match ready!(self.inflow.poll_take(cx)) {
            Some(Ok(taken)) => taken,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(None),
        };
        if taken.grant > 0 {
            self.grant(taken.grant);
        }
        Poll::Ready(Some(Ok(taken.bytes)))
    }

    fn unreadable(&self, message: String) -> CallError {
        match self.id.0 {
            Direction::Request => {
                CallError::BadArguments { expected: "items of the stream's type".into(), got: message }
            }
            Direction::Reply => CallError::BadReply { node: self.author.clone(), message },
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let waker = self.inflow.close();
        self.shared.lock().flows.forget(self.id, &self.inflow);
        drop(waker);
    }
}
