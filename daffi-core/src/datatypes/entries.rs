//! Values by key, each of which may expire by itself: what hashes and sets are made of.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, Key, Time, Turn, Value};

/// What came of adding under a limit, as Howler's `limited_add` tells it by 1, 0 and `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LimitedAdd {
    /// It was added.
    Added,
    /// It was there already, and so were fewer than the limit.
    Exists,
    /// The limit was reached. It comes first, as in Howler: this is the answer also for what is there already.
    Full,
}

impl LimitedAdd {
    /// Whether it was added.
    pub fn is_added(self) -> bool {
        self == Self::Added
    }
}

/// Values by key, of which some expire. Copies are cheap, so that a batch can undo what it did.
#[derive(Debug, Clone)]
pub(super) struct Entries<V> {
    entries: OrdMap<Arc<Key>, Entry<V>>,
    /// The next first.
    expiries: OrdSet<(Time, Arc<Key>)>,
    /// Of all keys as they are encoded.
    key_bytes: usize,
    /// Of all values, likewise.
    value_bytes: usize,
}

/// What is kept by a key.
#[derive(Debug, Clone)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    /// When it goes by itself, if it does.
    pub(super) expires: Option<Time>,
}

/// An entry as it lies there.
pub(super) type Shown<'a, V> = (&'a Arc<Key>, &'a V);

/// A value that takes room.
pub(super) trait Weight: Clone {
    /// The bytes that it is encoded in.
    fn bytes(&self) -> usize;
}

impl Weight for Arc<Value> {
    fn bytes(&self) -> usize {
        Value::bytes(self).len()
    }
}

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), expiries: OrdSet::new(), key_bytes: 0, value_bytes: 0 }
    }
}

impl<V: Weight> Entries<V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Entry<V>> {
        self.entries.get(key)
    }

    /// The value by a key, to be changed into one that takes as much room.
    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    pub(super) fn first_key(&self) -> Option<&Arc<Key>> {
        self.entries.get_min().map(|(key, _)| key)
    }

    /// Stores a value for so long, whatever there was, which is returned.
    pub(super) fn put(&mut self, key: Arc<Key>, value: V, expires: Option<Time>) -> Option<V> {
        self.value_bytes += value.bytes();
        let Some((known, entry)) = self.entries.get_key_value_mut(&*key) else {
            self.key_bytes += key.bytes().len();
            self.expiries.extend(expires.map(|expires| (expires, Arc::clone(&key))));
            self.entries.insert(key, Entry { value, expires });
            return None;
        };
        // The key that is there already, not another copy of it.
        let known = Arc::clone(known);
        let before = std::mem::replace(entry, Entry { value, expires });
        self.value_bytes -= before.value.bytes();
        self.note_expiry(known, before.expires, expires);
        Some(before.value)
    }

    /// Lets an entry expire then, or never. Whether it is there.
    pub(super) fn expire_at(&mut self, key: &Key, expires: Option<Time>) -> bool {
        let Some((key, entry)) = self.entries.get_key_value_mut(key) else { return false };
        let key = Arc::clone(key);
        let before = std::mem::replace(&mut entry.expires, expires);
        self.note_expiry(key, before, expires);
        true
    }

    /// In how many milliseconds an entry expires, if it does.
    pub(super) fn ttl_of(&self, turn: &Turn<'_>, key: &Key) -> Option<u64> {
        let expires = self.get(key)?.expires?;
        Some(expires.since(turn.now()).as_millis() as u64)
    }

    /// Lets an entry expire after so many milliseconds from now on. Whether it is there.
    pub(super) fn set_ttl_of(&mut self, turn: &Turn<'_>, key: &Key, ttl_ms: u64) -> Result<bool, DataError> {
        let expires = ttl(Some(ttl_ms))?.map(|ttl| turn.now().after(ttl));
        Ok(self.expire_at(key, expires))
    }

    /// Lets an entry stay until it is removed. Whether it would have expired.
    pub(super) fn persist(&mut self, key: &Key) -> bool {
        let expires = self.get(key).is_some_and(|entry| entry.expires.is_some());
        expires && self.expire_at(key, None)
    }

    fn note_expiry(&mut self, key: Arc<Key>, before: Option<Time>, now: Option<Time>) {
        if before == now {
            return;
        }
        if let Some(before) = before {
            self.expiries.remove(&(before, Arc::clone(&key)));
        }
        self.expiries.extend(now.map(|now| (now, key)));
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, key: &Key) -> Option<(Arc<Key>, V)> {
        let (key, entry) = self.entries.remove_with_key(key)?;
        self.key_bytes -= key.bytes().len();
        self.value_bytes -= entry.value.bytes();
        self.note_expiry(Arc::clone(&key), entry.expires, None);
        Some((key, entry.value))
    }

    /// Removes all, and says how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        std::mem::take(self).len() as u64
    }

    pub(super) fn next_expiry(&self) -> Option<Time> {
        self.expiries.get_min().map(|(expires, _)| *expires)
    }

    /// Removes the first of those that have expired by now.
    pub(super) fn pop_expired(&mut self, turn: &Turn<'_>) -> Option<(Arc<Key>, V)> {
        let (_, key) = self.expiries.get_min().filter(|(expires, _)| *expires <= turn.now())?;
        let key = Arc::clone(key);
        self.remove(&key)
    }

    /// All, by the order of their keys' bytes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Key>, &Entry<V>)> {
        self.entries.iter()
    }

    /// As many as fit a page of those after a key, and whether there are more.
    pub(super) fn page(
        &self,
        after: Option<&Key>,
        limit: u64,
    ) -> Result<(Vec<Shown<'_, V>>, bool), DataError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.entries.range::<_, Key>((from, Bound::Unbounded));
        let rest = rest.map(|(key, entry)| (key, &entry.value));
        page(rest, limit, |(key, value)| key.bytes().len() + value.bytes() + HEAD_BYTES)
    }

    /// Refuses what would answer with all entries where one reply cannot hold them.
    pub(super) fn check_fits_reply(&self) -> Result<(), DataError> {
        check_reply(self.key_bytes + self.value_bytes + self.len() * HEAD_BYTES)
    }

    /// The same for all keys.
    pub(super) fn check_keys_fit_reply(&self) -> Result<(), DataError> {
        check_reply(self.key_bytes + self.len() * HEAD_BYTES)
    }

    /// The same for all values.
    pub(super) fn check_values_fit_reply(&self) -> Result<(), DataError> {
        check_reply(self.value_bytes + self.len() * HEAD_BYTES)
    }

    /// About what they take of memory.
    pub(super) fn bytes(&self) -> usize {
        let bytes = self.key_bytes + self.value_bytes;
        bytes + self.len() * ENTRY_BYTES + self.expiries.len() * EXPIRY_BYTES
    }
}

/// Objects that may have a time to live as a whole, which begins in the step that writes.
pub(super) trait Expiring: Hosted {
    /// Lets the whole expire after its TTL, begun anew if there is one. What is as good as absent keeps none: whoever writes
    /// next finds no old one.
    fn arm(&self, turn: &mut Turn<'_>, ttl: Option<Duration>) {
        if self.is_vacant() {
            turn.expire_after(None);
        } else if ttl.is_some() {
            turn.expire_after(ttl);
        }
    }
}

impl<T: Hosted> Expiring for T {}

/// Refuses a step that would look at more of these than others can wait for.
pub(super) fn check_work(count: usize, max: usize, what: &str) -> Result<(), DataError> {
    if count <= max {
        return Ok(());
    }
    Err(DataError::invalid(format!("one step looks at {max} {what} at most, and here are {count}")))
}

/// Refuses a reply of so many bytes if no frame can carry it.
pub(super) fn check_reply(bytes: usize) -> Result<(), DataError> {
    // Beside the entries it has the head of a list.
    let limit = config::BODY_BYTES_MAX - HEAD_BYTES;
    if bytes <= limit {
        return Ok(());
    }
    Err(DataError::invalid(format!(
        "a reply holds {limit} bytes, and this one would have {bytes}: iterate, which goes by pages"
    )))
}

/// As many as fit a page of those that are left, each of which takes so many bytes, and whether there are more.
pub(super) fn page<T>(
    mut rest: impl Iterator<Item = T>,
    limit: u64,
    bytes_of: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, bool), DataError> {
    if limit == 0 {
        return Err(DataError::invalid("a page of nothing comes to no end"));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(config::PAGE_ENTRIES_MAX);
    let (mut page, mut bytes) = (Vec::new(), 0);
    while page.len() < limit {
        let Some(next) = rest.next() else { return Ok((page, false)) };
        bytes += bytes_of(&next);
        // One by itself always fits a reply, since it came in a call.
        if bytes > config::PAGE_BYTES && !page.is_empty() {
            return Ok((page, true));
        }
        page.push(next);
    }
    Ok((page, rest.next().is_some()))
}

/// A time to live that came over the wire.
pub(super) fn ttl(ms: Option<u64>) -> Result<Option<Duration>, DataError> {
    match ms {
        Some(0) => Err(no_ttl()),
        ms => Ok(ms.map(Duration::from_millis)),
    }
}

/// A time to live as it travels: in whole milliseconds, of which a part counts as one.
pub(super) fn ttl_ms(ttl: Duration) -> Result<u64, DataError> {
    if ttl.is_zero() {
        return Err(no_ttl());
    }
    Ok(u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

fn no_ttl() -> DataError {
    DataError::invalid("a time to live of nothing: whatever it is for would be gone at once")
}

impl<V: Weight + Serialize> Serialize for Entries<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(key, entry)| (key, &entry.value, entry.expires)))
    }
}

impl<'de, V: Weight + Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Vec::<(Arc<Key>, V, Option<Time>)>::deserialize(deserializer)?;
        let mut entries = Self::default();
        for (key, value, expires) in saved {
            entries.put(key, value, expires);
        }
        Ok(entries)
    }
}

/// The heads of a key, of a value and of the pair, at most: what they take in a reply beside their bytes.
pub(super) const HEAD_BYTES: usize = 11;
/// What an entry takes beside the bytes of its key and value, about.
const ENTRY_BYTES: usize = 144;
/// What its deadline takes, about.
const EXPIRY_BYTES: usize = 32;
