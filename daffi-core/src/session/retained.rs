//! What outlives a connection: bytes that may have to be written again, and how many the other end has.

use std::sync::Arc;

use super::Outbound;
use super::outbound::Buffer;
use crate::config;
use crate::transport::Connection;
use crate::wire::{Flags, Header};

impl Outbound {
    /// Counts the bytes of the lane from here on: those of the handshake are behind it. With `Keep::UntilReceived`
    /// they are also kept until the other end has said that it has them.
    pub fn count_from_here(&self, keep: Keep) {
        let mut buffer = self.lock();
        buffer.base = 0_u64.wrapping_sub(buffer.bytes.len() as u64);
        buffer.written = 0;
        buffer.keeps = keep == Keep::UntilReceived;
    }

    /// Whether another connection could go on where this one broke.
    pub fn may_resume(&self) -> bool {
        let buffer = self.lock();
        buffer.keeps && !buffer.ended && !buffer.closing
    }

    /// The other end has so many bytes of the lane.
    ///
    /// # Errors
    /// [`NeverSent`] if that is more than were written.
    pub fn acknowledged(&self, count: u64) -> Result<(), NeverSent> {
        let mut buffer = self.lock();
        if !buffer.keeps {
            return Ok(());
        }
        let at = buffer.place(count);
        if at > buffer.most_written() {
            return Err(NeverSent);
        }
        // What was dropped for want of room may be acknowledged later.
        let at = usize::try_from(at).unwrap_or(0).min(buffer.sent);
        buffer.acknowledged = buffer.acknowledged.max(at);
        buffer.compact();
        Ok(())
    }

    /// The other end says in a frame what it has received: bytes of the lane, or a flow that had a side.
    ///
    /// # Errors
    /// [`NeverSent`] if that is more than was written.
    pub fn received(&self, header: Header) -> Result<(), NeverSent> {
        if header.flags.has(Flags::SIDE) {
            self.lock().bulk.confirm(header.call);
            self.inner.left.notify_waiters();
            return Ok(());
        }
        self.acknowledged(header.call)
    }

    /// The connection is gone, the one after so many [`attach`](Self::attach): unless another has taken its place,
    /// what is appended from now on waits for the next one, if there may be one.
    pub fn detach(&self, turn: u32) {
        let mut buffer = self.lock();
        if buffer.turn == turn {
            buffer.break_off();
            self.inner.wake.notify_one();
        }
    }

    /// Goes on over `connection`, whose other end has `received` bytes of the lane: the others are written again.
    /// What `greeting` makes goes before them, and is not counted; it is made only if the bytes are still there, and
    /// may decline. Poll [`run`](Self::run) anew afterwards: the one before ends.
    ///
    /// Flows that had a side are given up.
    ///
    /// # Errors
    /// [`CannotResume`] if the other end lacks bytes that were dropped, or claims to have some that were never
    /// written, or `greeting` declined. The link is then as it was.
    pub fn attach(
        &self,
        connection: Arc<dyn Connection>,
        received: u64,
        greeting: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<(), CannotResume> {
        let lost = {
            let mut buffer = self.lock();
            let at = buffer.place(received);
            if !buffer.keeps || buffer.ended || buffer.closing || at > buffer.most_written() {
                return Err(CannotResume);
            }
            let at = usize::try_from(at).map_err(|_| CannotResume)?;
            let greeting = greeting().ok_or(CannotResume)?;
            buffer.go_on(connection, at, greeting)
        };
        for flow in lost {
            self.give_up(flow);
        }
        self.inner.wake.notify_one();
        Ok(())
    }
}

/// What becomes of bytes that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They are dropped: a connection that breaks takes the link with it.
    Nothing,
    /// They are kept until the other end has said that it has them.
    UntilReceived,
}

impl From<bool> for Keep {
    /// As whether the link may resume says.
    fn from(may_resume: bool) -> Self {
        if may_resume { Self::UntilReceived } else { Self::Nothing }
    }
}

/// The other end claims to have bytes that were never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it claims to have received what was never sent")]
pub struct NeverSent;

/// Another connection cannot go on where the last one broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session cannot be resumed")]
pub struct CannotResume;

impl Buffer {
    /// Where in `bytes` the byte with this number is; before 0 if it was dropped.
    fn place(&self, count: u64) -> i64 {
        count.wrapping_sub(self.base).cast_signed()
    }

    /// Up to where in `bytes` some connection has been written to; what was written over an earlier one counts.
    fn most_written(&self) -> i64 {
        self.place(self.written).max(self.sent as i64)
    }

    /// How many of the bytes that are kept are done with: acknowledged, or too many to be kept.
    pub(super) fn done(&self) -> usize {
        self.acknowledged.max(self.sent.saturating_sub(config::RESUME_BYTES_MAX))
    }

    /// Goes on over `connection` with the bytes from `at` on. The flows that are lost.
    fn go_on(&mut self, connection: Arc<dyn Connection>, at: usize, greeting: Vec<u8>) -> Vec<u64> {
        // One that is thought alive is replaced.
        std::mem::replace(&mut self.connection, connection).close();
        self.turn = self.turn.wrapping_add(1);
        self.written = self.base.wrapping_add_signed(self.most_written());
        (self.is_cut, self.blocked) = (false, false);
        self.base = self.base.wrapping_add(at as u64).wrapping_sub(greeting.len() as u64);
        self.bytes.splice(..at, greeting);
        (self.sent, self.acknowledged) = (0, 0);
        self.bulk.lose_sides()
    }
}

#[cfg(test)]
mod tests;
