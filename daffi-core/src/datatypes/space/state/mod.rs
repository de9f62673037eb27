//! A space as the controller keeps it.

mod change;
mod group;
mod held;
mod index;
mod kept;
mod query;
#[cfg(test)]
mod query_tests;
mod saved;
#[cfg(test)]
mod tests;
mod walk;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

pub use change::{Alteration, SpaceChange};
pub use group::GroupWritten;
pub use query::{Found, Order, Query, QueryPage, SearchPlan, Through, Wanted};
pub use walk::Place;

use self::change::tell;
use self::kept::Kept;
use super::apply::{Applied, apply_checked};
use super::predicate::Predicate;
use super::schema::Schema;
use super::value::Value as SpaceValue;
use super::write::{Write, Written};
use crate::error::{DataError, SpaceError};
use crate::hosted::{Hosted, SessionId, Time, Turn};

/// A space, as the controller keeps it. It is there once it was created.
///
/// Keys and values travel as what they are, and are fitted to the types of the schema.
///
/// # Errors
/// Beside what each method says: [`SpaceError::NoSpace`] if it was not created, and [`SpaceError`] with the attribute if
/// an argument does not fit the schema.
#[derive(Debug, Clone, Default)]
pub struct SpaceState {
    space: Option<Kept>,
}

/// What a space says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceEntry {
    /// Its description.
    pub schema: Schema,
    /// The version of that: it grows by one with each alteration.
    pub schema_version: u64,
    /// How many objects it has.
    pub objects: u64,
    /// About how many bytes all of it takes.
    pub bytes: u64,
    /// Indices that were added of late and do not have all objects yet: until they do, no search goes by them.
    pub unmade_indices: Vec<String>,
}

#[callback(hosted = "space")]
impl SpaceState {
    /// Creates the space.
    ///
    /// # Errors
    /// [`SpaceError::SpaceExists`] if it is there, [`SpaceError::Unsupported`] if objects are to have secrets.
    pub fn create(&mut self, turn: &mut Turn<'_>, schema: Schema) -> Result<(), DataError> {
        if self.space.is_some() {
            return Err(SpaceError::SpaceExists.into());
        }
        self.begin(turn, schema)
    }

    /// Creates the space if it is not there, and says whether it was not.
    ///
    /// # Errors
    /// [`SpaceError::SpaceDiffers`] if it is there and is described otherwise.
    pub fn ensure(&mut self, turn: &mut Turn<'_>, schema: Schema) -> Result<bool, DataError> {
        match &self.space {
            Some(kept) if kept.schema == schema => Ok(false),
            Some(kept) => {
                let description = kept.schema.to_string().chars().take(DESCRIPTION_CHARS_MAX).collect();
                Err(SpaceError::SpaceDiffers { description }.into())
            }
            None => self.begin(turn, schema).map(|()| true),
        }
    }

    /// What it says of itself, if it is there.
    pub fn describe(&self) -> Option<SpaceEntry> {
        self.space.as_ref().map(Kept::entry)
    }

    /// Alters its description, and returns what it says of itself then. Objects are read by it at once.
    ///
    /// An index of many objects is made bit by bit, while others go on; searches go by it once it has all of them.
    ///
    /// # Errors
    /// [`SpaceError`] with the attribute that does not fit.
    pub fn alter(&mut self, turn: &mut Turn<'_>, alteration: Alteration) -> Result<SpaceEntry, DataError> {
        let kept = self.kept_mut()?;
        let schema = alteration.of(&kept.schema)?;
        let version = kept.alter(schema, turn.now());
        kept.sweep();
        tell(turn, &SpaceChange::Altered { schema: kept.schema.clone(), version });
        Ok(kept.entry())
    }

    /// The object by a key, or these attributes of it.
    ///
    /// # Errors
    /// [`SpaceError::UnknownAttribute`] if one is not there.
    pub fn get(&self, key: SpaceValue, only: Option<Vec<String>>) -> Result<Option<Found>, DataError> {
        let kept = self.kept()?;
        let key = kept.schema.fit_key(key)?;
        super::checked::check_only(&kept.schema, only.as_deref())?;
        let record = kept.records.get(&key);
        Ok(record.map(|record| kept.found(&key, record, only.as_deref())).transpose()?)
    }

    /// Writes one object: wholly, or not at all.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`], [`SpaceError::Exists`] or [`SpaceError::ConditionFailed`] if the object is not as the write demands; else
    /// why a change cannot be made.
    pub fn write(
        &mut self,
        turn: &mut Turn<'_>,
        key: SpaceValue,
        write: Write,
    ) -> Result<Written, DataError> {
        self.written(turn, key, write)
    }

    /// Removes one object, if these conditions hold.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`] or [`SpaceError::ConditionFailed`].
    #[callback(shrink)]
    pub fn erase(
        &mut self,
        turn: &mut Turn<'_>,
        key: SpaceValue,
        conditions: Vec<Predicate>,
    ) -> Result<Written, DataError> {
        self.written(turn, key, Write { conditions, ..Write::erase() })
    }

    /// Writes the objects that match, as many as one turn takes, each of them wholly or not at all; and says what came of it
    /// and where to go on. What the write is to return does not come back.
    ///
    /// It goes by a search, so that it comes to each of the objects that there were at its beginning once, whatever it
    /// writes; of them it writes those that are there and match still.
    ///
    /// # Errors
    /// [`SpaceError`] if predicate or write do not fit the schema: what goes wrong with single objects is part of the result.
    /// [`SpaceError::TooLarge`] if too many searches are being read, [`SpaceError::SearchGone`] if its own is not any more.
    pub fn write_group(
        &mut self,
        turn: &mut Turn<'_>,
        predicate: Predicate,
        write: Write,
        from: Option<(u64, Place)>,
    ) -> Result<GroupWritten, DataError> {
        let kept = self.kept_mut()?;
        let (search, after) = from.unzip();
        let look = match search {
            Some(search) => kept.held.get(search, turn.session())?.look(),
            None => kept.look(),
        };
        let (planned, mut said, place) =
            kept.plan_group(look, &predicate, without_returning(write), after)?;
        let search = kept.keep_search(turn, search, place.is_some())?;
        said.next = search.zip(place);
        kept.carry_out(turn, planned);
        Ok(said)
    }

    /// Writes all objects that match in one step, all of them or none, and says how many they are.
    ///
    /// # Errors
    /// [`SpaceError`] if the write cannot be made of one of them, [`SpaceError::TooLarge`] if there are more objects to look
    /// at, or to write, than one turn takes.
    pub fn write_whole_group(
        &mut self,
        turn: &mut Turn<'_>,
        predicate: Predicate,
        write: Write,
    ) -> Result<u64, DataError> {
        let kept = self.kept_mut()?;
        let planned = kept.plan_whole_group(&predicate, without_returning(write))?;
        let written = planned.len() as u64;
        kept.carry_out(turn, planned);
        Ok(written)
    }

    /// Removes the objects that match, as many as one turn takes, and says where to go on.
    ///
    /// # Errors
    /// As [`write_group`](Self::write_group).
    #[callback(shrink)]
    pub fn erase_group(
        &mut self,
        turn: &mut Turn<'_>,
        predicate: Predicate,
        from: Option<(u64, Place)>,
    ) -> Result<GroupWritten, DataError> {
        self.write_group(turn, predicate, Write::erase(), from)
    }

    /// Removes all objects that match in one step, and says how many they are.
    ///
    /// # Errors
    /// [`SpaceError::TooLarge`] if there are more objects to look at, or to remove, than one turn takes.
    #[callback(shrink)]
    pub fn erase_whole_group(&mut self, turn: &mut Turn<'_>, predicate: Predicate) -> Result<u64, DataError> {
        self.write_whole_group(turn, predicate, Write::erase())
    }

    /// Removes all objects, and says how many there were.
    ///
    /// # Errors
    /// [`SpaceError::NoSpace`].
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> Result<u64, DataError> {
        let kept = self.kept_mut()?;
        let removed = kept.clear();
        kept.sweep();
        if removed > 0 {
            tell(turn, &SpaceChange::Cleared);
        }
        Ok(removed)
    }

    /// What a search has found in what there is now, in one turn: for those that come to an end in it.
    ///
    /// # Errors
    /// [`SpaceError`] if the query does not fit the schema; [`DataError::Invalid`] if `limit` is 0.
    pub fn find(&self, query: Query, limit: u64) -> Result<QueryPage, DataError> {
        check_limit(limit)?;
        let look = self.kept()?.look();
        Ok(look.page(&look.plan(query)?, None, limit)?)
    }

    /// Begins a search that sees what there is now, however it is changed while it is read: what its first turn has
    /// found, and its number, unless it has come to an end.
    ///
    /// It is kept until it is read to its end, its session ends, or no page of it was read for
    /// [a minute](crate::config::SPACE_SEARCH_LEASE).
    ///
    /// # Errors
    /// As [`find`](Self::find); [`SpaceError::TooLarge`] if too many searches are being read.
    #[callback(shrink)]
    pub fn begin_search(
        &mut self,
        turn: &mut Turn<'_>,
        query: Query,
        limit: u64,
    ) -> Result<(Option<u64>, QueryPage), DataError> {
        let page = self.find(query, limit)?;
        let search = self.kept_mut()?.keep_search(turn, None, page.next.is_some())?;
        Ok((search, page))
    }

    /// What the next turn of a search has found. After its last page the search is gone.
    ///
    /// # Errors
    /// [`SpaceError::SearchGone`] if there is no such search of this session any more.
    #[callback(shrink)]
    pub fn read_search(
        &mut self,
        turn: &mut Turn<'_>,
        search: u64,
        query: Query,
        after: Option<Place>,
        limit: u64,
    ) -> Result<QueryPage, DataError> {
        check_limit(limit)?;
        let kept = self.kept_mut()?;
        let look = kept.held.get(search, turn.session())?.look();
        let page = look.page(&look.plan(query)?, after, limit)?;
        kept.keep_search(turn, Some(search), page.next.is_some())?;
        Ok(page)
    }

    /// Gives up a search, and says whether it was there.
    ///
    /// # Errors
    /// [`SpaceError::NoSpace`].
    #[callback(shrink)]
    pub fn end_search(&mut self, turn: &mut Turn<'_>, search: u64) -> Result<bool, DataError> {
        let kept = self.kept_mut()?;
        let is_there = kept.held.get(search, turn.session()).is_ok();
        if is_there {
            kept.held.close(search, turn);
        }
        Ok(is_there)
    }

    /// What a search would do, and how many objects it would look at.
    ///
    /// # Errors
    /// [`SpaceError`] if the query does not fit the schema.
    pub fn search_describe(&self, query: Query) -> Result<SearchPlan, DataError> {
        Ok(self.kept()?.look().describe(query)?)
    }

    /// How many objects there are.
    ///
    /// # Errors
    /// [`SpaceError::NoSpace`].
    pub fn len(&self) -> Result<u64, DataError> {
        Ok(self.kept()?.records.len() as u64)
    }

    /// Whether there is no object.
    ///
    /// # Errors
    /// [`SpaceError::NoSpace`].
    pub fn is_empty(&self) -> Result<bool, DataError> {
        Ok(self.kept()?.records.is_empty())
    }
}

impl SpaceState {
    fn kept(&self) -> Result<&Kept, SpaceError> {
        self.space.as_ref().ok_or(SpaceError::NoSpace)
    }

    fn kept_mut(&mut self) -> Result<&mut Kept, SpaceError> {
        self.space.as_mut().ok_or(SpaceError::NoSpace)
    }

    fn begin(&mut self, turn: &mut Turn<'_>, schema: Schema) -> Result<(), DataError> {
        if schema.has_authorization() {
            // Taken as said and not done, it would leave objects open that their owner thinks are not.
            return Err(SpaceError::Unsupported { what: "authorization by secrets of objects".into() }.into());
        }
        tell(turn, &SpaceChange::Altered { schema: schema.clone(), version: 1 });
        self.space = Some(Kept::new(schema));
        Ok(())
    }

    fn written(&mut self, turn: &mut Turn<'_>, key: SpaceValue, write: Write) -> Result<Written, DataError> {
        let kept = self.kept_mut()?;
        let key = kept.schema.fit_key(key)?;
        let write = write.checked(&kept.schema)?;
        let before = kept.records.get(&key).map(|record| &**record);
        let applied = apply_checked(&kept.schema, &key, before, &write, kept.first_version())?;
        let Applied { record, written } = applied;
        let before = kept.install(&key, record, written.version);
        kept.tell(turn, &key, written.version, before.as_deref());
        kept.sweep();
        Ok(written)
    }
}

impl Kept {
    fn entry(&self) -> SpaceEntry {
        SpaceEntry {
            schema: self.schema.clone(),
            schema_version: self.schema_version,
            objects: self.records.len() as u64,
            bytes: self.bytes() as u64,
            unmade_indices: self.indices.unmade().map(|(path, _)| path.to_owned()).collect(),
        }
    }

    fn carry_out(&mut self, turn: &mut Turn<'_>, planned: Vec<group::Planned>) {
        for (key, Applied { record, written }) in planned {
            let before = self.install(&key, record, written.version);
            self.tell(turn, &key, written.version, before.as_deref());
        }
        self.sweep();
    }
}

fn check_limit(limit: u64) -> Result<(), DataError> {
    if limit == 0 { Err(DataError::invalid("a page of no objects comes to no end")) } else { Ok(()) }
}

fn without_returning(write: Write) -> Write {
    Write { returning: super::write::Returning::nothing(), ..write }
}

/// Characters of a description that an error has room for.
const DESCRIPTION_CHARS_MAX: usize = 4_096;

impl Hosted for SpaceState {
    fn is_vacant(&self) -> bool {
        self.space.is_none()
    }

    fn next_expiry(&self) -> Option<Time> {
        let kept = self.space.as_ref()?;
        kept.held.next_expiry().into_iter().chain(kept.next_indexing()).min()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        if let Some(kept) = &mut self.space {
            let now = turn.now();
            kept.held.close_all(turn, |view| view.until <= now);
            if kept.next_indexing().is_some_and(|next| next <= now) {
                kept.index(now);
            }
        }
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        if let Some(kept) = &mut self.space {
            let session = turn.session();
            kept.held.close_all(turn, |view| view.session == session);
        }
    }

    fn holders(&self) -> Vec<SessionId> {
        self.space.as_ref().map_or_else(Vec::new, |kept| kept.held.sessions())
    }

    fn bytes(&self) -> usize {
        self.space.as_ref().map_or(0, Kept::bytes)
    }
}
