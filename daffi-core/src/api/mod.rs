//! The words that users write: calls and their modes, jobs, broadcasts, schedules.

mod batch;
pub mod blocking;
mod broadcast;
mod call;
mod embed;
mod feed;
mod job;
pub mod modifiers;
mod object;
mod one_way;
mod operation;
mod program;
mod remote;
mod retry;
mod schedule;
mod sent;
mod stream;
mod timer;

use std::time::Duration;

pub use batch::{Batch, Batched, Fence, Place, Versioned};
pub use broadcast::{Broadcast, Replies, ReplyStream};
pub use call::{Call, CallFuture};
pub use embed::{SentByController, WithController};
pub use feed::{Feed, Heard, Item, Opening};
pub use job::Job;
pub use object::{Kept, Object};
pub use one_way::{NoReturn, Tell};
pub use operation::{Operation, OperationFuture};
pub use program::{Ended, Main, run};
pub use remote::{Client, Remote};
pub use retry::Retry;
pub use schedule::{Every, Schedule, ScheduleGuard};
pub(crate) use sent::Line;
pub use sent::Sent;
pub use stream::ItemStream;
pub use timer::{ContextTimer, StoppedTimer, TimerGuard};

use crate::callback::{Arguments, Wire};
use crate::error::{CallError, Result};
use crate::name::NodeName;
use crate::node::{Flight, Node, Outgoing, Reply};
use crate::wire::{self, JobId};

impl Node {
    /// A call of the callback `name`, to be awaited or given a mode.
    ///
    /// `R` is the type of the result. The arguments are a tuple, or [`args!`] with names. Where the callback's
    /// signature is known, arguments that do not fit are refused before they are sent.
    ///
    /// [`args!`]: https://docs.rs/daffi/latest/daffi/macro.args.html
    #[expect(clippy::needless_pass_by_value, reason = "callers write a tuple, and not a reference to one")]
    pub fn call<R: Wire>(&self, name: &str, arguments: impl Arguments) -> Call<R> {
        Call::new(self, name, &arguments)
    }

    /// A call of the callback `name` whose result nobody wants.
    #[expect(clippy::needless_pass_by_value, reason = "callers write a tuple, and not a reference to one")]
    pub fn tell(&self, name: &str, arguments: impl Arguments) -> Tell {
        Tell::new(Call::new(self, name, &arguments))
    }

    /// Calls the callback `name` once for each of `arguments`, wanting no results: as so many
    /// [`tell`](Self::tell)s, sent together and acknowledged together, for floods of small messages. They are
    /// run in their order where a callback is `inline`. Returns how many the mesh has taken.
    ///
    /// # Errors
    /// The [`CallError`] of the first that was refused; the others were taken all the same.
    ///
    /// # Cancel safety
    /// Not cancel safe: those that were sent go on, the others are lost.
    pub async fn tell_each<A: Arguments>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<u64> {
        let request = call::one_way_request(self, name)?;
        let Some(wrapping) = self.shared().wrapping(|| Outgoing::of(&request, false, None)) else {
            return Ok(self.shared().send_each(request, arguments).await?);
        };
        let sent = wrapping.run(async |call| {
            let mut request = request;
            call.shape(&mut request);
            Ok((self.shared().send_each(request, arguments).await?, None))
        });
        Ok(sent.await?)
    }

    /// The background call of this number, whoever made it: its result is fetched from the controller, which
    /// keeps that of a caller that has gone for [`KEPT_FOR`](crate::config::KEPT_FOR). The question is sent at once; dropping
    /// the handle leaves the call alone.
    pub fn job<R: Wire>(&self, id: JobId) -> Job<R> {
        Job::fetch(self, id)
    }

    /// The schedules of the mesh, whoever made them.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn schedules(&self) -> Result<Vec<Schedule>> {
        let entries = self.schedule_entries().await?;
        Ok(entries.into_iter().map(|entry| Schedule::new(self, entry)).collect())
    }

    /// The schedule of this number; `None` if there is none.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn schedule(&self, id: u64) -> Result<Option<Schedule>> {
        Ok(self.schedule_entry(id).await?.map(|entry| Schedule::new(self, entry)))
    }
}

/// A number of seconds: any of Rust's numbers, but for those of 128 bits.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number of seconds",
    label = "needs a number, as in `secs(5)` or `secs(0.25)`"
)]
pub trait Seconds {
    /// As a float.
    fn seconds(self) -> f64;
}

macro_rules! seconds {
    ($($number:ty)+) => {$(
        impl Seconds for $number {
            fn seconds(self) -> f64 {
                self as f64
            }
        }
    )+};
}

seconds! { f64 f32 i8 i16 i32 i64 isize u8 u16 u32 u64 usize }

/// This many seconds: `secs(5)`, `secs(0.25)`. Less than nothing, and what is no number, is nothing; more than a
/// [`Duration`] can be is its maximum.
pub fn secs(seconds: impl Seconds) -> Duration {
    let seconds = seconds.seconds();
    let too_much = if seconds > 0.0 { Duration::MAX } else { Duration::ZERO };
    Duration::try_from_secs_f64(seconds).unwrap_or(too_much)
}

/// This many milliseconds.
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// As long as the mode's calls do if nothing is said.
    Usual,
    /// This long.
    Within(Duration),
    /// For ever.
    None,
}

impl Limit {
    /// The timeout, where `usual` is the mode's.
    pub(crate) fn or(self, usual: Duration) -> Option<Duration> {
        match self {
            Self::Usual => Some(usual),
            Self::Within(timeout) => Some(timeout),
            Self::None => None,
        }
    }
}

/// What the controller is called where only a node can stand.
fn controller() -> NodeName {
    NodeName::new("controller").expect("a good name")
}

/// The value that a body of `author` is.
fn decode<R: Wire>(body: &[u8], author: impl FnOnce() -> NodeName) -> Result<R, CallError> {
    wire::decode(body).map_err(|error| CallError::BadReply { node: author(), message: error.to_string() })
}

/// The value that a reply to `flight` is.
fn decode_reply<R: Wire>(flight: &Flight, reply: &Reply) -> Result<R, CallError> {
    decode(&reply.body, || flight.peer(reply.peer).unwrap_or_else(controller))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_not_and_never_negative() {
        assert_eq!(secs(5), Duration::from_secs(5));
        assert_eq!(secs(0.25), millis(250));
        assert_eq!(secs(7_u64), Duration::from_secs(7));
        assert_eq!(secs(-1), Duration::ZERO);
        assert_eq!(secs(f64::INFINITY), Duration::MAX);
    }
}
