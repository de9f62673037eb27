//! Two byte pipes between two ends, as a state machine that knows no runtime.

use std::collections::VecDeque;
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::Faults;
use crate::config::READ_BYTES;

/// What one direction holds for a reader that is slow: as much as a UNIX socket is asked to.
pub(super) const PIPE_BYTES_MAX: usize = 1 << 20;

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Dialler,
    Listener,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Listener,
            Self::Listener => Self::Dialler,
        }
    }
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// So many bytes were appended; 0 is the end.
    Bytes(usize),
    /// Nothing; the reader will be woken.
    Nothing,
    /// Nothing before this time, unless the reader is woken.
    NothingBefore(Instant),
}

/// A connection: what both of its ends share.
#[derive(Debug)]
pub(super) struct Wire(Mutex<State>);

#[derive(Debug)]
struct State {
    to_dialler: Pipe,
    to_listener: Pipe,
    is_stalled: bool,
    is_cut: bool,
}

/// One direction.
#[derive(Debug)]
struct Pipe {
    /// Written and not read.
    bytes: VecDeque<u8>,
    /// How many of them have arrived.
    arrived: usize,
    /// When the others may: their number, write by write. None overtakes those before it.
    under_way: VecDeque<(Instant, usize)>,
    is_closed: bool,
    delay: Option<RangeInclusive<Duration>>,
    random: fastrand::Rng,
    /// Bytes to be delivered until the wire is cut.
    cut_after: Option<u64>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Wire {
    /// The connection with this number among those that suffer `faults`.
    pub(super) fn new(faults: &Faults, number: u64) -> Self {
        let mut seeds = fastrand::Rng::with_seed(faults.seed ^ number.wrapping_mul(SPREAD));
        let mut pipe = || Pipe::new(faults, seeds.fork());
        let state =
            State { to_dialler: pipe(), to_listener: pipe(), is_stalled: faults.stalls, is_cut: false };
        Self(Mutex::new(state))
    }

    /// Appends what has arrived for `side` to `buffer`, within its spare capacity.
    pub(super) fn read(&self, side: Side, cx: &Context<'_>, buffer: &mut BytesMut) -> io::Result<Found> {
        let mut state = self.state();
        if state.is_cut {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let is_stalled = state.is_stalled;
        let pipe = state.pipe_to(side);
        pipe.arrive();
        if is_stalled || (pipe.arrived == 0 && !pipe.has_ended()) {
            let due = pipe.under_way.front().map(|(due, _)| *due).filter(|_| !is_stalled);
            let replaced = register(&mut pipe.reader, cx);
            drop(state);
            drop(replaced);
            return Ok(due.map_or(Found::Nothing, Found::NothingBefore));
        }
        let read = pipe.take(buffer);
        let mut woken = [None, None, None, None];
        if pipe.cut_after == Some(0) {
            woken = state.cut();
        } else if pipe.has_room() {
            woken[0] = pipe.writer.take();
        }
        drop(state);
        wake(woken);
        Ok(Found::Bytes(read))
    }

    /// Takes what there is room for of what `side` writes.
    pub(super) fn write(&self, side: Side, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.is_cut {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let pipe = state.pipe_to(side.other());
        if pipe.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = PIPE_BYTES_MAX - pipe.bytes.len();
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let written = bytes.len().min(room);
        pipe.put(&bytes[..written]);
        let reader = pipe.reader.take();
        drop(state);
        wake([reader]);
        Ok(written)
    }

    /// Whether `side` may get on writing; else it will be woken when it may.
    pub(super) fn is_writable(&self, side: Side, cx: &Context<'_>) -> bool {
        let mut state = self.state();
        let is_cut = state.is_cut;
        let pipe = state.pipe_to(side.other());
        if is_cut || pipe.is_closed || pipe.has_room() {
            return true;
        }
        let replaced = register(&mut pipe.writer, cx);
        drop(state);
        drop(replaced);
        false
    }

    /// Ends both directions behind what was written.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.to_dialler.is_closed = true;
        state.to_listener.is_closed = true;
        let woken = state.wakers();
        drop(state);
        wake(woken);
    }

    pub(super) fn cut(&self) {
        let mut state = self.state();
        let woken = state.cut();
        drop(state);
        wake(woken);
    }

    pub(super) fn stall(&self) {
        self.state().is_stalled = true;
    }

    pub(super) fn resume(&self) {
        let mut state = self.state();
        state.is_stalled = false;
        let woken = state.wakers();
        drop(state);
        wake(woken);
    }

    pub(super) fn set_delay(&self, delay: Option<RangeInclusive<Duration>>) {
        let mut state = self.state();
        state.to_dialler.delay = delay.clone();
        state.to_listener.delay = delay;
    }

    pub(super) fn is_live(&self) -> bool {
        let state = self.state();
        !state.is_cut && !state.to_dialler.is_closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it is held")
    }
}

impl State {
    fn pipe_to(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Dialler => &mut self.to_dialler,
            Side::Listener => &mut self.to_listener,
        }
    }

    fn cut(&mut self) -> [Option<Waker>; 4] {
        self.is_cut = true;
        for pipe in [&mut self.to_dialler, &mut self.to_listener] {
            pipe.bytes = VecDeque::new();
            pipe.under_way = VecDeque::new();
            pipe.arrived = 0;
        }
        self.wakers()
    }

    fn wakers(&mut self) -> [Option<Waker>; 4] {
        let (one, two) = (&mut self.to_dialler, &mut self.to_listener);
        [one.reader.take(), one.writer.take(), two.reader.take(), two.writer.take()]
    }
}

impl Pipe {
    fn new(faults: &Faults, mut random: fastrand::Rng) -> Self {
        // Never after none: then no connection could ever say a word.
        let cut_after = faults.cut_after_bytes.clone().map(|range| draw(&mut random, range).max(1));
        Self {
            bytes: VecDeque::new(),
            arrived: 0,
            under_way: VecDeque::new(),
            is_closed: false,
            delay: faults.delay.clone(),
            random,
            cut_after,
            reader: None,
            writer: None,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        if self.delay.is_none() && self.under_way.is_empty() {
            self.arrived += bytes.len();
            return;
        }
        // Without a delay of its own it still waits for what was written before.
        let delay = self.delay.clone().unwrap_or(Duration::ZERO..=Duration::ZERO);
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let nanos = draw(&mut self.random, nanos(*delay.start())..=nanos(*delay.end()));
        let due = Instant::now() + Duration::from_nanos(nanos);
        self.under_way.push_back((due, bytes.len()));
    }

    /// Counts as arrived what is due by now.
    fn arrive(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some((_, count)) = self.under_way.pop_front_if(|(due, _)| *due <= now) {
            self.arrived += count;
        }
    }

    fn take(&mut self, buffer: &mut BytesMut) -> usize {
        let limit = self.cut_after.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let count = (buffer.capacity() - buffer.len()).min(self.arrived).min(limit);
        let (front, back) = self.bytes.as_slices();
        let from_front = count.min(front.len());
        buffer.extend_from_slice(&front[..from_front]);
        buffer.extend_from_slice(&back[..count - from_front]);
        self.bytes.drain(..count);
        self.arrived -= count;
        if let Some(left) = &mut self.cut_after {
            *left -= count as u64;
        }
        // An idle connection does not keep the memory of its busiest hour.
        if self.bytes.is_empty() && self.bytes.capacity() > READ_BYTES {
            self.bytes = VecDeque::new();
        }
        count
    }

    fn has_ended(&self) -> bool {
        self.is_closed && self.bytes.is_empty()
    }

    /// As a socket, it wakes a writer only when there is room for more than a few bytes.
    fn has_room(&self) -> bool {
        self.bytes.len() <= PIPE_BYTES_MAX / 2
    }
}

/// An odd number with its bits well mixed, so that neighbouring connections have unlike seeds.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

fn draw(random: &mut fastrand::Rng, range: RangeInclusive<u64>) -> u64 {
    if range.is_empty() { *range.start() } else { random.u64(range) }
}

/// Notes who is to be woken. The one replaced must be dropped without the lock: it may be the last to hold
/// a task that owns an end of this wire.
fn register(slot: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    if slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        return None;
    }
    slot.replace(cx.waker().clone())
}

fn wake<const N: usize>(wakers: [Option<Waker>; N]) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}
