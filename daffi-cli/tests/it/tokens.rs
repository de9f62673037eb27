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
fn what_cannot_name_a_token_or_its_file_or_a_host_is_refused_before_there_is_a_token() {
    let mesh = Mesh::start();
    let refused = [
        (&["", "--out", "x.join"][..], "cannot name a token"),
        (&["../web"][..], "--out FILE"),
        (&["web", "--host", "nowhere"][..], "the port is missing"),
        (&["web", "--host", "here:0"][..], "its port is not 0"),
    ];

    for (arguments, why) in refused {
        let ran = mesh.own(&[&["token", "new", "--call", "*"], arguments].concat());
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
    }
    assert_eq!(mesh.own(&["token", "ls"]).ok(), "");
}

#[test]
fn whoever_asks_the_controller_in_vain_is_told_why() {
    let mesh = Mesh::start();
    let all =
        ["token", "new", "web", "--admin", "--call", "*", "--serve", "*", "--read", "*", "--write", "*"];
    let made = mesh.own(&all);
    assert_eq!(made.ok(), "wrote web.join: whoever has it may do everything\n");

    let taken = mesh.own(&[&all[..], &["--out", "other.join"]].concat());
    assert_eq!(taken.exit, 2, "{taken:?}");
    assert!(taken.err.contains("the controller refuses: there is a token `web` already"), "{taken:?}");
    assert!(!mesh.file("other.join").exists());

    mesh.own(&["token", "new", "modest", "--call", "*"]).ok();
    let denied = mesh.holder(&mesh.file("modest.join"), &["token", "ls"]);
    assert_eq!(denied.exit, 77, "{denied:?}");
    let told = denied.err.lines().next().unwrap();
    assert!(told.starts_with("error[D0403]: not allowed: token `modest` ("), "{denied:?}");
    assert!(told.ends_with(") may not administer `daffi.token.ls`"), "{denied:?}");
}

#[test]
fn the_end_of_a_token_is_told_in_days_and_that_of_a_revoked_one_is_past() {
    let mesh = Mesh::start();
    mesh.own(&["token", "new", "web", "--call", "*", "--expires", "30d"]).ok();

    let live = mesh.own(&["token", "ls", "--output", "table"]).ok();
    mesh.own(&["token", "revoke", "web"]).ok();
    let revoked = mesh.own(&["token", "ls", "--output", "table"]).ok();

    assert!(live.contains("live") && live.contains("in 29 d 23 h"), "{live}");
    assert!(revoked.contains("revoked") && !revoked.contains(" d 23 h"), "{revoked}");
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

#[test]
fn who_finds_nothing_is_not_told_of_names_that_its_token_may_not_read() {
    let mesh = Mesh::start();
    mesh.own(&["set", "add", "plans", "x"]).ok();
    mesh.own(&["hash", "set", "users", "a=1"]).ok();
    mesh.own(&["token", "new", "reader", "--read", "hash/*", "--read", "queue/*"]).ok();
    let said = |name| mesh.holder(&mesh.file("reader.join"), &["queue", "peek", name]).err;

    assert_eq!(said("users"), "nothing is in the queue `users`\nnote: there is a hash `users`\n");
    assert_eq!(said("plans"), "nothing is in the queue `plans`\n");
}
