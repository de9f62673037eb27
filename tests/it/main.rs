//! What daffi does, through its public interface.

#![expect(clippy::unwrap_used, reason = "tests")]

mod blocking;
mod broadcast;
mod calls;
mod children;
mod classes;
mod context;
mod each;
mod edges;
mod embedded;
mod errors;
mod failures;
mod faults;
mod hostile;
mod interrupted;
mod jobs;
mod large;
mod macros;
mod middleware;
mod offers;
mod options;
mod period;
mod presence;
mod proxy;
mod retry;
mod rogue;
mod security;
mod serving;
mod streams;
mod strict;
mod support;
mod testing;
mod tidy;
mod tracing;
