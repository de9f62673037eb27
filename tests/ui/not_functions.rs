use daffi::{callback, remote};

#[callback]
struct Order;

impl Order {}

#[callback]
impl Order {
    fn id(&self) -> u64 {
        7
    }
}

#[callback]
const LIMIT: usize = 7;

#[remote]
enum Choice {}

fn main() {}
