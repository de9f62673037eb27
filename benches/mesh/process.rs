//! Children that are this program again, their CPU, and their CPU time.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, thread};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Deserialize, Serialize};

use crate::task::{Peer, Task};

/// The processes beside the caller.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) hub: u32,
    pub(crate) callee: u32,
}

/// A child of this program that plays one role. Ends when it is dropped, or when this program ends.
#[derive(Debug)]
pub(crate) struct Role {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
}

impl Role {
    pub(crate) fn start(name: &'static str, peer: &Peer, task: &Task) -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(["--role", name, &peer.key(), &serde_json::to_string(task)?])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { name, child, lines })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that the child prints.
    pub(crate) fn line(&self, wait: Duration) -> io::Result<String> {
        self.lines.recv_timeout(wait).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                io::Error::other(format!("no word from the {} in {wait:?}", self.name))
            }
            RecvTimeoutError::Disconnected => io::Error::other(format!("the {} has failed", self.name)),
        })
    }

    /// Waits until the child says that it is [`ready`].
    pub(crate) fn wait_ready(&self) -> io::Result<()> {
        self.line(READY_WAIT_MAX).map(drop)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // Both fail only if the child has ended by itself, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Keeps this process, and the threads it will start, on one CPU.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// Lets this process end when `parent` does, however that ends.
pub(crate) fn end_with(parent: u32) -> io::Result<()> {
    // A thread that waits for a pipe to close would do as well, but a second thread makes every system call
    // dearer: the kernel then counts references to the socket.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    match getppid() {
        Some(pid) if pid.as_raw_nonzero().get().unsigned_abs() == parent => Ok(()),
        _ => Err(io::Error::other("the parent has ended already")),
    }
}

/// Tells the parent that this child does its work.
pub(crate) fn ready() -> io::Result<()> {
    say("ready")
}

/// Sends the parent a line.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// The time that all threads of a process have spent on a CPU.
pub(crate) fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
        total += Duration::from_nanos(nanoseconds.ok_or_else(|| io::Error::other("no figure in schedstat"))?);
    }
    Ok(total)
}

/// A child that is not ready by then has failed.
const READY_WAIT_MAX: Duration = Duration::from_secs(10);
