//! Which of many deadlines passes next: a timer wheel, for a table whose entries come and go by the million.
//!
//! Most deadlines are removed long before they pass, so insertion and removal must cost next to nothing; a heap
//! or a tree pays for order that nobody asks for. Time is cut into ticks of a millisecond. The deadlines of the
//! present block of 2,048 ticks lie in one bucket per tick, those of the next 2,047 blocks in one per block, and
//! what is further away than that, more than an hour, in one list. A block is spread over its ticks as it begins.

use std::time::{Duration, Instant};

/// The deadlines of the slots of a table; each slot has at most one.
///
/// A deadline counts as passed from the end of the millisecond in which it lies, so never too early and less
/// than a millisecond late. Memory is proportional to the highest slot ever used.
#[derive(Debug)]
pub struct Deadlines {
    /// When tick 0 was.
    start: Instant,
    /// The first tick that has not been expired.
    cursor: u64,
    /// By slot.
    entries: Vec<Entry>,
    /// The first entry of each list, or [`NONE`]. The lists are rings: the entry before the first is the last.
    heads: Box<[u32]>,
    /// Which lists have entries, a bit for each.
    occupied: Box<[u64]>,
    /// No entry of [`OVERDUE`] has a smaller tick.
    overdue_tick: u64,
    /// No entry of [`FAR`] has a smaller tick.
    far_tick: u64,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tick: u64,
    /// The list that it is in, or [`NONE`].
    list: u32,
    next: u32,
    previous: u32,
}

impl Deadlines {
    /// No deadlines. None that is inserted should be much older than `now`: all before it count as one tick.
    pub fn new(now: Instant) -> Self {
        Self {
            start: now,
            cursor: 0,
            entries: Vec::new(),
            heads: vec![NONE; LISTS].into_boxed_slice(),
            occupied: vec![0; LISTS.div_ceil(64)].into_boxed_slice(),
            overdue_tick: u64::MAX,
            far_tick: u64::MAX,
            len: 0,
        }
    }

    /// How many slots have a deadline.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no slot has one.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives `slot` the deadline `at`, instead of the one it may have had.
    pub fn insert(&mut self, slot: u32, at: Instant) {
        self.remove(slot);
        let index = slot as usize;
        if index >= self.entries.len() {
            self.entries.resize(index + 1, Entry { tick: 0, list: NONE, next: NONE, previous: NONE });
        }
        self.entries[index].tick = self.tick_after(at);
        self.link(slot);
        self.len += 1;
    }

    /// Takes the deadline of `slot` away, if it has one.
    pub fn remove(&mut self, slot: u32) {
        if self.entries.get(slot as usize).is_some_and(|entry| entry.list != NONE) {
            self.unlink(slot);
            self.len -= 1;
        }
    }

    /// When to call [`expire`](Self::expire) again: never later than the earliest deadline counts as passed.
    ///
    /// It may be earlier while all deadlines lie beyond the present block of about two seconds, or after the
    /// earliest was removed. Each such call of `expire` then brings the next one closer to the truth.
    pub fn next(&self) -> Option<Instant> {
        self.start.checked_add(Duration::from_millis(self.next_tick()?))
    }

    /// Removes the slots whose deadlines have passed and appends them to `out`, earliest first.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<u32>) {
        let tick = self.tick_before(now);
        self.expire_overdue(tick, out);
        while self.cursor <= tick {
            let last = tick.min(self.cursor | BLOCK_MASK);
            self.expire_ticks(last, out);
            self.enter(self.after(last, tick));
        }
    }

    fn next_tick(&self) -> Option<u64> {
        if self.heads[OVERDUE] != NONE {
            return Some(self.overdue_tick);
        }
        let block = self.cursor & !BLOCK_MASK;
        if let Some(list) = self.first_occupied(bucket_of_tick(self.cursor), BLOCK_TICKS) {
            return Some(block + list as u64);
        }
        self.next_block().or((self.heads[FAR] != NONE).then_some(self.far_tick))
    }

    /// The first tick of the first block after the present one that has entries, if one is in reach.
    fn next_block(&self) -> Option<u64> {
        let list = self.first_occupied(bucket_of_block(self.cursor) + 1, FAR)?;
        Some((self.cursor & !REACH_MASK) + (((list - BLOCK_TICKS) as u64) << BLOCK_BITS))
    }

    /// The tick to go on from once those up to `last` are expired, where `now` is the last one that may be.
    ///
    /// It skips what is empty: after a long sleep the work is that of the entries, not that of the ticks slept.
    fn after(&self, last: u64, now: u64) -> u64 {
        if last == now {
            return now + 1;
        }
        let far = || if self.heads[FAR] == NONE { u64::MAX } else { self.far_tick };
        self.next_block().unwrap_or_else(far).min(now + 1)
    }

    /// Moves the cursor to `cursor`, and the entries that come into reach by that to where they now belong.
    fn enter(&mut self, cursor: u64) {
        let before = std::mem::replace(&mut self.cursor, cursor);
        if before >> (2 * BLOCK_BITS) != cursor >> (2 * BLOCK_BITS) {
            self.far_tick = u64::MAX;
            self.link_again(FAR);
        }
        if before >> BLOCK_BITS != cursor >> BLOCK_BITS {
            self.link_again(bucket_of_block(cursor));
        }
    }

    /// Removes the entries from the cursor to the tick `last` of the same block.
    fn expire_ticks(&mut self, last: u64, out: &mut Vec<u32>) {
        let mut from = bucket_of_tick(self.cursor);
        let end = bucket_of_tick(last) + 1;
        while let Some(list) = self.first_occupied(from, end) {
            while self.heads[list] != NONE {
                let slot = self.heads[list];
                self.remove(slot);
                out.push(slot);
            }
            from = list + 1;
        }
    }

    fn expire_overdue(&mut self, now: u64, out: &mut Vec<u32>) {
        let first = out.len();
        let mut slot = self.heads[OVERDUE];
        let last = if slot == NONE { NONE } else { self.entries[slot as usize].previous };
        while slot != NONE {
            let Entry { tick, next, .. } = self.entries[slot as usize];
            if tick <= now {
                self.remove(slot);
                out.push(slot);
            }
            slot = if slot == last { NONE } else { next };
        }
        // They came too late for the wheel to sort them. Removed entries keep their tick until they are reused.
        out[first..].sort_unstable_by_key(|slot| (self.entries[*slot as usize].tick, *slot));
    }

    /// Takes the entries of a list out and puts each where it belongs, which may be the same list.
    fn link_again(&mut self, list: usize) {
        let mut slot = self.heads[list];
        if slot == NONE {
            return;
        }
        let last = self.entries[slot as usize].previous;
        loop {
            let next = self.entries[slot as usize].next;
            self.unlink(slot);
            self.link(slot);
            if slot == last {
                return;
            }
            slot = next;
        }
    }

    /// Appends the entry of `slot`, which is in no list, to the one that its tick says.
    fn link(&mut self, slot: u32) {
        let tick = self.entries[slot as usize].tick;
        let list = self.list_of(tick);
        if list == OVERDUE {
            self.overdue_tick =
                tick.min(if self.heads[OVERDUE] == NONE { u64::MAX } else { self.overdue_tick });
        } else if list == FAR {
            self.far_tick = tick.min(if self.heads[FAR] == NONE { u64::MAX } else { self.far_tick });
        }
        let head = self.heads[list];
        let (next, previous) = if head == NONE {
            self.heads[list] = slot;
            self.occupied[list / 64] |= 1 << (list % 64);
            (slot, slot)
        } else {
            let last = self.entries[head as usize].previous;
            self.entries[last as usize].next = slot;
            self.entries[head as usize].previous = slot;
            (head, last)
        };
        self.entries[slot as usize] = Entry { tick, list: list as u32, next, previous };
    }

    fn unlink(&mut self, slot: u32) {
        let Entry { tick, list, next, previous } = self.entries[slot as usize];
        let list = list as usize;
        if next == slot {
            self.heads[list] = NONE;
            self.occupied[list / 64] &= !(1 << (list % 64));
        } else {
            self.entries[previous as usize].next = next;
            self.entries[next as usize].previous = previous;
            if self.heads[list] == slot {
                self.heads[list] = next;
            }
        }
        self.entries[slot as usize] = Entry { tick, list: NONE, next: NONE, previous: NONE };
    }

    fn list_of(&self, tick: u64) -> usize {
        if tick < self.cursor {
            OVERDUE
        } else if tick >> BLOCK_BITS == self.cursor >> BLOCK_BITS {
            bucket_of_tick(tick)
        } else if tick >> (2 * BLOCK_BITS) == self.cursor >> (2 * BLOCK_BITS) {
            bucket_of_block(tick)
        } else {
            FAR
        }
    }

    /// The first list with entries among `from..end`.
    fn first_occupied(&self, from: usize, end: usize) -> Option<usize> {
        if from >= end {
            return None;
        }
        let first = self.occupied[from / 64] & (u64::MAX << (from % 64));
        let rest = (from / 64 + 1..end.div_ceil(64)).map(|word| (word, self.occupied[word]));
        let (word, bits) = std::iter::once((from / 64, first)).chain(rest).find(|(_, bits)| *bits != 0)?;
        let list = word * 64 + bits.trailing_zeros() as usize;
        (list < end).then_some(list)
    }

    /// The tick at which the deadline `at` counts as passed.
    fn tick_after(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        let ticks = since.as_secs().saturating_mul(1_000);
        ticks.saturating_add(u64::from(since.subsec_nanos().div_ceil(NANOS_PER_TICK)))
    }

    /// The last tick that has begun at `now`.
    fn tick_before(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        since.as_secs() * 1_000 + u64::from(since.subsec_nanos() / NANOS_PER_TICK)
    }
}

fn bucket_of_tick(tick: u64) -> usize {
    (tick & BLOCK_MASK) as usize
}

fn bucket_of_block(tick: u64) -> usize {
    BLOCK_TICKS + bucket_of_tick(tick >> BLOCK_BITS)
}

/// Ticks of a block, and blocks in reach: 2 seconds and 70 minutes. Timeouts of calls are mostly within the two.
const BLOCK_BITS: u32 = 11;
const BLOCK_TICKS: usize = 1 << BLOCK_BITS;
const BLOCK_MASK: u64 = BLOCK_TICKS as u64 - 1;
const REACH_MASK: u64 = (1 << (2 * BLOCK_BITS)) - 1;
const NANOS_PER_TICK: u32 = 1_000_000;
/// The list of what is out of reach; the buckets of the ticks and of the blocks come before it.
const FAR: usize = 2 * BLOCK_TICKS;
/// The list of what was due before the cursor when it was inserted.
const OVERDUE: usize = FAR + 1;
const LISTS: usize = OVERDUE + 1;
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
