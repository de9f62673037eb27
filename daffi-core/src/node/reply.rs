//! What a callback came to, on its way back: each call ends in exactly one reply, whole, in chunks, or as a stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use super::flows::Outlet;
use super::job::Job;
use super::link::Link;
use crate::callback::{Fault, Outcome, Panicked};
use crate::config;
use crate::error::{CallError, ErrorValue, Ran};
use crate::name::NodeName;
use crate::wire::{Direction, Failure, Flags, Header, Kind, put_frame};

impl Shared {
    /// The callback has ended. A result that is to go in chunks is handed back.
    #[must_use]
    pub(super) fn finished(&self, job: &Job, outcome: Result<Outcome, Panicked>) -> Option<Vec<u8>> {
        match self.result(outcome, job.is_whole()) {
            Ok(body) if body.len() > config::CHUNK_BYTES && !job.is_whole() => Some(body),
            result => {
                self.reply(job, &result);
                None
            }
        }
    }

    /// The result, or the error that the caller is told. One that must be `is_whole` has another bound.
    pub(super) fn result(
        &self,
        outcome: Result<Outcome, Panicked>,
        is_whole: bool,
    ) -> Result<Vec<u8>, CallError> {
        let whole = if is_whole { config::BODY_BYTES_MAX } else { usize::MAX };
        let limit = whole.min(self.options.body_bytes_max);
        match outcome {
            Ok(Ok(body)) if body.len() > limit => Err(too_large("reply", body.len(), limit, Ran::Yes)),
            Ok(Ok(body)) => Ok(body),
            Ok(Err(fault)) => Err(self.failure(Ok(fault))),
            Err(panicked) => Err(self.failure(Err(panicked))),
        }
    }

    /// What others are told of a fault or panic here.
    pub(super) fn failure(&self, failed: Result<Fault, Panicked>) -> CallError {
        let node = self.name.clone();
        match failed {
            Ok(Fault::BadArguments { expected, got }) => CallError::BadArguments { expected, got },
            Ok(Fault::Failed { kind, message, chain, value }) => {
                let value = (!value.is_empty()).then(|| ErrorValue::new(value));
                CallError::Remote { node, kind, message, chain, value }
            }
            Ok(Fault::BadReply { message }) => CallError::BadReply { node, message },
            Ok(Fault::Denied { what }) => CallError::Denied { what },
            Ok(Fault::Busy { what }) => CallError::Busy { what: format!("`{node}`: {what}") },
            Err(Panicked { message, at }) => CallError::Panicked { node, message, at },
        }
    }

    pub(super) fn reply(&self, job: &Job, result: &Result<Vec<u8>, CallError>) {
        self.note_failure(job.key.is_one_way, job.callback.name(), &job.caller, result);
        put_reply(&job.link, job.call, job.key.is_one_way, result);
    }

    /// A failure that no caller is told of is logged and counted here.
    pub(super) fn note_failure<T>(
        &self,
        is_one_way: bool,
        callback: &dyn std::fmt::Display,
        caller: &NodeName,
        result: &Result<T, CallError>,
    ) {
        if let (true, Err(error)) = (is_one_way, result) {
            self.serve.failed_one_way.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%callback, %caller, %error, "a call that wants no reply failed");
        }
    }

    /// A flow for the result of a job; `None` if too many are under way.
    pub(super) fn open_reply(self: &Arc<Self>, job: &Job) -> Option<Outlet> {
        let mut state = self.lock();
        let is_full = state.flows.is_full(Direction::Reply);
        let on = (job.link.number, job.link.outbound.clone());
        (!is_full).then(|| Outlet::open(self, &mut state, on, (Direction::Reply, job.call)))
    }

    /// Sends a result in chunks, once there is room for another that does.
    pub(super) async fn reply_in_chunks(self: &Arc<Self>, job: &Job, body: Vec<u8>) {
        let outlet = loop {
            let freed = self.serve.flow_ended.notified();
            let outlet = self.open_reply(job);
            // After opening it: a cancellation from now on finds it and cuts it.
            if self.serve.is_stopped(job.key) {
                return;
            }
            match outlet {
                Some(outlet) => break outlet,
                None => freed.await,
            }
        };
        let header = Header { call: job.call, flags: Flags::MORE, ..Header::new(Kind::Reply) };
        let first = &body[..config::CHUNK_BYTES];
        job.link.outbound.with(|out| put_frame(out, header, &[], first));
        job.link.outbound.flush_soon();
        outlet.send_rest(body).await;
    }

    /// A callback that returns a stream has ended, with all its items or without.
    pub(super) fn end_stream(&self, job: &Job, outlet: &Outlet, outcome: Result<Outcome, Panicked>) {
        match self.result(outcome, false) {
            Ok(_) if outlet.has_begun() => outlet.end(),
            Ok(_) => {
                let message = "it returned no stream, against its signature".to_owned();
                let node = self.name.clone();
                self.reply(job, &Err(CallError::BadReply { node, message }));
            }
            Err(error) if outlet.has_begun() => outlet.fail(&error),
            Err(error) => self.reply(job, &Err(error)),
        }
    }
}

/// A body is over its bound.
pub(super) fn too_large(what: &str, bytes: usize, limit: usize, ran: Ran) -> CallError {
    CallError::TooLarge { what: what.into(), bytes: bytes as u64, limit: limit as u64, ran }
}

/// What says that a stream of results begins.
pub(super) fn opening(call: u64) -> Header {
    Header { call, flags: Flags::STREAMED, ..Header::new(Kind::Reply) }
}

/// Appends the reply to a call, or counts it if none is wanted.
pub(super) fn put_reply<B: AsRef<[u8]>>(
    link: &Link,
    call: u64,
    is_one_way: bool,
    result: &Result<B, CallError>,
) {
    match result {
        Err(error) if !is_one_way => {
            let header = Header { call, flags: Flags::FAILED, ..Header::new(Kind::Reply) };
            let body = Failure::from(error).encode();
            link.outbound.with(|out| put_frame(out, header, &[], &body));
        }
        Err(_) => link.finish_one_way(),
        Ok(body) => put_result(link, call, is_one_way, body.as_ref()),
    }
}

/// Appends the result of a call, or counts it if none is wanted.
pub(super) fn put_result(link: &Link, call: u64, is_one_way: bool, body: &[u8]) {
    if is_one_way {
        link.finish_one_way();
    } else {
        let header = Header { call, ..Header::new(Kind::Reply) };
        link.outbound.with(|out| put_frame(out, header, &[], body));
    }
}
