//! The `daffi` command from the outside: processes, their output and their exit codes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod archives;
mod arguments;
mod bench;
mod broadcasting;
mod broadcasts;
mod caches;
mod controller;
mod datatypes;
mod errors;
mod exits;
mod fake;
mod fifo;
mod holds;
mod ids;
mod jobs;
mod listings;
mod modes;
mod namesakes;
mod queues;
mod readme;
mod schedules;
mod scripts;
mod sequences;
mod serve;
mod sketches;
mod spaces;
mod streams;
mod support;
mod tokens;
mod typed;
