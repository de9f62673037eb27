//! What a node learnt of a callback, and what it refuses before sending because of that.

use std::sync::Arc;

use crate::callback;
use crate::error::CallError;
use crate::wire::{Effect, Signature};

/// A callback whose number the controller told.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: u32,
    pub(crate) signatures: Arc<[Signature]>,
}

impl Known {
    /// Whether every signature rules these arguments out.
    ///
    /// # Errors
    /// What the first signature expects, and what was got.
    pub(crate) fn check(&self, body: &[u8], streams: Streams) -> Result<(), CallError> {
        check_against(&self.signatures, body, streams)
    }
}

/// Whether whoever offers a callback says that running it twice does no more than running it once; `None` if nothing is
/// known of it.
pub(crate) fn is_idempotent(signatures: &[Signature]) -> Option<bool> {
    let is_so = |signature: &Signature| signature.effect == Effect::Idempotent;
    (!signatures.is_empty()).then(|| signatures.iter().all(is_so))
}

/// The streams of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Streams {
    /// It brings one.
    pub(crate) feeds: bool,
    /// It wants one.
    pub(crate) takes: bool,
}

impl Streams {
    /// Whether a callback of this signature takes and returns the streams that the call has; else what the call is, for
    /// people.
    pub(crate) fn fit(self, signature: &Signature) -> Result<(), String> {
        let parameter = callback::stream_parameter(signature);
        match (parameter.map(|at| &signature.parameters[at].name), self.feeds) {
            (Some(name), false) => return Err(format!("no stream for `{name}`; `.feed(stream)` gives one")),
            (None, true) => return Err("a stream that it does not take".into()),
            _ => {}
        }
        match (callback::gives_stream(signature), self.takes) {
            (true, false) => Err("a call for one value; `.stream()` takes a stream".into()),
            (false, true) => Err("a call for a stream; without `.stream()` it is for the one value".into()),
            _ => Ok(()),
        }
    }
}

/// Whether every one of `signatures` rules these arguments out; without signatures nothing does.
///
/// # Errors
/// What the first signature expects, and what was got.
fn check_against(signatures: &[Signature], body: &[u8], streams: Streams) -> Result<(), CallError> {
    let mut refused = None;
    for signature in signatures {
        let fits = callback::check(signature, body);
        match fits.and_then(|()| streams.fit(signature).map_err(|got| (signature.to_string(), got))) {
            Ok(()) => return Ok(()),
            Err(_) if signature.variadic => return Ok(()),
            Err((expected, got)) => {
                refused.get_or_insert(CallError::BadArguments { expected, got });
            }
        }
    }
    refused.map_or(Ok(()), Err)
}
