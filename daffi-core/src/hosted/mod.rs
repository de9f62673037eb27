//! Hosted objects: plain values that the controller keeps under a name, and changes one command at a time.
//!
//! [`Hosted`] is what a type says of itself, [`Store`] all objects; `command` is what can be done to them, `turn`
//! what a method may know and do, `canonical` makes equal keys equal bytes, `order` says which of two values comes first.
//! Nothing here waits, reads a clock, or knows any particular type.

mod args;
pub mod canonical;
mod command;
mod kind;
pub mod order;
mod others;
mod store;
mod turn;
mod value;

pub use args::Args;
pub use command::{Asker, Command, Condition, Denial, Invocation, MethodId, Outcome};
pub use kind::{
    Access, Hosted, Inventory, Line, Method, MethodEntry, Methods, ObjectKind, Refusal, Run, Stop, kinds,
    put_value,
};
pub use others::Others;
pub use store::{After, Change, LoadError, ObjectEntry, ObjectId, Snapshot, Store, put_chosen};
pub use turn::{Effects, Message, SessionId, Time, Turn};
pub use value::{Key, Value};
