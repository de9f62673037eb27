//! The node of whoever does not say which: that of the callback that is running, or the process's default.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Node, Phase, Shared};

thread_local! {
    static HERE: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

static DEFAULT: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// While it lives, what runs on this thread runs for a node.
pub(super) struct Here(Option<Arc<Shared>>);

impl Here {
    pub(super) fn enter(shared: &Arc<Shared>) -> Self {
        Self(HERE.replace(Some(Arc::clone(shared))))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let inner = HERE.replace(self.0.take());
        // Not before the cell is free again: it may be the last.
        drop(inner);
    }
}

/// `future`, which runs for a node.
pub(super) async fn run_here<F: Future>(shared: Arc<Shared>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _here = Here::enter(&shared);
        future.as_mut().poll(cx)
    })
    .await
}

impl Node {
    /// The node that the callback runs on that asks, or else the process's [default](Self::make_default), or none: what
    /// attributes such as `#[count]` use, which are given no node.
    ///
    /// Tasks and threads that a callback starts are no part of it. Where there is a [`Context`](crate::callback::Context),
    /// its own [`node`](crate::callback::Context::node) also knows how much time the callback has.
    pub fn current() -> Option<Self> {
        let default = || {
            let default = DEFAULT.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
            default.filter(|shared| shared.phase() != Phase::Ended)
        };
        let shared = HERE.with_borrow(Clone::clone).or_else(default);
        shared.map(|shared| shared.handle(None))
    }

    /// Makes this the process's default node, in the place of the one before, as `#[daffi::main]` does with its own. It is
    /// used by what is given no node, and ends with its last handle all the same.
    pub fn make_default(&self) {
        *DEFAULT.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&self.shared);
    }
}
