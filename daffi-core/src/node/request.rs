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
    pub(crate) timeout: Option<Duration>,
    /// The compiler has checked the arguments.
    pub(crate) is_declared: bool,
    /// The compiler knows that the result is a stream.
    pub(crate) gives_stream: bool,
    /// The stream that it brings.
    pub(crate) feed: Option<Feed>,
    /// It may be sent again, by whoever has its flight.
    pub(crate) is_kept: bool,
    /// What the header does not say. Most calls have nothing to say beside it.
    pub(crate) extra: Option<Box<Extra>>,
}

/// What the header of a call does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Extra {
    /// The node that shall run it.
    pub(crate) on: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) eta: Option<Duration>,
    pub(crate) include_self: bool,
    /// It may have run before, or is running.
    pub(crate) again: bool,
    /// The number of the call whose node shall not run it.
    pub(crate) apart: Option<u64>,
    /// The number under which it was first sent, if it may have been carried out then.
    pub(crate) first: Option<u64>,
    /// Its place in a trace.
    pub(crate) trace: Option<Traceparent>,
}

impl Extra {
    const NONE: Self = Self {
        on: None,
        key: None,
        eta: None,
        include_self: false,
        again: false,
        apart: None,
        first: None,
        trace: None,
    };
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
            timeout: Some(config::CALL_TIMEOUT),
            is_declared: false,
            gives_stream: false,
            feed: None,
            is_kept: false,
            extra: None,
        }
    }

    /// What the header does not say.
    pub(crate) fn extra(&self) -> &Extra {
        self.extra.as_deref().unwrap_or(&Extra::NONE)
    }

    /// The same, to be changed.
    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Gives it its place in a trace, if it is part of one.
    pub(crate) fn set_trace(&mut self, trace: Option<Traceparent>) {
        if trace.is_some() {
            self.extra_mut().trace = trace;
        }
    }

    /// The same once more, without its stream.
    pub(crate) fn copy(&self) -> Self {
        let Self { flags, expect, timeout, is_declared, gives_stream, is_kept, .. } = *self;
        let (name, body, extra) = (self.name.clone(), self.body.clone(), self.extra.clone());
        Self {
            name,
            number: None,
            body,
            flags,
            expect,
            timeout,
            is_declared,
            gives_stream,
            feed: None,
            is_kept,
            extra,
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
        self.extra.as_ref().is_none_or(|extra| **extra == Extra::NONE)
    }

    /// Whether the rest of its body follows in chunks.
    pub(super) fn is_chunked(&self) -> bool {
        self.body.len() > config::CHUNK_BYTES && !self.is_whole()
    }

    /// Whether it travels in one frame, however large: there is nobody at its end to take it in chunks.
    fn is_whole(&self) -> bool {
        self.flags.0 & WHOLE.0 != 0 || self.extra().eta.is_some() || self.name.is_reserved()
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
        let Extra { on, key, eta, include_self, again, apart, first, trace } = self.extra();
        let mut extension = Extension {
            name: None,
            on: on.clone(),
            key: key.clone(),
            eta_ms: eta.map(|eta| u64::try_from(eta.as_millis()).unwrap_or(u64::MAX)),
            include_self: *include_self,
            traceparent: trace.map(|trace| trace.to_string()),
            again: *again,
            apart: *apart,
            first: *first,
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
