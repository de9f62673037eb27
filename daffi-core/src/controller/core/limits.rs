//! What a peer that means harm runs into: each limit has its name in `config` and its counter.

use std::time::Instant;

use super::session::Phase;
use super::{Core, SessionKey, Violation};
use crate::config;
use crate::error::{CallError, Ran};
use crate::name;
use crate::wire::{Offered, Parameter, Signature, WireError};

impl Core {
    /// Notes a link that has yet to say who it is. When there are too many of them the oldest gives way: a node says
    /// it with its first bytes, so whoever has been silent for longest is not about to.
    pub(super) fn note_stranger(&mut self, now: Instant, key: SessionKey) {
        self.strangers.push_back(key);
        if self.strangers.len() <= config::STRANGERS_MAX {
            return;
        }
        let oldest = self.strangers.pop_front();
        if let Some(oldest) = oldest.filter(|oldest| self.phase(*oldest) == Some(Phase::Open)) {
            self.counters.sessions_crowded_out += 1;
            self.end(now, oldest.slot, "too many links do not say who they are");
        }
    }

    /// A frame of a kind that means nothing here: one of a newer version is skipped, a flood of them is none.
    pub(super) fn skip_unknown(&mut self, slot: u32) -> Result<(), Violation> {
        self.counters.unknown_frames += 1;
        let session = &mut self.sessions[slot as usize];
        session.unknown_frames += 1;
        if session.unknown_frames > config::UNKNOWN_FRAMES_MAX {
            return Err(Violation::UnknownFrames);
        }
        Ok(())
    }

    pub(super) fn count_violation(&mut self, violation: &Violation) {
        self.counters.sessions_violating += 1;
        *match violation {
            Violation::Wire(WireError::Length(_) | WireError::ExtensionLength(_)) => {
                &mut self.counters.sessions_oversize
            }
            Violation::Wire(WireError::Malformed { .. }) => &mut self.counters.sessions_malformed,
            Violation::OutOfPlace(_) => &mut self.counters.sessions_out_of_place,
            Violation::UnknownFrames => &mut self.counters.sessions_babbling,
        } += 1;
    }

    /// Whether a node may offer these as well; their bytes if it may.
    pub(super) fn room_for_offers(&mut self, slot: u32, offered: &[Offered]) -> Result<usize, CallError> {
        let callee = &self.sessions[slot as usize].callee;
        let sizes = offered.iter().map(|offered| signature_bytes(&offered.signature));
        let bytes = callee.signature_bytes + sizes.clone().sum::<usize>();
        let refusal = if callee.offers.len() + offered.len() > config::CALLBACKS_PER_NODE_MAX {
            let what = format!("a node may offer at most {} callbacks", config::CALLBACKS_PER_NODE_MAX);
            CallError::Busy { what }
        } else if let Some(bytes) = sizes.max().filter(|bytes| *bytes > config::SIGNATURE_BYTES_MAX) {
            too_large("signature", bytes, config::SIGNATURE_BYTES_MAX)
        } else if bytes > config::SIGNATURES_BYTES_PER_NODE_MAX {
            let what =
                format!("a node's signatures may take {} bytes", config::SIGNATURES_BYTES_PER_NODE_MAX);
            CallError::Busy { what }
        } else {
            return Ok(bytes);
        };
        self.counters.registrations_refused += 1;
        Err(refusal)
    }

    /// The known names most like one that is not known; none if too many were missed of late.
    pub(super) fn explain_miss<'a>(&self, missed: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
        let misses = self.misses.get();
        self.misses.set(misses.saturating_add(1));
        if misses < config::MISSES_EXPLAINED_MAX { name::similar(missed, known) } else { Vec::new() }
    }

    /// From now on misses are explained again.
    pub(super) fn forget_misses(&mut self) {
        let unexplained = self.misses.take().saturating_sub(config::MISSES_EXPLAINED_MAX);
        self.counters.misses_unexplained += u64::from(unexplained);
    }

    /// Whether the controller may put what it makes itself before this session: answers of its own can be a thousand
    /// times as large as what asks for them, and many questions fit one read.
    pub(super) fn room_to_answer(&self, slot: u32) -> Result<(), CallError> {
        let session = &self.sessions[slot as usize];
        if session.backlog_bytes() < config::OUTPUT_BYTES_MAX {
            return Ok(());
        }
        let what = format!("`{}` has as many bytes it has not read as it may", session.name());
        Err(CallError::Busy { what })
    }
}

/// An answer of the controller's own that no frame can carry.
pub(super) fn check_answer(bytes: usize) -> Result<(), CallError> {
    if bytes <= config::BODY_BYTES_MAX {
        return Ok(());
    }
    Err(too_large("reply", bytes, config::BODY_BYTES_MAX))
}

fn too_large(what: &str, bytes: usize, limit: usize) -> CallError {
    let what = what.to_owned();
    CallError::TooLarge { what, bytes: bytes as u64, limit: limit as u64, ran: Ran::No }
}

/// What a signature takes of the controller's memory, nearly.
pub(super) fn signature_bytes(signature: &Signature) -> usize {
    let parameter =
        |parameter: &Parameter| size_of::<Parameter>() + parameter.name.len() + parameter.ty.len();
    let parameters: usize = signature.parameters.iter().map(parameter).sum();
    size_of::<Signature>()
        + signature.name.as_str().len()
        + signature.result.len()
        + signature.doc.len()
        + parameters
}
