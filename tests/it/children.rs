//! Other processes: this test binary starts itself again, in a role.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use daffi::{Context, Controller, callback, callbacks};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::sync::mpsc;

use crate::offers::{add, place, watch};
use crate::support::HOUR;

const ROLE: &str = "DAFFI_TEST_ROLE";
const NAME: &str = "DAFFI_TEST_NAME";
const URL: &str = "DAFFI_TEST_URL";
/// What stands before the lines that are meant for the parent.
const MARK: &str = "@child ";

/// A child process. It is killed when this is dropped, and ends by itself when this process does.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Child {
    /// Starts a child in a role, and waits until it is ready.
    pub(crate) async fn start(role: &str, name: &str, url: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["children::role", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(NAME, name)
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines_in, lines) = mpsc::unbounded_channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The test harness may have written to the same line.
                if let Some((_, line)) = line.split_once(MARK)
                    && lines_in.send(line.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let mut child = Self { process, lines };
        child.wait_for("ready").await;
        child
    }

    /// Waits until the child says this.
    pub(crate) async fn wait_for(&mut self, expected: &str) {
        loop {
            let line = self.lines.recv().await;
            let line = line.unwrap_or_else(|| panic!("the child has ended without saying `{expected}`"));
            if line == expected {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// The most memory that it has had so far.
    pub(crate) fn peak_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
        kib << 10
    }

    /// Kills it, as by `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.process.wait().unwrap();
    }

    /// Freezes it. The signal alone lets its threads go on for a moment.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let child = Some(Pid::from_child(&self.process));
        let (_, status) = waitpid(child, WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    /// Lets a frozen one go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Tells the parent something.
fn say(what: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n{MARK}{what}").unwrap();
    output.flush().unwrap();
}

/// Says that it has started, and never returns.
#[callback(name = "it.never")]
pub(crate) async fn never(ctx: &Context) -> u64 {
    say("started");
    ctx.cancelled().await;
    say("cancelled");
    std::future::pending().await
}

/// Not a test, but what the children do.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (name, url) = (std::env::var(NAME).unwrap(), std::env::var(URL).unwrap());
    std::thread::spawn(|| {
        // Its end is that of the parent.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match role.as_str() {
            "controller" => {
                let _controller = Controller::bind(&url).await.unwrap();
                say("ready");
                std::future::pending::<()>().await;
            }
            "callee" => {
                let node = daffi::connect(&url).name(name).registry(callbacks![add, place, never]);
                let node = node.await.unwrap();
                say("ready");
                node.join().await.unwrap();
            }
            // Its name is that of the probe to watch.
            "caller" => {
                let node = daffi::connect(&url).name("doomed").registry(Vec::new()).await.unwrap();
                say("ready");
                watch::call(&node, name).timeout(HOUR).await.unwrap();
            }
            other => panic!("no role `{other}`"),
        }
    });
}
