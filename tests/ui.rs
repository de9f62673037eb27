//! What the macros refuse, and in which words. `TRYBUILD=overwrite cargo test --test ui` writes the words anew.

use std::process::Command;

/// Other compilers have other words around ours.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn a_mistake_is_explained() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs where cargo does");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        eprintln!("skipped: the expected texts are those of {COMPILER}x, and this is {}", version.trim());
        return;
    }

    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
