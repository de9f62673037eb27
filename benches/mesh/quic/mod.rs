//! The least that a call through a third process costs over QUIC: one long-lived stream for each connection, and no
//! names, no deadlines, no checks.

mod callee;
mod caller;
mod link;
mod relay;

use std::future::Future;
use std::io;

use tokio::runtime;

use crate::item::Over;
use crate::task::Peer;

pub(crate) const PEER: Peer = Peer {
    name: "floor",
    over: Over::Quic,
    hub: |task| run(relay::run(task)),
    callee: |task| run(callee::run(task)),
    caller: |task| run(caller::run(task)),
};

fn run<T>(role: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(role)
}
