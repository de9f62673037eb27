//! Other ways in than tokens, and the way out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daffi::{Controller, Stream, callback, callbacks};
use futures::{StreamExt, stream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ED25519};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{HANGS_AFTER, Process, Ran, daffi, run};

/// A controller that was started so, and how to reach it on this machine.
fn start(directory: &Path, listen: &str, say: impl FnOnce(&mut Command)) -> (Process, String) {
    let mut command = daffi();
    command.args(["controller", "--listen", listen, "--data-dir"]).arg(directory.join("state"));
    say(&mut command);
    let mut controller = Process::start(&mut command);
    controller.line();
    let url = controller.line().replace("listening   ", "").replace("0.0.0.0", "127.0.0.1");
    (controller, url)
}

/// Who is there, asked by somebody with a state directory of their own.
fn nodes(directory: &Path, url: &str, say: impl FnOnce(&mut Command)) -> Ran {
    let mut command = daffi();
    command.args(["nodes", "--url", url, "--data-dir"]).arg(directory.join("other"));
    say(&mut command);
    run(&mut command)
}

#[test]
fn a_secret_in_the_environment_lets_in() {
    let directory = TempDir::new().unwrap();
    let secret = |command: &mut Command| {
        command.env("DAFFI_SECRET", "0123456789abcdef0123456789abcdef");
    };
    let (_controller, url) = start(directory.path(), "quic://127.0.0.1:0", secret);

    nodes(directory.path(), &url, secret).ok();
    let without = nodes(directory.path(), &url, |_| ());
    let short = nodes(directory.path(), &url, |command| {
        command.env("DAFFI_SECRET", "hunter2");
    });

    assert_eq!(without.exit, 77, "{without:?}");
    assert_eq!(short.exit, 78, "{short:?}");
    assert!(short.err.contains("128 bits") && !short.err.contains("hunter2"), "{short:?}");
}

#[test]
fn whoever_asks_for_no_security_says_so_on_both_sides() {
    let directory = TempDir::new().unwrap();
    let (controller, url) = start(directory.path(), "quic://0.0.0.0:0", |command| {
        command.arg("--insecure");
    });

    nodes(directory.path(), &url, |command| {
        command.env("DAFFI_INSECURE", "1");
    })
    .ok();
    let without = nodes(directory.path(), &url, |_| ());

    assert_eq!(without.exit, 77, "{without:?}");
    controller.signal(Signal::TERM);
    let ran = controller.finish();
    assert!(ran.err.contains("--insecure"), "it says so: {ran:?}");
}

/// An authority, and files that it vouches for.
struct Company {
    directory: TempDir,
    key: KeyPair,
}

impl Company {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), key: KeyPair::generate_for(&PKCS_ED25519).unwrap() }
    }

    fn authority() -> CertificateParams {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
    }

    /// Has a command show that it is `name`.
    fn vouch<'a>(&self, name: &str, command: &'a mut Command) -> &'a mut Command {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let leaf = CertificateParams::new([name.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(Self::authority(), &self.key)).unwrap();
        let authority = Self::authority().self_signed(&self.key).unwrap();
        command
            .arg("--tls-cert")
            .arg(self.write(&format!("{name}.crt"), "CERTIFICATE", leaf.der()))
            .arg("--tls-key")
            .arg(self.write(&format!("{name}.key"), "PRIVATE KEY", &key.serialize_der()))
            .arg("--tls-ca")
            .arg(self.write("ca.crt", "CERTIFICATE", authority.der()))
    }

    fn write(&self, file: &str, kind: &str, der: &[u8]) -> PathBuf {
        let path = self.directory.path().join(file);
        let text = STANDARD.encode(der);
        fs::write(&path, format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[test]
fn certificates_of_ones_own_authority_let_in_and_those_of_others_do_not() {
    let (directory, company, other) = (TempDir::new().unwrap(), Company::new(), Company::new());
    let (_controller, url) = start(directory.path(), "quic://127.0.0.1:0", |command| {
        company.vouch("daffi", command);
    });

    nodes(directory.path(), &url, |command| {
        company.vouch("node-1", command);
    })
    .ok();
    let foreign = nodes(directory.path(), &url, |command| {
        other.vouch("node-1", command);
    });
    let half = nodes(directory.path(), &url, |command| {
        command.args(["--tls-cert", "x"]);
    });

    assert_eq!(foreign.exit, 77, "{foreign:?}");
    assert_eq!(half.exit, 2, "{half:?}");
    assert!(half.err.contains("go together"), "{half:?}");
}

/// A controller in this process that never gives a broken link up, so that whoever is gone has said goodbye.
struct Patient {
    controller: Controller,
    directory: TempDir,
    runtime: Runtime,
}

impl Patient {
    fn start() -> Self {
        let (directory, runtime) = (TempDir::new().unwrap(), Runtime::new().unwrap());
        let bind = Controller::bind("quic://127.0.0.1:0").data_dir(directory.path()).grace(HOUR);
        let controller = runtime.block_on(bind.into_future()).unwrap();
        Self { controller, directory, runtime }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daffi();
        command.args(arguments).args(["--url", &self.controller.url(), "--data-dir"]);
        command.arg(self.directory.path());
        command
    }

    /// Waits until a counter is what it should be.
    fn until(&self, counter: &str, value: u64) {
        let begun = Instant::now();
        while self.controller.stats()[counter] != value {
            assert!(begun.elapsed() < HANGS_AFTER, "{counter}: {:?}", self.controller.stats());
            std::thread::yield_now();
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[callback(name = "access.stuck")]
async fn stuck() -> impl Stream<Item = u64> {
    stream::iter([1]).chain(stream::pending())
}

#[test]
fn a_command_over_quic_says_goodbye() {
    let patient = Patient::start();

    run(&mut patient.command(&["nodes"])).ok();
    patient.until("sessions", 0);
    assert_eq!(run(&mut patient.command(&["call", "nobody"])).exit, 4);

    patient.until("sessions", 0);
}

#[test]
fn a_command_over_quic_that_is_interrupted_or_told_to_end_cancels_its_call() {
    let patient = Patient::start();
    let url = patient.controller.url();
    let callee = daffi::connect(&url).name("callee").registry(callbacks![stuck]);
    let callee = callee.data_dir(patient.directory.path());
    let _callee = patient.runtime.block_on(callee.into_future()).unwrap();

    for (signal, exit) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut reading = Process::start(&mut patient.command(&["call", "access.stuck"]));
        assert_eq!(reading.line(), "1");
        patient.until("flows_sending", 1);
        reading.signal(signal);
        assert_eq!(reading.finish().exit, exit);

        patient.until("flows_sending", 0);
        patient.until("calls_in_flight", 0);
        patient.until("sessions", 1);
    }
}

#[test]
fn a_key_that_is_none_is_not_blamed_on_the_address() {
    let directory = TempDir::new().unwrap();
    let state = directory.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(state.join("mesh.key"), "junk").unwrap();
    fs::set_permissions(state.join("mesh.key"), fs::Permissions::from_mode(0o600)).unwrap();

    let ran = run(daffi().args(["controller", "--listen", "quic://127.0.0.1:0", "--data-dir"]).arg(&state));

    assert_ne!(ran.exit, 0, "{ran:?}");
    assert!(ran.err.contains("mesh.key") && ran.err.contains("it holds no key"), "{ran:?}");
    assert!(!ran.err.contains("--listen away"), "{ran:?}");
}
