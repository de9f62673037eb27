//! A controller that answers whatever a test wants, for what a real one does not do.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use daffi_core::error::CallError;
use daffi_core::wire::{Failure, Header, Kind, put_frame};
use tempfile::TempDir;

/// Listens, refuses one node, and is gone.
pub(crate) struct Refusing {
    pub(crate) url: String,
    _directory: TempDir,
}

impl Refusing {
    pub(crate) fn with(why: &CallError) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("controller.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mut frame = Vec::new();
        put_frame(&mut frame, Header::new(Kind::Refuse), &[], &Failure::from(why).encode());
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                connection.write_all(&frame).unwrap();
                // Until the node has read it and hangs up.
                connection.read_to_end(&mut Vec::new()).ok();
            }
        });
        Self { url: format!("unix://{}", path.display()), _directory: directory }
    }
}
