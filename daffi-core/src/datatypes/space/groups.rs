//! Groups that are written part by part: those of any size.

use std::fmt;
use std::future::IntoFuture;

use futures::future::BoxFuture;

use super::handle::DynSpace;
use super::predicate::Predicate;
use super::state::{GroupWritten, Place, SpaceState};
use super::write::Write;
use crate::api::blocking::bridge::Bridge;
use crate::api::{Kept, Operation};
use crate::error::DataError;

impl DynSpace {
    /// Writes all objects that meet a predicate, each of them wholly or not at all, and says how many matched and were
    /// written, and what stood against the others. There may be any number of them: while they are written others go on, and
    /// may see some as they were and some as they are.
    ///
    /// It comes to the objects that there are when it begins, to each once; one that does not match any more when it comes to
    /// it is left. What the write is to return does not come back.
    ///
    /// # Errors
    /// [`SpaceError`](crate::error::SpaceError) with the attribute of the predicate or of the write that does not fit,
    /// [`TooLarge`](crate::error::SpaceError::TooLarge) if too many searches are being read. What was written before an error
    /// stays so.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, some of the objects are written.
    pub fn group_write_in_parts(&self, predicate: impl Into<Predicate>, write: Write) -> GroupWriting {
        let (predicate, client) = (predicate.into(), self.client().clone());
        let checked = predicate.check(self.schema()).and_then(|()| write.check(self.schema()));
        let begun = match checked {
            Ok(()) => part(&client, &predicate, &write, None),
            Err(error) => Operation::failed(error),
        };
        GroupWriting { client, predicate, write, begun }
    }
}

type Client = <SpaceState as Kept>::Client;

fn part(
    client: &Client,
    predicate: &Predicate,
    write: &Write,
    from: Option<(u64, Place)>,
) -> Operation<GroupWritten> {
    // What only removes is let through when there is no room left.
    if *write == Write::erase() {
        client.erase_group(predicate.clone(), from)
    } else {
        client.write_group(predicate.clone(), write.clone(), from)
    }
}

/// A group that is written part by part: await it, or [`wait`](Self::wait) for it on a thread.
#[must_use = "nothing is written until it is awaited"]
pub struct GroupWriting {
    client: Client,
    predicate: Predicate,
    write: Write,
    begun: Operation<GroupWritten>,
}

impl GroupWriting {
    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> Result<GroupWritten, DataError> {
        let bridge = Bridge::of(self.client.node());
        bridge.value(self)?
    }
}

impl IntoFuture for GroupWriting {
    type Output = Result<GroupWritten, DataError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, predicate, write, begun } = self;
        Box::pin(async move {
            let mut written = begun.await?;
            while let Some(from) = written.next.take() {
                written = written.and(part(&client, &predicate, &write, Some(from)).await?);
            }
            Ok(written)
        })
    }
}

impl fmt::Debug for GroupWriting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (predicate, write) = (&self.predicate, &self.write);
        f.debug_struct("GroupWriting")
            .field("predicate", predicate)
            .field("write", write)
            .finish_non_exhaustive()
    }
}
