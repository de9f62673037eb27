use daffi::{callback, remote};

#[callback]
struct Order;

#[callback]
const LIMIT: usize = 7;

#[remote]
enum Choice {}

fn main() {}
