use daffi::{callback, remote};

#[remote]
trait Shop {
    fn open(&self) -> bool;

    #[local]
    fn hours(&self) -> u32;
}

struct Corner;

#[callback]
impl Shop for Corner {
    #[callback(timeout = "5s")]
    fn open(&self) -> bool {
        self.hours() > 0
    }

    #[callback(concurrency = 4)]
    fn hours(&self) -> u32 {
        7
    }
}

fn main() {}
