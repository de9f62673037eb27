//! Callbacks: what a process offers, from the annotated function to the bytes of its result.
//!
//! [`Callback`] is one function with its signature; [`Registry`] is what a node offers. `arguments` encodes what
//! callers give, `check` refuses it early, `invoke` decodes, calls and encodes, `context` is what a callback
//! may ask about its call, `stream` the items that a call may bring and a result may be, `wrap`
//! what may stand around all of it.

mod arguments;
mod check;
mod context;
mod instance;
pub mod invoke;
mod panic;
mod registry;
pub mod stream;
mod thread;
mod wrap;

pub use arguments::{Args, Arguments, Parameters, Wire};
pub use check::{check, gives_stream, stream_parameter, type_fits};
pub use context::{Context, Reach, Start};
pub use instance::{Chosen, Contract, Offer, Serves, Shareable, declares};
pub use invoke::{Fault, Outcome};
pub use panic::{Panicked, catch, catch_future};
pub use registry::{
    Callback, Declaration, Declared, Inventory, OnCancel, Options, Registry, Run, RunBlocking, RunFlowing,
};
pub use stream::{Feed, Flow, Incoming, Sink, Source};
pub use thread::{may_wait, plainly};
pub(crate) use wrap::{AnyWrap, Wraps};
pub use wrap::{Next, Serving, Wrap, Wrapped};
