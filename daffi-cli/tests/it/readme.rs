//! The shell commands of the README, as they stand there.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::support::{Ran, run};

const README: &str = include_str!("../../../README.md");

/// The block of shell commands in which `word` stands.
fn block(word: &str) -> String {
    let blocks = README.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.map(str::to_owned).find(|block| block.contains(word)).expect("the README has such a block")
}

/// Runs commands on one machine, by somebody who has a default socket.
fn typed(commands: &str) -> Ran {
    let script = format!("set -euo pipefail\n{commands}kill $(jobs -p)\nwait\n");
    let home = tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_daffi")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    run(Command::new("bash")
        .args(["-c", &script])
        .env("PATH", path)
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("DAFFI_URL"))
}

#[test]
fn the_commands_of_the_readme_for_what_nodes_share_work_as_they_stand() {
    let ran = typed(&block("daffi hash set"));

    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("{\"age\":29}\nhello\nworld\nfence "), "{}", ran.out);
    assert!(ran.out.contains("\"object\":{\"city\":\"Oslo\",\"views\":3}"), "{}", ran.out);
    // The counters, the hash, the space, and whatever is left of a queue and a lock that are empty: nothing.
    assert!(ran.out.contains("\n3\n"), "{}", ran.out);
}

#[test]
fn the_commands_of_the_readme_work_as_they_stand() {
    // Typed by hand, there is time between two lines; here the callback is waited for.
    let wait = "until daffi callbacks | grep -q disk_free; do :; done\n";
    let served = "-- df -h '{path}' &\n";
    let commands = block("daffi controller &");
    assert!(commands.contains(served));
    let commands = commands.replace(served, &format!("{served}{wait}"));

    let ran = typed(&commands);

    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Filesystem"), "{}", ran.out);
    assert!(ran.out.contains("disk_free(path: String) -> String"), "{}", ran.out);
}

#[test]
fn the_commands_of_the_readme_that_cross_machines_work_as_they_stand() {
    let home = tempdir().unwrap();
    let port = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let listen = block("--listen quic://").replace("8888", &port.to_string());
    let commands = block("daffi token new").replace(
        "daffi token new",
        "until [ -f ~/.local/state/daffi/join-first ]; do :; done\n\
         daffi serve shop.buy -- echo bought '{what}' &\n\
         until daffi callbacks | grep -q shop.buy; do :; done\n\
         daffi token new",
    );
    let listen = listen.trim_end();
    let script = format!("set -euo pipefail\n{listen} &\n{commands}kill $(jobs -p)\nwait\n");
    let programs = Path::new(env!("CARGO_BIN_EXE_daffi")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());

    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DAFFI_")) {
        bash.env_remove(name);
    }
    bash.args(["-c", &script]).env("PATH", path).env("HOME", home.path()).current_dir(home.path());
    let ran = run(bash.env_remove("XDG_STATE_HOME"));

    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("wrote web.join: whoever has it may call shop.*"), "{}", ran.out);
    assert!(ran.out.contains("bought apple"), "{}", ran.out);
    assert!(ran.out.contains("revoked web"), "{}", ran.out);
}
