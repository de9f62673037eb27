//! A mesh of real processes in a directory of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A command that has not ended by then hangs; no test waits for this to pass.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(60);

/// The command, with nothing of the surroundings that could change what it does.
pub(crate) fn daffi() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daffi"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DAFFI_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { exit: code(output.status), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed, if it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.exit, 0, "{self:?}");
        self.out
    }

    /// The line of JSON that it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The lines of JSON that it printed.
    #[track_caller]
    pub(crate) fn jsons(&self) -> Vec<Json> {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        self.out.lines().map(line).collect()
    }
}

/// The exit code as a shell shows it.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    finish(child)
}

#[track_caller]
fn finish(child: Child) -> Ran {
    let pid = child.id();
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    match ended.recv_timeout(HANGS_AFTER) {
        Ok(output) => Ran::of(output.unwrap()),
        Err(_) => {
            send(pid, Signal::KILL);
            panic!("it hangs: {:?}", ended.recv().unwrap());
        }
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// A process that goes on beside the test, and is killed with it.
pub(crate) struct Process {
    child: Option<Child>,
    out: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child: Some(child), out }
    }

    /// The next line that it prints.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        if self.out.read_line(&mut line).unwrap() == 0 {
            let mut err = String::new();
            self.child.as_mut().unwrap().stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("it ended: {err}");
        }
        line.trim_end().to_owned()
    }

    /// The next line that it says on stderr. Whatever else it says there is lost.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.as_mut().unwrap().stderr.take().unwrap()).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.child.as_ref().unwrap().id(), signal);
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ran {
        let child = self.child.take().unwrap();
        let mut ran = finish(child);
        self.out.read_to_string(&mut ran.out).unwrap();
        ran
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A controller and the nodes that serve commands.
pub(crate) struct Mesh {
    served: Vec<Process>,
    controller: Option<Process>,
    pub(crate) url: String,
    directory: TempDir,
}

impl Mesh {
    /// Starts a controller, and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a controller with these options, and waits until it listens.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("unix://{}", directory.path().join("controller.sock").display());
        let mut controller = Process::start(daffi().args(["controller", "--listen", &url]).args(options));
        assert_eq!(controller.line(), concat!("daffi ", env!("CARGO_PKG_VERSION")));
        assert_eq!(controller.line(), format!("listening   {url}"));
        assert_eq!(controller.line(), "data        in memory only");
        Self { served: Vec::new(), controller: Some(controller), url, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command in this mesh, before its arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daffi();
        command.env("DAFFI_URL", &self.url).args(arguments);
        command
    }

    /// Runs the command in this mesh.
    #[track_caller]
    pub(crate) fn daffi(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Runs the command with something on stdin.
    #[track_caller]
    pub(crate) fn daffi_with(&self, stdin: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        finish(child)
    }

    /// Starts the command in this mesh and goes on.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Process {
        Process::start(&mut self.command(arguments))
    }

    /// Serves a command as a callback, and waits until it is offered.
    #[track_caller]
    pub(crate) fn serve(&mut self, node: &str, name: &str, command: &[&str]) {
        let mut arguments = vec!["serve", name, "--node", node, "--"];
        arguments.extend(command);
        let mut process = self.begin(&arguments);
        let line = process.line();
        assert!(
            line.starts_with(&format!("serving {name}(")) && line.ends_with(&format!(" as {node}")),
            "{line}"
        );
        self.served.push(process);
    }

    /// The node that was started as the `at`-th.
    pub(crate) fn take_served(&mut self, at: usize) -> Process {
        self.served.remove(at)
    }

    /// The controller, to do something to it.
    pub(crate) fn take_controller(&mut self) -> Process {
        self.controller.take().unwrap()
    }
}

/// Where the scripts are.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/scripts")
}
