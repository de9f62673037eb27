//! Chunks of large bodies on their way out: they wait until nothing else does, and take turns.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::config;
use crate::transport::Connection;
use crate::wire::{Flags, Header, Kind, put_frame};

/// The chunks of all flows of one link that were not written yet. On a link with one lane the flows take turns
/// for it, chunk by chunk; where a flow has a side of its own, its chunks wait for that.
#[derive(Debug, Default)]
pub(super) struct Bulk {
    flows: VecDeque<Flow>,
    bytes: usize,
}

/// The chunks of one flow.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) number: u64,
    chunks: VecDeque<Bytes>,
    /// Bytes of the chunk that its side is taking: until it has them all, a link that closes would drop the rest.
    writing: usize,
    /// Its last chunk was put.
    is_whole: bool,
    /// How many bytes of the lane were put before its first chunk.
    pub(super) after: u64,
    /// Wakes the writer of its side, once it has one.
    side: Option<Arc<Notify>>,
    /// Its side failed: what is still put goes nowhere.
    is_given_up: bool,
    /// All of it was written to its side; the other end has not said that it was read.
    is_written: bool,
}

/// What the writer of a side is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Write this.
    Write(Bytes),
    /// Wait to be woken.
    Wait,
    /// All is written.
    Close,
}

impl Bulk {
    /// Whether the writer of the lane has something to do: chunks that wait for it, or flows that need a side.
    pub(super) fn has_work(&self) -> bool {
        self.flows.iter().any(|flow| flow.side.is_none())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a chunk of a flow; `after` is how many bytes of the lane were put so far.
    pub(super) fn put(&mut self, number: u64, is_last: bool, chunk: &[u8], after: u64) {
        let at = self.find(number).unwrap_or_else(|| {
            let chunks = VecDeque::new();
            let (side, is_whole, is_given_up, is_written) = (None, false, false, false);
            let flow = Flow { number, chunks, writing: 0, is_whole, after, side, is_given_up, is_written };
            self.flows.push_back(flow);
            self.flows.len() - 1
        });
        let flow = &mut self.flows[at];
        if flow.is_given_up {
            if is_last {
                self.flows.remove(at);
            }
            return;
        }
        flow.chunks.push_back(Bytes::copy_from_slice(chunk));
        flow.is_whole |= is_last;
        self.bytes += chunk.len();
        if let Some(side) = &flow.side {
            side.notify_one();
        }
    }

    /// Drops what is left of a flow.
    pub(super) fn forget(&mut self, number: u64) {
        let Some(at) = self.find(number) else { return };
        let Some(mut flow) = self.flows.remove(at) else { return };
        self.bytes -= flow.take_bytes();
        if let Some(side) = flow.side {
            // Its writer finds the flow gone, and closes the side.
            side.notify_one();
        }
    }

    /// The side of a flow failed: its chunks are dropped, and those that are still to come.
    pub(super) fn give_up(&mut self, number: u64) {
        let Some(at) = self.flows.iter().position(|flow| flow.number == number) else { return };
        let flow = &mut self.flows[at];
        self.bytes -= flow.take_bytes();
        flow.is_given_up = true;
        if flow.is_whole {
            self.flows.remove(at);
        }
    }

    /// A flow that is not written yet.
    fn find(&self, number: u64) -> Option<usize> {
        self.flows.iter().position(|flow| flow.number == number && !flow.is_written)
    }

    /// Whether chunks of the flow wait, or were written to a side and may not have been read.
    pub(super) fn holds(&self, number: u64) -> bool {
        self.flows.iter().any(|flow| flow.number == number && !flow.is_given_up)
    }

    /// The other end has read a flow from its side.
    pub(super) fn confirm(&mut self, number: u64) {
        self.flows.retain(|flow| flow.number != number || !flow.is_written);
    }

    /// The next chunk for the one lane there is. The flow it is of goes to the end of the queue.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let mut flow = self.flows.pop_front()?;
        let chunk = flow.chunks.pop_front()?;
        self.bytes -= chunk.len();
        if !flow.chunks.is_empty() {
            self.flows.push_back(flow);
        }
        Some(chunk)
    }

    /// A flow that has no side, if there is one.
    pub(super) fn without_side(&mut self) -> Option<&mut Flow> {
        self.flows.iter_mut().find(|flow| flow.side.is_none())
    }

    /// What the writer of a flow's side is to do next.
    pub(super) fn turn(&mut self, number: u64) -> Turn {
        let Some(at) = self.find(number) else { return Turn::Close };
        let flow = &mut self.flows[at];
        self.bytes -= std::mem::take(&mut flow.writing);
        match flow.chunks.pop_front() {
            Some(chunk) => {
                flow.writing = chunk.len();
                Turn::Write(chunk)
            }
            None if flow.is_whole => {
                flow.is_written = true;
                // Only a peer that does not say what it has read has so many.
                if self.flows.iter().filter(|flow| flow.is_written).count() > config::FLOWS_MAX
                    && let Some(oldest) = self.flows.iter().position(|flow| flow.is_written)
                {
                    self.flows.remove(oldest);
                }
                Turn::Close
            }
            None => Turn::Wait,
        }
    }

    /// The connection is gone, and all sides with it: the flows that had one, which are given up.
    pub(super) fn lose_sides(&mut self) -> Vec<u64> {
        let with_side = self.flows.iter().filter(|flow| flow.side.is_some() && !flow.is_given_up);
        let lost: Vec<u64> = with_side.map(|flow| flow.number).collect();
        for number in &lost {
            self.give_up(*number);
        }
        lost
    }
}

impl Flow {
    /// Drops what was not written, and says how much that is.
    fn take_bytes(&mut self) -> usize {
        let waiting: usize = self.chunks.drain(..).map(|chunk| chunk.len()).sum();
        waiting + std::mem::take(&mut self.writing)
    }

    /// The flow has a side from now on. What wakes the side's writer.
    pub(super) fn take_side(&mut self) -> Arc<Notify> {
        Arc::clone(self.side.insert(Arc::default()))
    }
}

/// Opens a side and writes a flow to it, as `turn` says.
///
/// # Errors
/// If the side cannot be opened or is lost.
pub(super) async fn write_side(
    opening: BoxFuture<'static, io::Result<Arc<dyn Connection>>>,
    after: u64,
    number: u64,
    wake: &Notify,
    turn: impl Fn() -> Turn,
) -> io::Result<()> {
    let side = opening.await?;
    // The lane and the sides overtake each other: the reader must not take a chunk before the frame of the lane that
    // it goes with.
    let mut preface = Vec::new();
    let header = Header { flags: Flags::RECEIVED, call: after, ..Header::new(Kind::Credit) };
    put_frame(&mut preface, header, &[], &number.to_le_bytes());
    write_all(&*side, &preface).await?;
    loop {
        match turn() {
            Turn::Write(chunk) => write_all(&*side, &chunk).await?,
            Turn::Wait => wake.notified().await,
            Turn::Close => {
                side.close();
                return Ok(());
            }
        }
    }
}

async fn write_all(side: &dyn Connection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match side.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::future::poll_fn(|cx| side.poll_writable(cx)).await?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_side(chunks: &[&'static [u8]]) -> Bulk {
        let mut bulk = Bulk::default();
        for (at, chunk) in chunks.iter().enumerate() {
            bulk.put(1, at + 1 == chunks.len(), chunk, 0);
        }
        bulk.without_side().expect("it has none yet").take_side();
        bulk
    }

    #[test]
    fn a_chunk_waits_until_its_side_has_taken_all_of_it() {
        let mut bulk = with_side(&[b"one", b"three"]);

        assert_eq!((bulk.turn(1), bulk.bytes()), (Turn::Write(Bytes::from_static(b"one")), 8));
        assert_eq!((bulk.turn(1), bulk.bytes()), (Turn::Write(Bytes::from_static(b"three")), 5));
        assert_eq!((bulk.turn(1), bulk.bytes()), (Turn::Close, 0));
    }

    #[test]
    fn a_flow_that_is_dropped_while_a_chunk_is_written_leaves_no_bytes() {
        let (mut forgotten, mut given_up) = (with_side(&[b"one", b"two"]), with_side(&[b"one", b"two"]));
        for bulk in [&mut forgotten, &mut given_up] {
            bulk.turn(1);
        }

        forgotten.forget(1);
        given_up.give_up(1);

        assert_eq!((forgotten.bytes(), given_up.bytes()), (0, 0));
        assert_eq!((forgotten.turn(1), given_up.turn(1)), (Turn::Close, Turn::Close));
    }
}
