//! Named pipes: how a served command and a test wait for each other.

use std::cell::OnceCell;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::support::{HANGS_AFTER, Mesh};

/// A named pipe that both sides can open without waiting for the other.
pub(crate) struct Fifo {
    path: PathBuf,
    file: File,
    /// What commands have written; given to a thread once somebody wants to read.
    lines: OnceCell<Receiver<String>>,
}

impl Fifo {
    pub(crate) fn new(mesh: &Mesh, name: &str) -> Self {
        let path = mesh.path(name);
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        // For reading and writing: so opening it does not wait, and it has no end while this is held.
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        Self { path, file, lines: OnceCell::new() }
    }

    pub(crate) fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Waits for a line that a command writes.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.get_or_init(|| read_lines(self.file.try_clone().unwrap()));
        lines.recv_timeout(HANGS_AFTER).expect("a command should have written a line")
    }

    /// Lets one command go on that waits for a line.
    pub(crate) fn open(&mut self) {
        self.file.write_all(b"go\n").unwrap();
    }
}

fn read_lines(file: File) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut read = BufReader::new(file).lines().map_while(Result::ok);
        // Until nobody wants to know any more.
        while read.next().is_some_and(|line| sender.send(line).is_ok()) {}
    });
    lines
}

/// A command that says that it has started, waits for a line, and prints `done`.
pub(crate) fn gated<'a>(started: &'a Fifo, gate: &'a Fifo) -> [&'a str; 6] {
    const SCRIPT: &str =
        "trap 'echo stopped > \"$1\"; exit 9' TERM; echo started > \"$1\"; read _ < \"$2\"; echo done";
    ["sh", "-c", SCRIPT, "sh", started.path(), gate.path()]
}
