use std::cell::Cell;

use daffi::callback;

struct Orders {
    seen: Cell<u64>,
}

#[callback]
impl Orders {
    pub fn count(&self) -> u64 {
        self.seen.get()
    }
}

fn main() {}
