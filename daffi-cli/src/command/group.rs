//! A command that was started here, and all that it started itself.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A command in a group of its own and all that it started; killed unless it was left in peace.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// That of a child that was started as the first of its group.
    pub(crate) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Sends all of them a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(id) = self.0 {
            // An error means that all of them have ended.
            kill_process_group(id, signal).ok();
        }
    }

    /// The command has ended; what it left running on purpose goes on.
    pub(crate) fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
