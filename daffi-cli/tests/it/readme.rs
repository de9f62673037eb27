//! The shell commands of the README, as they stand there.

use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::support::run;

const README: &str = include_str!("../../../README.md");

/// The block of shell commands in which `word` stands.
fn block(word: &str) -> String {
    let blocks = README.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.map(str::to_owned).find(|block| block.contains(word)).expect("the README has such a block")
}

#[test]
fn the_commands_of_the_readme_work_as_they_stand() {
    // Typed by hand, there is time between two lines; here the callback is waited for.
    let wait = "until daffi callbacks | grep -q disk_free; do :; done\n";
    let served = "-- df -h '{path}' &\n";
    let commands = block("daffi controller &");
    assert!(commands.contains(served));
    let commands = commands.replace(served, &format!("{served}{wait}"));
    let script = format!("set -euo pipefail\n{commands}kill $(jobs -p)\nwait\n");
    let home = tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_daffi")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());

    let ran = run(Command::new("bash")
        .args(["-c", &script])
        .env("PATH", path)
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("DAFFI_URL"));

    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Filesystem"), "{}", ran.out);
    assert!(ran.out.contains("disk_free(path: String) -> String"), "{}", ran.out);
}
