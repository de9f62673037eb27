//! Every decoder over every input that is kept, and over inputs a little different from those: what libFuzzer runs
//! for long (`.ci/fuzz`), run shortly wherever the tests run.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a library of its own where libFuzzer runs it")]
mod fuzz;

use fuzz::{TARGETS, Target};

/// Inputs that are made of each one that is kept. By hand, say, `DAFFI_MUTANTS=100000`.
const MUTANTS: usize = 60;

fn mutants() -> usize {
    std::env::var("DAFFI_MUTANTS").map_or(MUTANTS, |count| count.parse().expect("DAFFI_MUTANTS is a number"))
}

fn kept(target: &Target) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name);
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let mut inputs: Vec<Vec<u8>> =
        files.iter().map(|path| fs::read(path).expect("a readable file")).collect();
    inputs.extend((target.seeds)());
    inputs
}

/// Runs one input; an input that makes it panic is printed, to be kept.
fn run(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("{} panicked over {hex}", target.name);
        std::panic::resume_unwind(panic);
    }
}

/// `input` with a few bytes changed, dropped or repeated, or its end cut off.
fn mutant(random: &mut fastrand::Rng, input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=bytes.len());
        match random.u8(..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.u8(..)),
            2 => bytes.extend_from_within(at..),
            // Lengths, markers and counts break at their ends.
            3 if at < bytes.len() => {
                bytes[at] = random.choice([0, 1, 0x7f, 0x80, 0xc1, 0xdd, 0xff]).unwrap_or(0)
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            _ => {}
        }
    }
    bytes
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    let inputs = kept(target);
    assert!(!inputs.is_empty(), "{name} has inputs");

    // The seed is fixed: what fails here fails everywhere, and chance is libFuzzer's business.
    let mut random = fastrand::Rng::with_seed(7);
    for input in &inputs {
        run(target, input);
        for _ in 0..mutants() {
            run(target, &mutant(&mut random, input));
        }
    }
}

#[test]
fn frames_of_any_bytes_are_taken_or_refused() {
    replay("frames");
}

#[test]
fn control_messages_of_any_bytes_are_taken_or_refused() {
    replay("messages");
}

#[test]
fn arguments_of_any_bytes_are_taken_or_refused() {
    replay("walk");
}

#[test]
fn bodies_of_any_bytes_are_taken_or_refused() {
    replay("bodies");
}

#[test]
fn streams_of_any_items_are_taken_or_refused() {
    replay("items");
}

#[test]
fn join_strings_of_any_text_are_taken_or_refused() {
    replay("joins");
}

#[test]
fn a_controller_survives_whatever_its_nodes_send() {
    replay("controller");
}

#[test]
fn every_target_is_replayed_and_fuzzed() {
    let script =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/fuzz")).expect("the script");
    let source = include_str!("main.rs");

    for target in TARGETS {
        assert!(source.contains(&format!("replay(\"{}\")", target.name)), "{} is not replayed", target.name);
        assert!(script.contains(target.name), "{} is not fuzzed", target.name);
    }
}
