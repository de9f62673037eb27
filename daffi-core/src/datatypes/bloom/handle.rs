//! The handle of a filter.

use std::future::IntoFuture;
use std::sync::Arc;

use serde::Serialize;

use super::state::check_elements;
use super::{BloomHash, BloomParameters, BloomState};
use crate::api::{Kept, Operation, OperationFuture};
use crate::config;
use crate::error::DataError;
use crate::node::Node;

/// Which elements all nodes have seen, in a fraction of the room that they take, with a few too many. Pottery's
/// `BloomFilter`.
///
/// What was added is always found. What was not seems to be in it now and then: of as many elements as the filter was
/// [made for](OpenBloom), at the rate that it was made for. Elements cannot be listed or removed, and filters cannot be
/// united.
///
/// # Parameters
/// They are kept with the filter, and stay until it is destroyed. Whoever opens it with others is refused, instead of not
/// finding what was added. Each operation comes with those of its handle: if the filter was destroyed meanwhile and made
/// anew with others, it is refused ([`DataError::WrongValue`]); if it was only destroyed, nothing is in it, and adding makes it
/// anew.
///
/// # Elements
/// Any value that can be encoded. In a filter with [Pottery's bits](BloomHash::Pottery), which most have, an element is what
/// JSON makes of it: structs are objects, and bytes are refused ([`DataError::Invalid`]), as NaN is everywhere. Bits are
/// computed here and not by the controller; they never change with a version of daffi.
#[derive(Debug, Clone)]
pub struct BloomFilter {
    object: <BloomState as Kept>::Client,
    parameters: BloomParameters,
}

reaches_object!(BloomFilter);

/// A filter that is to be opened: await it, or [`wait`](Self::wait) for it.
///
/// With [`expect`](Self::expect) it is made if it is not there. What is said here must be what the filter was made with;
/// what is not said may be anything, so that without a word any filter that is there is opened.
///
/// ```
/// # use daffi_core::{error::DataError, node::Node};
/// # async fn example(node: &Node) -> Result<(), DataError> {
/// let dilberts = node.bloom("dilberts").expect(100).false_positives(0.01).await?;
/// dilberts.add("rajiv").await?;
/// assert!(dilberts.contains("rajiv").await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`DataError::WrongValue`] if the filter was made with something else, or is not there and `expect` was not said;
/// [`DataError::Invalid`] as from [`BloomParameters::new`].
#[derive(Debug, Clone)]
#[must_use = "nothing is opened until it is awaited"]
pub struct OpenBloom {
    object: <BloomState as Kept>::Client,
    num_elements: Option<u64>,
    false_positives: Option<f64>,
    hash: Option<BloomHash>,
}

impl Node {
    /// The Bloom filter of this name, to be opened.
    pub fn bloom(&self, name: impl Into<Arc<str>>) -> OpenBloom {
        let object = self.object::<BloomState>(name);
        OpenBloom { object, num_elements: None, false_positives: None, hash: None }
    }
}

impl OpenBloom {
    /// For how many elements it is. Pottery's `num_elements`, once `num_values`.
    pub fn expect(mut self, num_elements: u64) -> Self {
        self.num_elements = Some(num_elements);
        self
    }

    /// Which share of what was not added may seem to have been, once as many elements are in it as it is for. When it is
    /// made and nothing is said, [`BLOOM_FALSE_POSITIVES`](config::BLOOM_FALSE_POSITIVES).
    pub fn false_positives(mut self, share: f64) -> Self {
        self.false_positives = Some(share);
        self
    }

    /// How it knows its elements. When it is made and nothing is said, as Pottery's does, unless it is too large for that:
    /// see [`BloomParameters::new`].
    pub fn hash(mut self, hash: BloomHash) -> Self {
        self.hash = Some(hash);
        self
    }

    /// Opens it as an operation, which can be part of a [`Batch`](crate::api::Batch).
    pub fn open(self) -> Operation<BloomFilter> {
        let opened = match self.num_elements {
            Some(num_elements) => Operation::of(|| {
                let share = self.false_positives.unwrap_or(config::BLOOM_FALSE_POSITIVES);
                let parameters = BloomParameters::new(num_elements, share)?;
                let parameters = self.hash.map_or(parameters, |hash| parameters.with_hash(hash));
                Ok::<_, DataError>(self.object.open(parameters).map(Some))
            }),
            None => self.object.parameters(),
        };
        opened.and_then(move |parameters| {
            let parameters = parameters.filter(|parameters| self.is_meant(parameters)).ok_or_else(|| {
                let found = parameters.map_or_else(|| "none".to_owned(), |found| found.to_string());
                DataError::WrongValue { expected: self.wanted(), found }
            })?;
            Ok(BloomFilter { object: self.object, parameters })
        })
    }

    /// Opens it, and waits for that on this thread.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> Result<BloomFilter, DataError> {
        self.open().wait()
    }

    fn is_meant(&self, parameters: &BloomParameters) -> bool {
        self.num_elements.is_none_or(|num_elements| num_elements == parameters.num_elements())
            && self.false_positives.is_none_or(|share| share == parameters.false_positives())
            && self.hash.is_none_or(|hash| hash == parameters.hash())
    }

    fn wanted(&self) -> String {
        let elements = self.num_elements.map(|num_elements| format!(" for {num_elements} elements"));
        let share = self.false_positives.map(|share| format!(" with {share} false positives"));
        let hash = self.hash.map(|hash| format!(" by {hash:?}"));
        let said = [elements, share, hash].into_iter().flatten();
        format!("a filter{}", said.collect::<String>())
    }
}

impl IntoFuture for OpenBloom {
    type Output = Result<BloomFilter, DataError>;
    type IntoFuture = OperationFuture<BloomFilter>;

    fn into_future(self) -> OperationFuture<BloomFilter> {
        self.open().into_future()
    }
}

impl BloomFilter {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// What it was made with.
    pub fn parameters(&self) -> BloomParameters {
        self.parameters
    }

    /// Adds an element, and says whether it had not seemed to be in it: then it certainly was not.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the filter was made anew with other parameters; [`DataError::Invalid`] if the element
    /// has no bits.
    pub fn add(&self, element: impl Serialize) -> Operation<bool> {
        Operation::of(|| {
            let added = self.object.add(self.parameters, self.parameters.positions(&element)?);
            Ok::<_, DataError>(added.map(|added| added > 0))
        })
    }

    /// Adds elements in one step, and says how many of them had not seemed to be in it.
    ///
    /// There may be [`BLOOM_ELEMENTS_MAX`](config::BLOOM_ELEMENTS_MAX). Of more, add some after the others: it is no
    /// different, and leaves turns for others in between.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`DataError::Invalid`] for too many. None is added then.
    pub fn extend(&self, elements: impl IntoIterator<Item = impl Serialize>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.add(self.parameters, self.positions(elements)?)))
    }

    /// As [`extend`](Self::extend), by the name that Pottery has for it.
    ///
    /// # Errors
    /// As there.
    pub fn update(&self, elements: impl IntoIterator<Item = impl Serialize>) -> Operation<u64> {
        self.extend(elements)
    }

    /// Whether an element seems to be in it. If not, it was never added.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn contains(&self, element: impl Serialize) -> Operation<bool> {
        self.contains_many([&element]).map(|contains| contains == [true])
    }

    /// Of each element whether it seems to be in it, in the same order, at one moment. There may be as many as in
    /// [`extend`](Self::extend).
    ///
    /// # Errors
    /// As there.
    pub fn contains_many(&self, elements: impl IntoIterator<Item = impl Serialize>) -> Operation<Vec<bool>> {
        Operation::of(|| Ok::<_, DataError>(self.object.contains(self.parameters, self.positions(elements)?)))
    }

    fn positions(&self, elements: impl IntoIterator<Item = impl Serialize>) -> Result<Vec<u64>, DataError> {
        let mut positions = Vec::new();
        for (before, element) in (0..).zip(elements) {
            check_elements(before + 1)?;
            self.parameters.put_positions(&element, &mut positions)?;
        }
        Ok(positions)
    }

    /// About how many different elements are in it, as the number of its bits that are set tells. Pottery's `len()`.
    ///
    /// If all are set, there is no telling, and this is the least that there can be: where Pottery's fails.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether no element is in it. This is exact.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Takes all elements out of it, and says whether there were any. It stays, with its parameters.
    pub fn clear(&self) -> Operation<bool> {
        self.object.clear()
    }
}
