//! What is called, and how: a call before it is sent.

use std::time::Duration;

use serde::Serialize;

use super::in_flight::Expect;
use super::known::Streams;
use super::reply::too_large;
use super::state::Numbered;
use crate::callback::Feed;
use crate::config;
use crate::error::{CallError, Ran};
use crate::name::CallbackName;
use crate::wire::{self, Extension, Flags, Header, Kind, Traceparent, put_frame};

/// What is called, and how.
pub(crate) struct Request {
    pub(crate) name: CallbackName,
    /// The name's number when the request was made.
    pub(crate) number: Option<Numbered>,
    pub(crate) body: Vec<u8>,
    pub(crate) flags: Flags,
    pub(crate) expect: Expect,
    pub(crate) on: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) eta: Option<Duration>,
    pub(crate) include_self: bool,
    pub(crate) timeout: Option<Duration>,
    /// The compiler has checked the arguments.
    pub(crate) is_declared: bool,
    /// The compiler knows that the result is a stream.
    pub(crate) gives_stream: bool,
    /// The stream that it brings.
    pub(crate) feed: Option<Feed>,
    /// It may have run before, or is running.
    pub(crate) again: bool,
    /// The number of the call whose node shall not run it.
    pub(crate) apart: Option<u64>,
    /// The number under which it was first sent, if it may have been carried out then.
    pub(crate) first: Option<u64>,
    /// It may be sent again, by whoever has its flight.
    pub(crate) is_kept: bool,
    /// Its place in a trace.
    pub(crate) trace: Option<Box<Traceparent>>,
}

impl Request {
    /// A plain call in the foreground.
    pub(crate) fn new(name: CallbackName, body: Vec<u8>) -> Self {
        Self {
            name,
            number: None,
            body,
            flags: Flags::NONE,
            expect: Expect::Reply,
            on: None,
            key: None,
            eta: None,
            include_self: false,
            timeout: Some(config::CALL_TIMEOUT),
            is_declared: false,
            gives_stream: false,
            feed: None,
            again: false,
            apart: None,
            first: None,
            is_kept: false,
            trace: None,
        }
    }

    /// The same once more, without its stream.
    pub(crate) fn copy(&self) -> Self {
        let Self {
            flags,
            expect,
            eta,
            include_self,
            timeout,
            is_declared,
            gives_stream,
            again,
            apart,
            first,
            is_kept,
            ..
        } = *self;
        let (name, body, on, key) = (self.name.clone(), self.body.clone(), self.on.clone(), self.key.clone());
        let trace = self.trace.clone();
        Self {
            name,
            number: None,
            body,
            flags,
            expect,
            on,
            key,
            eta,
            include_self,
            timeout,
            is_declared,
            gives_stream,
            feed: None,
            again,
            apart,
            first,
            is_kept,
            trace,
        }
    }

    /// A call of the controller's own callback `name`, which knows what it takes.
    pub(crate) fn to_controller<A: Serialize>(name: &str, arguments: &A) -> Self {
        let name = CallbackName::new(name).expect("the controller's names are good");
        let body = wire::encode(arguments).expect("names, numbers and plain structs encode");
        Self { is_declared: true, ..Self::new(name, body) }
    }

    /// Whether the header says it all.
    fn is_plain(&self) -> bool {
        self.on.is_none()
            && self.key.is_none()
            && self.eta.is_none()
            && !self.include_self
            && !self.again
            && self.apart.is_none()
            && self.first.is_none()
            && self.trace.is_none()
    }

    /// Whether the rest of its body follows in chunks.
    pub(super) fn is_chunked(&self) -> bool {
        self.body.len() > config::CHUNK_BYTES && !self.is_whole()
    }

    /// Whether it travels in one frame, however large: there is nobody at its end to take it in chunks.
    fn is_whole(&self) -> bool {
        self.flags.0 & WHOLE.0 != 0 || self.eta.is_some() || self.name.is_reserved()
    }

    pub(super) fn streams(&self) -> Streams {
        Streams { feeds: self.feed.is_some(), takes: self.expect.is_items() }
    }

    /// What is wrong with it whatever is called.
    pub(super) fn check(&self, body_bytes_max: usize) -> Result<(), CallError> {
        let is_whole = self.is_whole();
        let (what, limit) = match (&self.feed, is_whole) {
            (Some(_), false) => ("call that feeds a stream", config::CHUNK_BYTES),
            (None, false) => ("call", body_bytes_max),
            (_, true) => ("call", config::BODY_BYTES_MAX.min(body_bytes_max)),
        };
        if self.body.len() > limit {
            return Err(too_large(what, self.body.len(), limit, Ran::No));
        }
        if is_whole && (self.feed.is_some() || self.expect.is_items()) {
            return Err(CallError::BadArguments {
                expected: "a call in the foreground or background, at once".into(),
                got: "a stream, which goes with no other mode".into(),
            });
        }
        if self.gives_stream && !self.expect.is_items() {
            return Err(CallError::BadArguments {
                expected: format!("`.stream()`, since `{}` returns a stream", self.name),
                got: "a call for one value".into(),
            });
        }
        Ok(())
    }

    pub(super) fn put(&self, out: &mut Vec<u8>, call: u64, known: Option<u32>, remaining: Option<Duration>) {
        let first = if self.is_chunked() { &self.body[..config::CHUNK_BYTES] } else { &self.body[..] };
        self.put_body(out, call, known, remaining, first);
    }

    /// Appends a call like this one with another body.
    pub(super) fn put_body(
        &self,
        out: &mut Vec<u8>,
        call: u64,
        known: Option<u32>,
        remaining: Option<Duration>,
        body: &[u8],
    ) {
        let mut header =
            Header { flags: self.flags, call, ..Header::new(Kind::Call) }.with_remaining(remaining);
        if self.is_chunked() {
            header.flags = header.flags.with(Flags::MORE);
        }
        if self.feed.is_some() {
            header.flags = header.flags.with(Flags::FEEDS);
        }
        if let (Some(id), true) = (known, self.is_plain()) {
            header.name = id;
            return put_frame(out, header, &[], body);
        }
        let mut extension = Extension {
            name: None,
            on: self.on.clone(),
            key: self.key.clone(),
            eta_ms: self.eta.map(|eta| u64::try_from(eta.as_millis()).unwrap_or(u64::MAX)),
            include_self: self.include_self,
            traceparent: self.trace.as_ref().map(ToString::to_string),
            again: self.again,
            apart: self.apart,
            first: self.first,
        };
        match known {
            Some(id) => header.name = id,
            None => {
                header.flags = header.flags.with(Flags::NAMED);
                extension.name = Some(self.name.to_string());
            }
        }
        put_frame(out, header, &extension.encode(), body);
    }
}

/// Calls of these modes travel whole.
const WHOLE: Flags = Flags::ONE_WAY.with(Flags::BROADCAST).with(Flags::KEPT);
