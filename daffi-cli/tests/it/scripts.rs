//! The examples for the shell run to their end.

use std::process::Command;

use crate::support::{run, scripts};

#[test]
fn every_script_runs_to_its_end() {
    let mut command = Command::new("bash");
    command.arg(scripts().join("run-all")).env("DAFFI", env!("CARGO_BIN_EXE_daffi"));

    let ran = run(&mut command);

    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("all scripts ran to their end\n"), "{}", ran.out);
}
