use std::task::Poll;

use daffi::callback;
use daffi::hosted::Turn;

struct Board;

#[callback(hosted = "Board Of Notes")]
impl Board {
    pub fn pin(&mut self, note: String) -> u64 {
        note.len() as u64
    }
}

struct Waits;

#[callback(hosted = "waits", timeout = "5s")]
impl Waits {
    pub async fn slowly(&mut self) {}

    pub fn new() -> Self {
        Self
    }

    pub fn take(self) {}

    #[callback(shrink)]
    pub fn look(&self) {}

    #[callback(line = 1)]
    pub fn at_once(&mut self) {}

    #[callback(line = 300)]
    pub fn in_line(&mut self) -> Poll<u64> {
        Poll::Pending
    }

    #[callback(line_of = "nobody")]
    pub fn in_each(&mut self, of: u64) -> Poll<u64> {
        Poll::Ready(of)
    }

    #[callback(line_of = "of")]
    pub fn in_none(&mut self, of: u64) -> u64 {
        of
    }

    pub fn inside_out(&mut self) -> Result<Poll<u64>, String> {
        Ok(Poll::Pending)
    }

    #[callback(concurrency = 4)]
    pub fn borrowed(&mut self, _: &[u8], turn: &mut Turn<'_>) {
        let _ = turn;
    }
}

trait Anything {
    fn anything(&self);
}

#[callback(hosted = "anything")]
impl Anything for Board {
    fn anything(&self) {}
}

struct Empty;

#[callback(hosted = "empty")]
impl Empty {
    fn private(&self) {}
}

fn main() {
    Empty.private();
}
