//! What is fuzzed: one function for each kind of bytes that a peer sends, and seeds to begin with.
//!
//! The functions take any bytes and must not panic. libFuzzer runs them (`.ci/fuzz`), and so does a test of the
//! library (`tests/hostile`), which names this file as a module of its own.

pub mod bodies;
pub mod controller;
pub mod frames;
pub mod items;
pub mod joins;
pub mod messages;
mod sample;
mod script;
pub mod walk;

use std::path::Path;

/// A kind of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its binary and of its directory of inputs.
    pub name: &'static str,
    /// Takes any bytes; what it finds wrong is a panic.
    pub run: fn(&[u8]),
    /// Inputs that reach far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "frames", run: frames::run, seeds: frames::seeds },
    Target { name: "messages", run: messages::run, seeds: messages::seeds },
    Target { name: "walk", run: walk::run, seeds: walk::seeds },
    Target { name: "bodies", run: bodies::run, seeds: bodies::seeds },
    Target { name: "items", run: items::run, seeds: items::seeds },
    Target { name: "joins", run: joins::run, seeds: joins::seeds },
    Target { name: "controller", run: controller::run, seeds: controller::seeds },
];

/// Writes the seeds of a target into the directory that `DAFFI_FUZZ_SEEDS` names, before libFuzzer reads it.
///
/// # Panics
/// If they cannot be written: fuzzing without them would be for nothing.
pub fn plant(name: &str) {
    let Some(directory) = std::env::var_os("DAFFI_FUZZ_SEEDS") else { return };
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    for (at, seed) in (target.seeds)().iter().enumerate() {
        let path = Path::new(&directory).join(format!("seed-{at:02}"));
        std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
