//! One operation, of whatever kind, and why it failed.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daffi_core::api::{Call, Operation};
use daffi_core::error::{CallError, Code, DataError, Ran};
use daffi_core::node::Node;
use rmpv::Value;

use crate::mesh::call_error;
use crate::report::{End, Problem};

/// What is done over and over.
#[derive(Debug)]
pub(super) enum Work {
    /// A callback is called.
    Call(Asked),
    /// A callback is called at all nodes that offer it.
    Broadcast(Asked),
    /// A value is pushed and one popped.
    Queue {
        /// The queue.
        name: Arc<str>,
        /// What is pushed.
        value: Value,
    },
    /// A lock is taken and given back.
    Lock {
        /// The lock.
        name: Arc<str>,
    },
    /// A counter is incremented.
    Counter {
        /// Its group.
        name: Arc<str>,
    },
}

/// What is called, and with what.
#[derive(Debug)]
pub(super) struct Asked {
    /// The callback.
    pub(super) name: String,
    /// The node that shall run it.
    pub(super) on: Option<String>,
    /// The arguments, encoded once.
    pub(super) body: Bytes,
    /// What comes back, if that is known.
    pub(super) echoed: Option<Value>,
    /// How many nodes answer a broadcast, if that is known.
    pub(super) nodes: Option<usize>,
}

/// Why an operation failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// As a call.
    Call(CallError),
    /// As an operation of a hosted object.
    Data(DataError),
    /// Something else came back than was sent.
    Differs,
}

impl Work {
    /// Does it once.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) async fn once(&self, node: &Node, timeout: Option<Duration>) -> Result<(), Failure> {
        match self {
            Self::Call(asked) => asked.call(node, timeout).await,
            Self::Broadcast(asked) => asked.broadcast(node, timeout).await,
            Self::Queue { name, value } => {
                let queue = node.queue::<Value>(Arc::clone(name));
                within(queue.push(value), timeout).await?;
                // All push the same before they pop: there is one, and it does not matter whose.
                let popped = within(queue.pop(), timeout).await?;
                same(popped.as_ref(), Some(value))
            }
            Self::Lock { name } => {
                let guard = within(node.lock(Arc::clone(name)).acquire(), timeout).await?;
                within(guard.release(), timeout).await
            }
            Self::Counter { name } => {
                within(node.counters(Arc::clone(name)).inc(COUNTER, 1), timeout).await.map(drop)
            }
        }
    }

    /// The callback that it calls, if it calls one.
    pub(super) fn callback(&self) -> &str {
        match self {
            Self::Call(asked) | Self::Broadcast(asked) => &asked.name,
            Self::Queue { .. } | Self::Lock { .. } | Self::Counter { .. } => "",
        }
    }
}

/// The counter of the group.
const COUNTER: &str = "bench";

impl Asked {
    fn made(&self, node: &Node, timeout: Option<Duration>) -> Call<Value> {
        let call = node.call::<Value>(&self.name, self.body.clone());
        match timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        }
    }

    async fn call(&self, node: &Node, timeout: Option<Duration>) -> Result<(), Failure> {
        let mut call = self.made(node, timeout);
        if let Some(node) = &self.on {
            call = call.on(node);
        }
        let reply = call.await.map_err(call_error)?;
        self.check(&reply)
    }

    async fn broadcast(&self, node: &Node, timeout: Option<Duration>) -> Result<(), Failure> {
        let mut broadcast = self.made(node, timeout).broadcast();
        if let Some(nodes) = self.nodes {
            broadcast = broadcast.at_least(nodes);
        }
        for (_, reply) in broadcast.await.map_err(call_error)? {
            self.check(&reply?)?;
        }
        Ok(())
    }

    fn check(&self, reply: &Value) -> Result<(), Failure> {
        match &self.echoed {
            Some(echoed) => same(Some(reply), Some(echoed)),
            None => Ok(()),
        }
    }
}

fn same(got: Option<&Value>, sent: Option<&Value>) -> Result<(), Failure> {
    if got == sent { Ok(()) } else { Err(Failure::Differs) }
}

async fn within<T: 'static>(operation: Operation<T>, timeout: Option<Duration>) -> Result<T, Failure> {
    let operation = match timeout {
        Some(timeout) => operation.timeout(timeout),
        None => operation,
    };
    Ok(operation.into_future().await?)
}

impl Failure {
    /// Whether it has been done all the same.
    pub(super) fn ran(&self) -> Ran {
        match self {
            Self::Call(error) => error.ran(),
            Self::Data(error) => error.ran(),
            Self::Differs => Ran::Yes,
        }
    }

    /// Whether the client was left by its controller: nothing that it begins would ever be sent.
    pub(super) fn is_of_ended_session(&self) -> bool {
        let (Self::Call(error) | Self::Data(DataError::Call(error))) = self else { return false };
        matches!(error, CallError::Disconnected { ran: Ran::No })
    }

    /// The same in words, of a call of `callback` if it was one.
    pub(super) fn problem(self, callback: &str) -> Problem {
        match self {
            Self::Call(error) => Problem::of_call(&error, callback),
            Self::Data(error) => match End::from(error) {
                End::Problem(problem) => *problem,
                other => unreachable!("an error of data is a problem, and not {other:?}"),
            },
            Self::Differs => Problem::new(Code::Protocol, "what came back is not what was sent"),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}
