//! What most programs need: `use daffi::prelude::*`.

pub use crate::{
    Call, CallError, Connect, Context, Controller, Error, Job, Node, Presence, Ran, Registry, Replies,
    Schedule, Space, args, cached, callback, callbacks, count, local, millis, remote, secs, synchronize,
};
pub use futures::{StreamExt, TryStreamExt};
