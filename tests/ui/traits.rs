use daffi::{callback, remote};

#[remote]
trait Shelf<T> {
    fn put(&self, value: T);
}

#[remote]
trait Shop {
    type Item;
    const LIMIT: usize;

    fn version() -> String;

    fn twin(&self) -> Self;

    fn place(&mut self, item: &str) -> u64;

    #[callback]
    fn marked(&self);

    #[remote(timeout = "5s")]
    async fn treated(&self);

    #[remote]
    #[local]
    fn neither(&self);
}

#[remote]
unsafe trait Trusted {
    fn one(&self);
}

#[remote]
trait Empty {}

#[remote]
trait Bank {
    fn pay(&self, amount: i64);
}

#[remote]
trait Copied: std::fmt::Debug + Clone + Sync {
    fn one(&self);
}

struct Teller;

#[callback(prefix = "teller")]
impl Bank for Teller {
    #[callback(name = "paid", idempotent)]
    fn pay(&self, amount: i64) {
        let _ = amount;
    }
}

fn main() {}
