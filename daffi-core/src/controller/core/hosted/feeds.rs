//! What listeners hear: messages and changes, kept in a ring for as long as somebody asks for them.
//!
//! A listener asks for what there is from a place on, and is answered once there is something: so it is never sent
//! more than it takes, one that reconnects goes on where it was, and one that was too slow is told that it missed some.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use serde::Serialize;
use serde_bytes::ByteBuf;

use super::super::Core;
use super::super::finish::Outcome as Ending;
use super::Hosting;
use crate::config;
use crate::error::CallError;
use crate::hosted::{Message, Time, Value};
use crate::name::{NodeName, TopicPattern};
use crate::wire::{HeardItem, Listen, encode};

/// Which feed: the kind of object, whether of its changes, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FeedKey {
    kind: u16,
    changes: bool,
    object: Box<str>,
}

/// A call that is answered once there is something to hear.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    key: FeedKey,
    topics: Vec<TopicPattern>,
    /// From where on.
    from: u64,
}

/// All feeds that are listened to.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// By kind, and whether of changes; then by name.
    by: HashMap<(u16, bool), HashMap<Box<str>, Feed>>,
    count: usize,
    /// Of all items.
    bytes: usize,
    /// Those with something new.
    news: VecDeque<FeedKey>,
}

/// The last of what happened to one object.
#[derive(Debug)]
struct Feed {
    /// Everything from here on is there.
    complete_from: u64,
    /// The place of what comes next, but for gaps.
    next: u64,
    ring: VecDeque<HeardItem>,
    bytes: usize,
    /// Calls that wait for more.
    waiting: Vec<u32>,
    asked: Instant,
    is_news: bool,
}

impl Feed {
    /// Adds an item, and drops the oldest as long as there are more than may be, or more bytes than `room`.
    fn push(&mut self, item: HeardItem, room: usize) {
        let room = room.min(config::FEED_BYTES_MAX);
        self.next = item.at + 1;
        self.bytes += item_bytes(&item);
        self.ring.push_back(item);
        while self.ring.len() > config::FEED_ITEMS_MAX || self.bytes > room {
            let Some(first) = self.ring.pop_front() else { return };
            self.bytes -= item_bytes(&first);
            self.complete_from = first.at + 1;
        }
    }

    /// Goes on at `at`: of what was before there is nothing to tell but that it was missed.
    fn break_off(&mut self, at: u64) {
        self.ring.clear();
        self.bytes = 0;
        (self.complete_from, self.next) = (at, at);
    }

    /// What a listener hears, if there is anything.
    fn heard(&self, topics: &[TopicPattern], from: u64) -> Option<Vec<u8>> {
        let has_missed = from < self.complete_from;
        let from = from.max(self.complete_from);
        let start = self.ring.partition_point(|item| item.at < from);
        let (mut items, mut bytes, mut next) = (Vec::new(), 0, self.next.max(from));
        for item in self.ring.iter().skip(start).filter(|item| is_wanted(topics, &item.topic)) {
            if items.len() >= config::HEARD_ITEMS_MAX || bytes >= config::HEARD_BYTES_MAX {
                next = item.at;
                break;
            }
            bytes += item_bytes(item);
            items.push(item);
        }
        (has_missed || !items.is_empty()).then(|| told(next, has_missed, items))
    }
}

fn is_wanted(topics: &[TopicPattern], topic: &str) -> bool {
    topics.is_empty() || topics.iter().any(|pattern| pattern.matches(topic))
}

/// What a listener chooses by. Each message is held against all of it, so it has an end.
fn patterns(topics: &[String]) -> Result<Vec<TopicPattern>, CallError> {
    let (most, bytes_max) = (config::TOPIC_PATTERNS_MAX, config::TOPIC_BYTES_MAX);
    let longest = topics.iter().map(String::len).max().unwrap_or_default();
    if topics.len() > most || longest > bytes_max {
        return Err(CallError::BadArguments {
            expected: format!("at most {most} topics of {bytes_max} bytes each"),
            got: format!("{} topics of up to {longest} bytes", topics.len()),
        });
    }
    Ok(topics.iter().map(|topic| TopicPattern::new(topic)).collect())
}

fn item_bytes(item: &HeardItem) -> usize {
    item.body.len() + item.topic.len() + ITEM_BYTES
}

/// What an item takes beside its topic and body.
const ITEM_BYTES: usize = 64;

/// As [`Heard`](crate::wire::Heard), borrowed.
#[derive(Serialize)]
struct Told<'a> {
    next: u64,
    has_missed: bool,
    items: Vec<&'a HeardItem>,
}

fn told(next: u64, has_missed: bool, items: Vec<&HeardItem>) -> Vec<u8> {
    encode(&Told { next, has_missed, items }).expect("numbers, texts and bytes encode")
}

impl Feeds {
    /// Whether somebody is to be told something.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub(super) fn change(
        &mut self,
        kind: u16,
        object: &str,
        revision: u64,
        time: Time,
        from: Option<&NodeName>,
        what: Option<&Value>,
    ) {
        self.tell(kind, true, object, |feed, room| match what {
            Some(what) => feed.push(item(revision, "", time, from, what), room),
            None => feed.break_off(revision + 1),
        });
    }

    pub(super) fn message(
        &mut self,
        kind: u16,
        object: &str,
        time: Time,
        from: Option<&NodeName>,
        message: &Message,
    ) {
        self.tell(kind, false, object, |feed, room| {
            feed.push(item(feed.next, &message.topic, time, from, &message.body), room);
        });
    }

    fn tell(&mut self, kind: u16, changes: bool, object: &str, tell: impl FnOnce(&mut Feed, usize)) {
        // Most objects have no listeners.
        if self.count == 0 {
            return;
        }
        let Some(feed) = self.by.get_mut(&(kind, changes)).and_then(|by| by.get_mut(object)) else { return };
        let others = self.bytes - feed.bytes;
        tell(feed, config::FEEDS_BYTES_MAX.saturating_sub(others));
        self.bytes = others + feed.bytes;
        if !feed.is_news && !feed.waiting.is_empty() {
            feed.is_news = true;
            self.news.push_back(FeedKey { kind, changes, object: object.into() });
        }
    }

    fn get(&mut self, key: &FeedKey) -> Option<&mut Feed> {
        self.by.get_mut(&(key.kind, key.changes)).and_then(|by| by.get_mut(&key.object))
    }

    /// The feed, begun at `complete_from` if nobody has listened of late.
    fn begin(&mut self, now: Instant, key: &FeedKey, complete_from: u64) -> Result<&mut Feed, CallError> {
        if self.get(key).is_none() {
            if self.count >= config::FEEDS_MAX {
                let what = format!("{} objects are listened to", self.count);
                return Err(CallError::Busy { what });
            }
            self.count += 1;
        }
        let by = self.by.entry((key.kind, key.changes)).or_default();
        let feed = by.entry(key.object.clone()).or_insert_with(|| Feed {
            complete_from,
            next: complete_from,
            ring: VecDeque::new(),
            bytes: 0,
            waiting: Vec::new(),
            asked: now,
            is_news: false,
        });
        feed.asked = now;
        Ok(feed)
    }

    /// Forgets what nobody has listened to for long.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.count == 0 {
            return;
        }
        for by in self.by.values_mut() {
            let is_used = |feed: &Feed| {
                !feed.waiting.is_empty() || now.saturating_duration_since(feed.asked) < config::FEED_KEPT_FOR
            };
            by.retain(|_, feed| is_used(feed));
        }
        self.count = self.by.values().map(HashMap::len).sum();
        self.bytes = self.by.values().flat_map(HashMap::values).map(|feed| feed.bytes).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether there is a feed of changes.
    pub(super) fn has_watchers(&self) -> bool {
        self.by.iter().any(|((_, changes), by)| *changes && !by.is_empty())
    }
}

fn item(at: u64, topic: &str, time: Time, from: Option<&NodeName>, body: &Value) -> HeardItem {
    let body = ByteBuf::from(body.bytes());
    HeardItem { at, topic: topic.to_owned(), from: from.cloned(), unix_us: time.0, body }
}

impl Hosting {
    /// What a listener hears now, or how it waits.
    pub(super) fn listen(
        &mut self,
        now: Instant,
        kind: u16,
        listen: Listen,
    ) -> Result<Result<Vec<u8>, Listening>, CallError> {
        let Listen { object, changes, topics, from, .. } = listen;
        let topics = patterns(&topics)?;
        let complete_from = if changes {
            // Of an object that is there every change since its last will be told; of another, every change from now on.
            let revision = self.store().entry(kind, &object).map(|entry| entry.revision);
            revision.unwrap_or_else(|| self.store().revision()) + 1
        } else {
            // Beyond all places of a feed that was forgotten.
            self.time(now).0
        };
        let key = FeedKey { kind, changes, object: object.into() };
        if changes {
            self.proposer.set_watched(true);
        }
        let revision = self.store().revision();
        let feed = self.feeds.begin(now, &key, complete_from)?;
        let Some(from) = from else { return Ok(Ok(told(feed.next, false, Vec::new()))) };
        let newest = if changes { revision + 1 } else { feed.next };
        if from > newest {
            // It has heard of that from a controller whose clock was ahead of this one's: what has happened since then is
            // not known by its place, and the same places will come once more.
            return Ok(Ok(told(feed.next, true, Vec::new())));
        }
        Ok(feed.heard(&topics, from).ok_or(Listening { key, topics, from }))
    }

    /// A listener waits for more.
    pub(in super::super) fn wait_to_hear(&mut self, slot: u32, listening: &Listening) {
        if let Some(feed) = self.feeds.get(&listening.key) {
            feed.waiting.push(slot);
        }
    }
}

impl Core {
    /// A listener waits no more.
    pub(in super::super) fn stop_listening(&mut self, now: Instant, slot: u32, listening: &Listening) {
        if let Some(feed) = self.hosting.feeds.get(&listening.key) {
            feed.waiting.retain(|waiting| *waiting != slot);
            feed.asked = now;
        }
    }

    /// Answers those for whom there is something to hear.
    pub(in super::super) fn wake_listeners(&mut self, now: Instant) {
        while let Some(key) = self.hosting.feeds.news.pop_front() {
            let Some(feed) = self.hosting.feeds.get(&key) else { continue };
            feed.is_news = false;
            for slot in feed.waiting.clone() {
                let Some(feed) = self.hosting.feeds.get(&key) else { break };
                let Some(call) = self.calls.get_mut(slot) else { continue };
                let Some(listening) = call.extra().listening.as_mut() else { continue };
                let heard = feed.heard(&listening.topics, listening.from);
                // What it did not want need not be looked at again.
                listening.from = feed.next;
                if let Some(heard) = heard {
                    self.counters.calls_answered += 1;
                    self.finish(now, slot, Ending::Value(&heard));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wire::{Heard, decode};

    #[test]
    fn who_has_heard_of_what_is_still_to_come_is_told_that_it_missed_some() {
        let now = Instant::now();
        let [mut ahead, mut behind] = [2_000, 1_000].map(|unix_ms| Hosting::new(now, unix_ms, Arc::from([])));
        for changes in [true, false] {
            let hear = |hosting: &mut Hosting, from| {
                let (kind, object, topics) = ("board".into(), "log".into(), Vec::new());
                let listen = Listen { kind, object, changes, topics, from };
                let told = hosting.listen(now, 0, listen).unwrap().ok()?;
                Some(decode::<Heard>(&told).unwrap())
            };
            let begun = hear(&mut ahead, None).unwrap();
            assert_eq!(hear(&mut ahead, Some(begun.next)), None, "it waits");

            let told = hear(&mut behind, Some(begun.next)).unwrap();

            assert!(told.has_missed && told.items.is_empty() && told.next < begun.next, "{told:?}");
            assert_eq!(hear(&mut behind, Some(told.next)), None, "it waits");
        }
    }

    #[test]
    fn all_that_is_kept_for_listeners_is_bounded_and_the_bound_costs_who_has_news_alone() {
        let now = Instant::now();
        let mut feeds = Feeds::default();
        let key = |object: usize| FeedKey { kind: 0, changes: false, object: object.to_string().into() };
        let body = Value::of(&vec![7_u8; config::PUBLISHED_BYTES_MAX - 100]).unwrap();
        let message = Message { topic: String::new(), body };
        let item_bytes = message.body.bytes().len() + ITEM_BYTES;
        let each = config::FEED_BYTES_MAX / item_bytes;
        let full = config::FEEDS_BYTES_MAX / (each * item_bytes);
        let publish = |feeds: &mut Feeds, object: usize| {
            feeds.message(0, &object.to_string(), Time::default(), None, &message);
            assert!(feeds.bytes <= config::FEEDS_BYTES_MAX);
        };
        for object in 0..full {
            feeds.begin(now, &key(object), 0).unwrap();
            (0..each).for_each(|_| publish(&mut feeds, object));
        }
        feeds.begin(now, &key(full), 0).unwrap();
        let hear = |feeds: &mut Feeds, object: usize| {
            let heard = feeds.get(&key(object)).unwrap().heard(&[], 0).unwrap();
            decode::<Heard>(&heard).unwrap()
        };

        (0..=each).for_each(|_| publish(&mut feeds, full));

        assert!(feeds.bytes > config::FEEDS_BYTES_MAX - item_bytes, "it is used");
        assert!(hear(&mut feeds, full).has_missed);
        let first = hear(&mut feeds, 0);
        assert_eq!((first.has_missed, first.items.is_empty()), (false, false));
        feeds.expire(now + config::FEED_KEPT_FOR);
        assert_eq!((feeds.bytes, feeds.len()), (0, 0));
        feeds.begin(now, &key(full), 0).unwrap();
        publish(&mut feeds, full);
        assert!(!hear(&mut feeds, full).has_missed, "there is room again");
    }
}
