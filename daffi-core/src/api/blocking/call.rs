//! A call whose endings wait.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::bridge::Bridge;
use super::{Iter, Job, Schedule, feed};
use crate::api::{Broadcast, Call as AsyncCall, Every, ItemStream, Replies, ReplyStream, Retry};
use crate::callback::Wire;
use crate::error::Result;
use crate::name::NodeName;
use crate::wire::JobId;

/// A call that has not been made, for threads: give it options, then a mode.
///
/// | mode | ending | what becomes of it |
/// |---|---|---|
/// | FG | [`.fg()`](Self::fg) | the result |
/// | BG | [`.bg()`](Self::bg) | a [`Job`], sent at once |
/// | NO_RETURN | [`.no_return()`](Self::no_return) | over once the mesh has taken it |
/// | PERIOD | [`.every()`](Self::every), [`.at()`](Self::at) | a [`Schedule`] that outlives this process |
/// | BROADCAST | [`.broadcast()`](Self::broadcast) | one outcome for each node that offers the name |
///
/// Made by [`Node::call`](super::Node::call), or of any other call by [`Call::blocking`](AsyncCall::blocking).
#[derive(Debug)]
#[must_use = "a call does nothing until it is given a mode: `.fg()`, `.bg()`, `.no_return()`, `.every(..)`, `.broadcast()`"]
pub struct Call<R> {
    inside: AsyncCall<R>,
    bridge: Bridge,
}

impl<R: Wire> AsyncCall<R> {
    /// This call for threads: `add::call(&node, 4, 6).blocking().fg()?`. Its node's runtime must run meanwhile, as
    /// [`Node::blocking`](crate::node::Node::blocking) says.
    pub fn blocking(self) -> Call<R> {
        let bridge = Bridge::of(&self.node);
        Call { inside: self, bridge }
    }
}

macro_rules! options {
    ($($name:ident($($argument:ident: $kind:ty),*);)+) => {$(
        #[doc = concat!("As [`Call::", stringify!($name), "`](AsyncCall::", stringify!($name), ").")]
        pub fn $name(mut self $(, $argument: $kind)*) -> Self {
            self.inside = self.inside.$name($($argument),*);
            self
        }
    )+};
}

impl<R: Wire> Call<R> {
    options! {
        timeout(timeout: Duration);
        no_timeout();
        on(node: impl Into<String>);
        key(key: impl Into<String>);
        eta(eta: Duration);
        retry(retry: impl Into<Retry>);
        hedge_after(delay: Duration);
    }

    /// Gives it `items` for the callback's parameter of type [`Incoming`](crate::callback::Incoming), as
    /// [`Call::feed`](AsyncCall::feed) does; they are made on a thread of their own, as [`feed`] says.
    pub fn feed<I>(mut self, items: I) -> Self
    where
        I: IntoIterator + Send + 'static,
        I::Item: Serialize + Send + 'static,
    {
        self.inside = self.inside.feed(feed(items));
        self
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// Any [`CallError`](crate::error::CallError); its [`ran`](crate::error::CallError::ran) says whether it may have
    /// run. In an async task it is [`WouldBlock`](crate::error::CallError::WouldBlock), as it is for all that follow.
    pub fn fg(self) -> Result<R> {
        self.bridge.wait(self.inside)
    }

    /// Waits for the result, and says which node it is from.
    ///
    /// # Errors
    /// As [`fg`](Self::fg).
    pub fn with_node(self) -> Result<(NodeName, R)> {
        self.bridge.wait(self.inside.with_node())
    }

    /// Runs it in the background: it is sent at once, and the [`Job`] says how it went. Dropping that lets the call
    /// go on.
    pub fn bg(self) -> Job<R> {
        let Self { inside, bridge } = self;
        bridge.enter(|| Job::new(inside.bg(), &bridge))
    }

    /// As [`Call::submit`](AsyncCall::submit): waits until the controller has taken it, and gives its number.
    ///
    /// # Errors
    /// As [`fg`](Self::fg), if it was not taken.
    pub fn submit(self) -> Result<JobId> {
        self.bridge.wait(self.inside.submit())
    }

    /// Wants no result: waits until the mesh has taken it for a live callee.
    ///
    /// # Errors
    /// As [`fg`](Self::fg), if it was not taken.
    pub fn no_return(self) -> Result<()> {
        self.bridge.wait(self.inside.no_return())
    }

    /// Runs it on every other node that offers it, and waits for all.
    ///
    /// # Errors
    /// As [`fg`](Self::fg), if it could not be made; what went wrong at the nodes is in the [`Replies`].
    pub fn broadcast(self) -> Result<Replies<R>> {
        self.broadcast_with(|broadcast| broadcast)
    }

    /// As [`broadcast`](Self::broadcast), with options: `.broadcast_with(|broadcast| broadcast.at_least(3))`.
    ///
    /// # Errors
    /// As there, and [`CallError::TooFew`](crate::error::CallError::TooFew).
    pub fn broadcast_with(self, options: impl FnOnce(Broadcast<R>) -> Broadcast<R>) -> Result<Replies<R>> {
        self.bridge.wait(options(self.inside.broadcast()))
    }

    /// As [`broadcast_with`](Self::broadcast_with), one node after another as they answer. It is sent when the
    /// first is asked for; dropping the iterator cancels it where it still runs.
    pub fn broadcast_iter(self, options: impl FnOnce(Broadcast<R>) -> Broadcast<R>) -> Iter<ReplyStream<R>> {
        Iter::new(options(self.inside.broadcast()).stream(), &self.bridge)
    }

    /// Runs it at a fixed rate, from one period from now on, until it is cancelled.
    ///
    /// # Errors
    /// As [`fg`](Self::fg), if the schedule was not made.
    pub fn every(self, period: Duration) -> Result<Schedule> {
        self.every_with(period, |every| every)
    }

    /// As [`every`](Self::every), with options: `.every_with(secs(60), |every| every.times(3).named("minutely"))`.
    ///
    /// # Errors
    /// As there.
    pub fn every_with(self, period: Duration, options: impl FnOnce(Every) -> Every) -> Result<Schedule> {
        let schedule = self.bridge.wait(options(self.inside.every(period)))?;
        Ok(Schedule::new(schedule, &self.bridge))
    }

    /// Runs it at these instants.
    ///
    /// # Errors
    /// As [`fg`](Self::fg), if the schedule was not made.
    pub fn at(self, times: impl IntoIterator<Item = SystemTime>) -> Result<Schedule> {
        self.at_with(times, |at| at)
    }

    /// As [`at`](Self::at), with options: `.at_with([noon], |at| at.named("lunch"))`.
    ///
    /// # Errors
    /// As there.
    pub fn at_with(
        self,
        times: impl IntoIterator<Item = SystemTime>,
        options: impl FnOnce(Every) -> Every,
    ) -> Result<Schedule> {
        let schedule = self.bridge.wait(options(self.inside.at(times)))?;
        Ok(Schedule::new(schedule, &self.bridge))
    }

    /// The items of the stream that the callback returns, as [`Call::stream`](AsyncCall::stream) gives them. It is
    /// sent when the first is asked for; dropping the iterator cancels the callback.
    pub fn stream(self) -> Iter<ItemStream<R>> {
        Iter::new(self.inside.stream(), &self.bridge)
    }

    /// As [`stream`](Self::stream), but sent at once.
    pub fn bg_stream(self) -> Iter<ItemStream<R>> {
        let Self { inside, bridge } = self;
        bridge.enter(|| Iter::new(inside.bg_stream(), &bridge))
    }
}
