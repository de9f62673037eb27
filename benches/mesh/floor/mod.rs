//! The least that a call through a third process costs over UNIX sockets: no names, no deadlines, no checks.
//!
//! Whoever reads takes a whole buffer, acts on all its frames, and writes once to each destination.

mod callee;
mod caller;
pub(crate) mod frame;
pub(crate) mod poller;
mod relay;

use crate::item::Over;
use crate::task::Peer;

pub(crate) const PEER: Peer =
    Peer { name: "floor", over: Over::Unix, hub: relay::run, callee: callee::run, caller: caller::run };
