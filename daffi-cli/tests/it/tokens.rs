//! Tokens from the shell: who may join over QUIC, and that no secret is seen anywhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Process, Ran, daffi, run};

/// A controller on loopback with a state directory of its own.
struct Mesh {
    controller: Process,
    url: String,
    directory: TempDir,
}

impl Mesh {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = daffi();
        command.args(["controller", "--listen", "quic://127.0.0.1:0", "-vv", "--data-dir"]);
        let mut controller = Process::start(command.arg(directory.path().join("state")));
        controller.line();
        let url = controller.line().replace("listening   ", "");
        Self { controller, url, directory }
    }

    /// The command of the controller's own user.
    fn own(&self, args: &[&str]) -> Ran {
        let mut command = self.command(args);
        run(command.args(["--url", &self.url, "--data-dir"]).arg(self.directory.path().join("state")))
    }

    /// The command of somebody who has nothing but this file, which also says where to go.
    fn holder(&self, file: &Path, args: &[&str]) -> Ran {
        run(self.command(args).arg("--join-file").arg(file))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = daffi();
        command.args(args).current_dir(self.directory.path());
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[test]
fn a_token_is_made_used_shown_and_revoked_and_its_secret_is_seen_nowhere() {
    let mesh = Mesh::start();

    let made = mesh.own(&["token", "new", "web", "--call", "shop.*", "--expires", "30d"]);

    assert_eq!(made.out, "wrote web.join: whoever has it may call shop.*\n");
    let file = mesh.file("web.join");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let join = fs::read_to_string(&file).unwrap();
    let secret = join.split(['.', '@']).nth(2).unwrap().to_owned();
    assert_eq!(secret.len(), 86);

    let mut seen = vec![made];
    let nodes = mesh.holder(&file, &["nodes", "-vv"]);
    assert_eq!(nodes.exit, 0, "{}", nodes.err);
    let denied = mesh.holder(&file, &["call", "bank.pay"]);
    assert_eq!(denied.exit, 77, "{}", denied.err);
    assert!(denied.err.contains("may not call `bank.pay`"), "{}", denied.err);
    let listed = mesh.own(&["token", "ls", "--output", "table"]);
    assert!(listed.out.contains("web"), "{} {}", listed.out, listed.err);
    let inspected = mesh.holder(&file, &["token", "inspect"]);
    assert!(inspected.out.contains(&mesh.url), "{} {}", inspected.out, inspected.err);
    let revoked = mesh.own(&["token", "revoke", "web"]);
    assert!(revoked.out.starts_with("revoked web"), "{} {}", revoked.out, revoked.err);
    let again = mesh.holder(&file, &["nodes"]);
    assert_eq!(again.exit, 77, "{}", again.err);
    assert!(again.err.contains("was revoked"), "{}", again.err);
    let twice = mesh.own(&["token", "revoke", "web"]);
    assert_eq!(twice.exit, 1, "{}", twice.err);
    seen.extend([nodes, denied, listed, inspected, revoked, again, twice]);

    mesh.controller.signal(rustix::process::Signal::TERM);
    seen.push(mesh.controller.finish());
    for ran in seen {
        assert!(!ran.out.contains(&secret) && !ran.err.contains(&secret), "{} {}", ran.out, ran.err);
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten_and_no_token_is_made_for_it() {
    let mesh = Mesh::start();
    fs::write(mesh.file("web.join"), "mine").unwrap();

    let refused = mesh.own(&["token", "new", "web", "--call", "*"]);

    assert_eq!(refused.exit, 1, "{}", refused.err);
    assert!(refused.err.contains("--out FILE"), "{}", refused.err);
    assert_eq!(fs::read_to_string(mesh.file("web.join")).unwrap(), "mine");
    assert_eq!(mesh.own(&["token", "ls"]).ok(), "");
}

#[test]
fn a_token_that_may_do_nothing_is_a_mistake() {
    let mesh = Mesh::start();

    let refused = mesh.own(&["token", "new", "web"]);

    assert_eq!(refused.exit, 2, "{}", refused.err);
    assert!(refused.err.contains("--call"), "{}", refused.err);
    assert!(!mesh.file("web.join").exists());
}

#[test]
fn the_first_start_on_a_public_address_shows_the_file_and_not_what_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = daffi();
    command
        .args(["controller", "--listen", "quic://0.0.0.0:0", "--data-dir"])
        .arg(directory.path().join("state"));
    let mut controller = Process::start(&mut command);
    let lines: Vec<String> = (0..5).map(|_| controller.line()).collect();

    let path = lines[4].strip_prefix("join file   ").and_then(|line| line.split(':').next()).unwrap();
    let join = fs::read_to_string(path).unwrap();
    let secret = join.split(['.', '@']).nth(2).unwrap();

    let nodes = run(daffi().args(["nodes", "--join-file", path]));
    assert_eq!(nodes.exit, 0, "{}", nodes.err);
    controller.signal(rustix::process::Signal::TERM);
    let ran = controller.finish();
    assert!(!lines.concat().contains(secret) && !ran.out.contains(secret) && !ran.err.contains(secret));
}

#[test]
fn a_public_address_without_anything_to_show_is_a_mistake_in_the_configuration() {
    let refused = run(daffi().args(["nodes", "--url", "quic://192.0.2.1:9"]));

    assert_eq!(refused.exit, 78, "{}", refused.err);
    assert!(refused.err.contains("DAFFI_JOIN_FILE"), "{}", refused.err);
}
