//! A set as it is saved.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SetState;
use crate::hosted::{Key, Time};

// In the order of the slots, since the next draw depends on it.
impl Serialize for SetState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let expires = |member: &Key| self.members.get(member).and_then(|entry| entry.expires);
        serializer.collect_seq(self.slots.iter().map(|member| (member, expires(member))))
    }
}

impl<'de> Deserialize<'de> for SetState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Vec::<(Arc<Key>, Option<Time>)>::deserialize(deserializer)?;
        let mut set = Self::default();
        for (member, expires) in saved {
            if !set.members.contains(&member) {
                set.push(member, expires);
            }
        }
        Ok(set)
    }
}
