//! Waits for several sockets at once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(crate) fn add(&self, source: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(key), EventFlags::IN)?)
    }

    /// From now on wakes for room to write as well.
    pub(crate) fn watch_writing(&self, source: impl AsFd, key: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT;
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(key), flags)?)
    }

    /// From now on wakes for something to read only.
    pub(crate) fn watch_reading(&self, source: impl AsFd, key: u64) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(key), EventFlags::IN)?)
    }

    /// Replaces `events` by those that are there, after waiting for the first.
    pub(crate) fn wait(&self, events: &mut Vec<Event>) -> io::Result<()> {
        events.clear();
        events.reserve(EVENTS_MAX);
        epoll::wait(&self.epoll, spare_capacity(events), None)?;
        Ok(())
    }
}

/// Sockets looked at in one turn; more than any item has.
const EVENTS_MAX: usize = 128;
