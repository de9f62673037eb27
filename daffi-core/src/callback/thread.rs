//! Which threads may wait for what a runtime does.

use std::cell::Cell;

use tokio::runtime::Handle;

thread_local! {
    static RUNS_PLAIN: Cell<bool> = const { Cell::new(false) };
}

/// Runs a plain callback: its thread is its own for as long as it lasts, so that it may wait.
pub fn plainly<T>(function: impl FnOnce() -> T) -> T {
    struct Leave(bool);

    impl Drop for Leave {
        fn drop(&mut self) {
            RUNS_PLAIN.set(self.0);
        }
    }

    let _leave = Leave(RUNS_PLAIN.replace(true));
    function()
}

/// Whether this thread may wait without holding up a runtime. One that belongs to a runtime may not, since tokio does
/// not tell those that poll tasks from those that are there to block; only of plain callbacks it is known here.
pub fn may_wait() -> bool {
    RUNS_PLAIN.get() || Handle::try_current().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_may_not_wait_but_a_plain_callback_may() {
        assert!(!may_wait());
        assert!(plainly(may_wait));
        assert!(!may_wait(), "it has ended");

        let thread = std::thread::spawn(may_wait);
        assert!(thread.join().expect("it does not panic"));
    }
}
