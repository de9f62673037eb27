//! Several operations at once: all or none of them, or the first that can be done.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_bytes::ByteBuf;

use super::operation::Open;
use super::{Object, Operation};
use crate::error::DataError;
use crate::node::Node;
use crate::wire::{Step, Stepped, Term};

/// Who holds a hosted object, by the token that it was given: what a write can be made to depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub(crate) kind: String,
    pub(crate) object: String,
    pub(crate) token: u64,
}

/// Operations that are carried out as one: all of them, or none, and nothing else in between.
///
/// ```
/// # use daffi_core::{error::DataError, node::Node};
/// # async fn example(node: &Node) -> Result<(), DataError> {
/// let (from, to) = (node.counters("joe"), node.counters("brian"));
/// let mut batch = node.batch();
/// let left = batch.add(from.dec("balance", 10));
/// batch.add(to.inc("balance", 10));
/// let mut done = batch.await?;
/// println!("joe has {} left", done.take(left)?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Awaiting it gives the [`DataError`] of the first operation or condition that stands against it; nothing was
/// changed then, unless its [`ran`](DataError::ran) says that this is not known. An operation that would have to wait
/// stands against it too.
///
/// # Cancel safety
/// Dropped while it is pending, all of it may have been carried out, or nothing.
#[must_use = "a batch does nothing until it is awaited"]
pub struct Batch {
    node: Node,
    terms: Vec<Term>,
    steps: Vec<Step>,
    /// Why it cannot be made.
    error: Option<DataError>,
    opens: Vec<Box<dyn std::any::Any + Send>>,
}

/// The place of one operation's result among those of a [`Batch`].
#[derive(Debug)]
pub struct Place<T> {
    at: usize,
    result: PhantomData<fn() -> T>,
}

/// What came of a [`Batch`].
pub struct Batched {
    results: Vec<Stepped>,
    opens: Vec<Option<Box<dyn std::any::Any + Send>>>,
}

impl Node {
    /// A batch of operations on hosted objects, without any yet. It has at most
    /// [`BATCH_STEPS_MAX`](crate::config::BATCH_STEPS_MAX).
    pub fn batch(&self) -> Batch {
        let (terms, steps, opens) = (Vec::new(), Vec::new(), Vec::new());
        Batch { node: self.clone(), terms, steps, error: None, opens }
    }
}

impl Batch {
    /// Adds an operation; its result is found by what this returns. Its own options count for nothing here.
    ///
    /// One that has a condition of its own, or asks for its [revision](Operation::versioned), is a batch by itself and cannot
    /// be part of another: awaiting this one fails then with [`BadArguments`](crate::error::CallError::BadArguments), and nothing
    /// was done. A batch has [its own conditions](Self::if_revision), and [its revisions](Batched::revision).
    pub fn add<T: 'static>(&mut self, operation: Operation<T>) -> Place<T> {
        let at = self.opens.len();
        let Operation { call, open, .. } = operation;
        self.opens.push(Box::new(open));
        match step(call) {
            Ok(step) => self.steps.push(step),
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
        Place { at, result: PhantomData }
    }

    /// Has it be carried out only if `revision` is the last change of the object; 0 says that it is not there.
    pub fn if_revision(mut self, object: &Object, revision: u64) -> Self {
        let (kind, object) = (object.kind().to_owned(), object.name().to_owned());
        self.terms.push(Term { kind, object, revision: Some(revision), token: None });
        self
    }

    /// Has it be carried out only if whoever has this fence holds the object still.
    pub fn if_held(mut self, fence: &Fence) -> Self {
        let Fence { kind, object, token } = fence.clone();
        self.terms.push(Term { kind, object, revision: None, token: Some(token) });
        self
    }
}

fn step(call: Result<super::Call<()>, Box<DataError>>) -> Result<Step, DataError> {
    let request = call.map_err(|error| *error)?.request.map_err(|error| DataError::from(*error))?;
    Ok(Step { callback: request.name.to_string(), body: ByteBuf::from(request.body) })
}

impl IntoFuture for Batch {
    type Output = Result<Batched, DataError>;
    type IntoFuture = BoxFuture<'static, Result<Batched, DataError>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { node, terms, steps, error, opens } = self;
        let operation: Operation<Vec<Stepped>> = match error {
            Some(error) => Operation::failed(error),
            None => Operation::new(&node, "daffi.batch", &(terms, steps)),
        };
        let opens = opens.into_iter().map(Some).collect();
        operation.into_future().map(|results| Ok(Batched { results: results?, opens })).boxed()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().map(|step| &step.callback);
        f.debug_struct("Batch").field("steps", &steps.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl Batched {
    /// The result of the operation at this place. To be taken once.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the object holds what is no `T`, [`DataError::Invalid`] if the place is another
    /// batch's or was taken before. The operation was carried out all the same.
    #[expect(clippy::needless_pass_by_value, reason = "what was at a place is taken once")]
    pub fn take<T: 'static>(&mut self, place: Place<T>) -> Result<T, DataError> {
        let open = self.opens.get_mut(place.at).and_then(Option::take);
        let open = open.and_then(|open| open.downcast::<Open<T>>().ok());
        match (open, self.results.get(place.at)) {
            (Some(open), Some(stepped)) => open(Ok(&stepped.result)),
            _ => Err(DataError::invalid("the place of a result that is not here, or not any more")),
        }
    }

    /// The last change of the object that the operation at this place was about; 0 if it is not there.
    pub fn revision<T>(&self, place: &Place<T>) -> u64 {
        self.results.get(place.at).map_or(0, |stepped| stepped.revision)
    }
}

impl fmt::Debug for Batched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batched").field("results", &self.results.len()).finish_non_exhaustive()
    }
}

/// The result of an operation, and the last change of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The result.
    pub value: T,
    /// The last change of the object; 0 if it is not there.
    pub revision: u64,
}

impl<T: 'static> Operation<T> {
    /// The same with the object's revision, to be given to [`if_revision`](Self::if_revision) of a later one. It can be no part
    /// of a [`Batch`] or a select, as the operations of a [`CachedMap`](crate::datatypes::CachedMap) are none, which are
    /// versioned: a batch knows [the revisions](Batched::revision) of its own.
    pub fn versioned(self) -> Operation<Versioned<T>> {
        self.with_terms(Vec::new(), |value, revision| Versioned { value, revision })
    }

    /// Has it be carried out only if `revision` is the last change of the object; 0 says that it is not there.
    ///
    /// # Errors
    /// It fails with [`DataError::Conflict`] if it is not.
    pub fn if_revision(self, object: &Object, revision: u64) -> Self {
        let (kind, object) = (object.kind().to_owned(), object.name().to_owned());
        self.with_terms(vec![Term { kind, object, revision: Some(revision), token: None }], |value, _| value)
    }

    /// Has it be carried out only if whoever has this fence holds that object still.
    ///
    /// # Errors
    /// It fails with [`DataError::Stale`] if somebody else does, or nobody.
    pub fn if_held(self, fence: &Fence) -> Self {
        let Fence { kind, object, token } = fence.clone();
        self.with_terms(vec![Term { kind, object, revision: None, token: Some(token) }], |value, _| value)
    }

    fn with_terms<U: 'static>(self, terms: Vec<Term>, make: fn(T, u64) -> U) -> Operation<U> {
        let Self { call, open, .. } = self;
        let node = match &call {
            Ok(call) => call.node.clone(),
            Err(error) => return Operation::failed((**error).clone()),
        };
        let step = match step(call) {
            Ok(step) => step,
            Err(error) => return Operation::failed(error),
        };
        let operation: Operation<Vec<Stepped>> = Operation::new(&node, "daffi.batch", &(terms, vec![step]));
        operation.and_then(move |mut results| {
            let stepped = results.pop().ok_or_else(|| DataError::invalid("the controller sent no result"))?;
            Ok(make(open(Ok(&stepped.result))?, stepped.revision))
        })
    }

    /// Several operations as one, without their results.
    pub(crate) fn all(node: &Node, operations: impl IntoIterator<Item = Self>) -> Operation<()> {
        let steps: Result<Vec<Step>, DataError> =
            operations.into_iter().map(|operation| step(operation.call)).collect();
        Operation::of(|| {
            let terms: Vec<Term> = Vec::new();
            let done: Operation<Vec<Stepped>> = Operation::new(node, "daffi.batch", &(terms, steps?));
            Ok::<_, DataError>(done.map(drop))
        })
    }

    /// The first of several operations that can be done, with its place among them: those at the front come first, and
    /// if none can be done now, it waits until one can. Their own options count for nothing here.
    pub fn select(node: &Node, operations: impl IntoIterator<Item = Self>) -> Operation<(usize, T)> {
        Self::select_from(node, operations, false)
    }

    /// As [`select`](Self::select), but those come first whose objects have what is most
    /// [urgent](crate::hosted::Hosted::urgency) in the step in which one is chosen: of a priority queue, the highest
    /// priority of an item that can be had then. Those that are as urgent as each other come in their order, and those
    /// of objects that know no urgency last.
    ///
    /// ```
    /// # use daffi_core::{api::Operation, error::DataError, node::Node};
    /// # async fn example(node: &Node) -> Result<(), DataError> {
    /// let wards = ["children", "adults"].map(|ward| node.priority_queue::<String>(ward));
    /// let patients = wards.iter().map(|ward| ward.lease(None));
    /// let (ward, patient) = Operation::select_urgent(node, patients).await?;
    /// println!("{} of ward {ward}", *patient);
    /// patient.ack().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn select_urgent(node: &Node, operations: impl IntoIterator<Item = Self>) -> Operation<(usize, T)> {
        Self::select_from(node, operations, true)
    }

    pub(crate) fn select_from(
        node: &Node,
        operations: impl IntoIterator<Item = Self>,
        by_urgency: bool,
    ) -> Operation<(usize, T)> {
        let (mut steps, mut opens) = (Vec::new(), Vec::new());
        for operation in operations {
            match step(operation.call) {
                Ok(step) => steps.push(step),
                Err(error) => return Operation::failed(error),
            }
            opens.push(operation.open);
        }
        if steps.is_empty() {
            return Operation::failed(DataError::invalid("a select of nothing"));
        }
        let selected: Operation<(u64, ByteBuf)> = Operation::new(node, "daffi.select", &(steps, by_urgency));
        let selected = selected.and_then(move |(at, result)| {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let open = opens.into_iter().nth(at);
            let open = open.ok_or_else(|| DataError::invalid("the controller chose none of them"))?;
            Ok((at, open(Ok(&result))?))
        });
        selected.no_timeout()
    }
}
