//! Panics of callbacks: caught, and known by their place.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use futures::FutureExt;

/// A callback panicked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at {at}")]
pub struct Panicked {
    /// The panic's message.
    pub message: String,
    /// File and line.
    pub at: String,
}

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A caught panic's payload has no place; only the hook sees it. The hook that was there before still runs.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string);
            PLACE.with_borrow_mut(|slot| *slot = place);
            before(panic);
        }));
    });
}

fn describe(payload: &(dyn Any + Send)) -> Panicked {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into());
    let at = PLACE.with_borrow_mut(Option::take).unwrap_or_else(|| "an unknown place".into());
    Panicked { message, at }
}

/// Runs `function`; a panic is an error.
///
/// # Errors
/// [`Panicked`] if it panicked.
pub fn catch<T>(function: impl FnOnce() -> T) -> Result<T, Panicked> {
    note_places();
    // What the callback left half done is its own affair; nothing of ours is shared with it.
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload| describe(&*payload))
}

/// Runs `future`; a panic is an error.
///
/// # Errors
/// [`Panicked`] if it panicked.
///
/// # Cancel safety
/// As `future` itself.
pub async fn catch_future<F: Future>(future: F) -> Result<F::Output, Panicked> {
    note_places();
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| describe(&*payload))
}
