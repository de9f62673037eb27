//! The reading halves of the sides that the other end opens beside the lane.

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::{Inbound, Outbound};
use crate::config;
use crate::transport::Connection;
use crate::wire::{Flags, Header, Kind, WireError, put_frame};

/// The sides of one connection that the other end opened and has not ended: each brings the chunks of one large body.
///
/// The task that reads the lane awaits [`next`](Self::next) beside it, takes all frames of what it is given, and
/// hands that back with [`read_on`](Self::read_on). Lane and sides overtake each other, so the chunks of a side are
/// held until the lane has been read as far as it had been written when the side was opened: the task says how far
/// it is with [`advance`](Self::advance).
pub struct Sides {
    connection: Arc<dyn Connection>,
    /// Where the other end is told which sides were read.
    outbound: Outbound,
    /// Whether the other end may open more.
    is_open: bool,
    reading: FuturesUnordered<BoxFuture<'static, (Side, io::Result<bool>)>>,
    /// Those whose turn has not come: how much of the lane is to be read before.
    held: Vec<(u64, Side)>,
    /// Handed out, to be handed back.
    lent: usize,
    /// How much of the lane has been read.
    lane: u64,
    /// Whether [`fill`] has last looked here before it looked at the lane.
    is_first: bool,
}

/// What of a link has been filled.
#[derive(Debug)]
pub enum Filled {
    /// The lane, as [`Inbound::fill`] says.
    Lane(io::Result<bool>),
    /// A side, to be handed back with [`Sides::read_on`].
    Side(Inbound),
}

/// Reads once from the lane or from a side.
///
/// # Errors
/// [`WireError`] if what arrived is no frame of a side; the link cannot go on.
///
/// # Cancel safety
/// Cancel safe.
pub async fn fill(lane: &mut Inbound, sides: Option<&mut Sides>) -> Result<Filled, WireError> {
    let Some(sides) = sides else { return Ok(Filled::Lane(lane.fill().await)) };
    // By turns, since either may have more to read than is ever done.
    sides.is_first = !sides.is_first;
    if sides.is_first {
        tokio::select! {
            biased;
            side = sides.next() => side.map(Filled::Side),
            filled = lane.fill() => Ok(Filled::Lane(filled)),
        }
    } else {
        tokio::select! {
            biased;
            filled = lane.fill() => Ok(Filled::Lane(filled)),
            side = sides.next() => side.map(Filled::Side),
        }
    }
}

/// One side.
struct Side {
    inbound: Inbound,
}

impl Sides {
    /// The sides of `connection`, whose sending half is `outbound`; `None` if it has none.
    pub fn new(connection: Arc<dyn Connection>, outbound: Outbound) -> Option<Self> {
        drop(connection.accept_side()?);
        let (reading, held) = (FuturesUnordered::new(), Vec::new());
        Some(Self { connection, outbound, is_open: true, reading, held, lent: 0, lane: 0, is_first: false })
    }

    /// So many bytes of the lane have been read.
    pub fn advance(&mut self, lane: u64) {
        self.lane = lane;
    }

    /// Waits for chunks: a reading half that has been filled, of which frames of other kinds than `Chunk` cannot be
    /// taken. Waits for ever once the connection is lost, which the lane's reader is told of.
    ///
    /// # Errors
    /// [`WireError`] if what arrived is no frame of a side; the link cannot go on.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<Inbound, WireError> {
        loop {
            if let Some(at) = self.held.iter().position(|(after, _)| *after <= self.lane) {
                self.lent += 1;
                return Ok(self.held.swap_remove(at).1.inbound);
            }
            let has_room = self.reading.len() + self.held.len() + self.lent < config::FLOWS_MAX;
            tokio::select! {
                biased;
                // It comes first: they are few, while those that are open may always have more to read.
                accepted = accept(&*self.connection), if self.is_open && has_room => self.begin(accepted),
                Some((side, filled)) = self.reading.next() => {
                    match filled {
                        Ok(true) => {
                            if let Some(inbound) = self.sort(side)? {
                                return Ok(inbound);
                            }
                        }
                        Ok(false) => self.finish(&side),
                        // The sender hears of it too, and says so on the lane.
                        Err(error) => tracing::debug!(%error, "a side broke"),
                    }
                }
                else => pending().await,
            }
        }
    }

    /// Takes back what [`next`](Self::next) gave out, all of whose frames were taken.
    pub fn read_on(&mut self, inbound: Inbound) {
        self.lent = self.lent.saturating_sub(1);
        self.read(Side { inbound });
    }

    fn begin(&mut self, accepted: io::Result<Arc<dyn Connection>>) {
        match accepted {
            Ok(side) => {
                let inbound = Inbound::new(side, SIDE_FRAME_BYTES_MAX);
                self.read(Side { inbound });
            }
            Err(error) => {
                tracing::debug!(%error, "no more sides will be opened");
                self.is_open = false;
            }
        }
    }

    fn read(&mut self, mut side: Side) {
        self.reading.push(Box::pin(async move {
            let filled = side.inbound.fill().await;
            (side, filled)
        }));
    }

    /// Sees to a side that has been filled: what can be taken from now is returned.
    fn sort(&mut self, mut side: Side) -> Result<Option<Inbound>, WireError> {
        if side.inbound.side.is_some() {
            self.lent += 1;
            return Ok(Some(side.inbound));
        }
        let preface =
            side.inbound.next()?.map(|frame| (frame.header, frame.body.try_into().map(u64::from_le_bytes)));
        let Some(preface) = preface else {
            self.read(side);
            return Ok(None);
        };
        let (Header { kind: Kind::Credit, flags, call, .. }, Ok(number)) = preface else {
            return Err(no_preface());
        };
        if !flags.has(Flags::RECEIVED) {
            return Err(no_preface());
        }
        side.inbound.take_only(Kind::Chunk);
        side.inbound.side = Some(number);
        self.held.push((call, side));
        Ok(None)
    }

    /// A side has ended: all of it was taken.
    fn finish(&self, side: &Side) {
        let Some(number) = side.inbound.side else { return };
        let flags = Flags::RECEIVED.with(Flags::SIDE);
        let header = Header { flags, call: number, ..Header::new(Kind::Credit) };
        self.outbound.with(|out| put_frame(out, header, &[], &[]));
        self.outbound.flush_soon();
    }
}

fn no_preface() -> WireError {
    let why = "it does not begin with its number and its place on the lane".into();
    WireError::Malformed { what: "side", why }
}

/// The next side; never, where there are none.
async fn accept(connection: &dyn Connection) -> io::Result<Arc<dyn Connection>> {
    match connection.accept_side() {
        Some(accepting) => accepting.await,
        None => pending().await,
    }
}

impl fmt::Debug for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sides").field("reading", &self.reading.len()).field("held", &self.held.len()).finish()
    }
}

/// The largest frame of a side: a chunk and its header.
const SIDE_FRAME_BYTES_MAX: usize = config::CHUNK_BYTES + 64;

#[cfg(test)]
mod tests;
