//! A call on its way that wants no reply: over when the controller has taken it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;

use super::one_way::Sequence;
use super::{Request, Shared};
use crate::error::CallError;

/// A call that wants no reply: sent when first polled, over when the controller has taken it.
pub(crate) struct Acknowledged {
    shared: Arc<Shared>,
    stage: OneWayStage,
}

enum OneWayStage {
    New(Box<Request>),
    Slow(BoxFuture<'static, Result<Sequence, CallError>>),
    Sent(Sequence),
    Failed(CallError),
    Over,
}

impl Acknowledged {
    pub(crate) fn new(shared: Arc<Shared>, request: Box<Request>) -> Self {
        Self { shared, stage: OneWayStage::New(request) }
    }

    /// A call that cannot be made.
    pub(crate) fn failed(shared: Arc<Shared>, error: CallError) -> Self {
        Self { shared, stage: OneWayStage::Failed(error) }
    }
}

impl Future for Acknowledged {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match std::mem::replace(&mut self.stage, OneWayStage::Over) {
                OneWayStage::New(mut request) => {
                    let shared = Arc::clone(&self.shared);
                    let timeout = request.timeout;
                    match shared.try_send_one_way(&mut request, timeout) {
                        Ok(Some(sequence)) => OneWayStage::Sent(sequence),
                        Ok(None) | Err(CallError::BadArguments { .. }) => {
                            let slow = shared.send_slowly(*request, Shared::try_send_one_way);
                            OneWayStage::Slow(Box::pin(slow))
                        }
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                OneWayStage::Slow(mut slow) => match slow.as_mut().poll(cx) {
                    Poll::Ready(sequence) => OneWayStage::Sent(sequence?),
                    Poll::Pending => {
                        self.stage = OneWayStage::Slow(slow);
                        return Poll::Pending;
                    }
                },
                OneWayStage::Sent(sequence) => {
                    let taken = self.shared.lock().one_way.poll(sequence, cx);
                    self.stage = OneWayStage::Sent(sequence);
                    return taken;
                }
                OneWayStage::Failed(error) => return Poll::Ready(Err(error)),
                OneWayStage::Over => return Poll::Pending,
            };
            self.stage = next;
        }
    }
}

impl Drop for Acknowledged {
    fn drop(&mut self) {
        if let OneWayStage::Sent(sequence) = self.stage {
            let waker = self.shared.lock().one_way.detach(sequence);
            drop(waker);
        }
    }
}
