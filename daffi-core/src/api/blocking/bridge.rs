//! The one place where a thread waits for a future.

use std::future::{Future, IntoFuture};
use std::io;
use std::iter;
use std::sync::OnceLock;

use futures::{Stream, StreamExt};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::callback::may_wait;
use crate::error::{CallError, Error, Ran, Result};
use crate::node::Node;

/// The way of a thread into a runtime, where everything is done; whoever has one waits, and no more.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    runtime: Handle,
}

impl Bridge {
    /// To the runtime that the nodes share which threads have opened. It lasts as long as the process.
    ///
    /// # Errors
    /// [`CallError::WouldBlock`] in an async task, [`CallError::Busy`] if the system gives it nothing to run on.
    pub(super) fn shared() -> Result<Self, CallError> {
        check()?;
        let start = || Builder::new_multi_thread().thread_name("daffi").enable_all().build();
        match SHARED.get_or_init(start) {
            Ok(runtime) => Ok(Self { runtime: runtime.handle().clone() }),
            Err(error) => Err(CallError::Busy { what: format!("the runtime does not start: {error}") }),
        }
    }

    /// To the runtime that `node` lives on.
    pub(crate) fn of(node: &Node) -> Self {
        Self { runtime: node.shared().runtime.clone() }
    }

    /// Waits for what `future` comes to.
    ///
    /// # Errors
    /// That of the future, [`CallError::WouldBlock`] in an async task, or [`CallError::Disconnected`] if the runtime ends.
    pub(crate) fn wait<F, T, E>(&self, future: F) -> Result<T>
    where
        F: IntoFuture<Output = Result<T, E>>,
        Error: From<E>,
    {
        Ok(self.value(future)??)
    }

    /// As [`wait`](Self::wait), for what cannot fail by itself.
    pub(crate) fn value<F: IntoFuture>(&self, future: F) -> Result<F::Output, CallError> {
        check()?;
        self.block_on(future)
    }

    /// The items of `stream`, each waited for on this thread. Where that may not wait, the first and last says so.
    pub(crate) fn items<T, E: From<CallError>>(
        self,
        mut stream: impl Stream<Item = Result<T, E>> + Unpin,
    ) -> impl Iterator<Item = Result<T, E>> {
        let mut is_over = false;
        iter::from_fn(move || {
            if is_over {
                return None;
            }
            let next = self.value(stream.next()).unwrap_or_else(|error| {
                is_over = true;
                Some(Err(error.into()))
            });
            is_over |= next.is_none();
            next
        })
    }

    /// Does what needs a runtime around it, and no waiting.
    pub(super) fn enter<T>(&self, function: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.enter();
        function()
    }

    /// Waits if this thread may and has the time to; otherwise it is done without it.
    pub(super) fn wait_or_spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if may_wait() && !std::thread::panicking() {
            // Where there is no runtime any more, there is nothing to be done either.
            drop(self.block_on(future));
        } else {
            self.runtime.spawn(future);
        }
    }

    /// Waits, but no longer than the runtime lasts: nothing would happen any more, and nobody be told.
    fn block_on<F: IntoFuture>(&self, future: F) -> Result<F::Output, CallError> {
        if self.is_shared() {
            return Ok(self.runtime.block_on(async { future.await }));
        }
        let mut end = self.end();
        let ended = Err(CallError::Disconnected { ran: Ran::Maybe });
        if end.0.is_finished() {
            return ended;
        }
        self.runtime.block_on(async {
            tokio::select! {
                // Timers of a runtime that has ended panic when they are polled.
                biased;
                _ = &mut end.0 => ended,
                value = async { future.await } => Ok(value),
            }
        })
    }

    /// Whether there is no runtime any more.
    pub(super) fn has_ended(&self) -> bool {
        !self.is_shared() && self.end().0.is_finished()
    }

    fn end(&self) -> End {
        End(self.runtime.spawn(std::future::pending()))
    }

    /// Whether the runtime lasts as long as the process.
    fn is_shared(&self) -> bool {
        let shared = SHARED.get().and_then(|runtime| runtime.as_ref().ok());
        shared.is_some_and(|runtime| runtime.handle().id() == self.runtime.id())
    }
}

/// The runtime of all nodes that threads have opened.
static SHARED: OnceLock<io::Result<Runtime>> = OnceLock::new();

/// A task that does nothing, and so ends with its runtime.
struct End(JoinHandle<()>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn check() -> Result<(), CallError> {
    if may_wait() { Ok(()) } else { Err(CallError::WouldBlock) }
}

/// Methods that wait for those of the same names of what is `inside`.
macro_rules! waits {
    ($type:literal at $path:literal: $(fn $name:ident $arguments:tt -> $ok:ty;)+) => {
        $($crate::api::blocking::bridge::waits! { @one [$type, $path] $name $arguments $ok })+
    };
    (@one [$type:literal, $path:literal] $name:ident (&self $(, $argument:ident: $kind:ty)*) $ok:ty) => {
        #[doc = concat!("Waits for [`", $type, "::", stringify!($name), "`](", $path, "::", stringify!($name), ").")]
        ///
        /// # Errors
        /// As there, and [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
        pub fn $name(&self $(, $argument: $kind)*) -> Result<$ok> {
            self.bridge.wait(self.inside.$name($($argument),*))
        }
    };
    (@one [$type:literal, $path:literal] $name:ident (&mut self $(, $argument:ident: $kind:ty)*) $ok:ty) => {
        #[doc = concat!("Waits for [`", $type, "::", stringify!($name), "`](", $path, "::", stringify!($name), ").")]
        ///
        /// # Errors
        /// As there, and [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
        pub fn $name(&mut self $(, $argument: $kind)*) -> Result<$ok> {
            self.bridge.wait(self.inside.$name($($argument),*))
        }
    };
}
pub(crate) use waits;
