//! A type whose methods others call, and a trait that is all that both sides share.
#![expect(clippy::print_stdout, reason = "that is what the example does")]
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use daffi::prelude::*;

#[derive(Default)]
struct Orders {
    seen: AtomicU64,
}

#[callback]
impl Orders {
    /// Takes an order, returns its number.
    pub async fn place(&self, ctx: &Context, item: String, quantity: u32) -> Result<u64, String> {
        if quantity == 0 {
            return Err(format!("{} asked for no {item}", ctx.caller())); // the caller gets `CallError::Remote`
        }
        Ok(self.next_number())
    }

    /// No `self`: it can be called before there is an instance.
    pub fn version() -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    #[local]
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed) // for this process alone, as what has no `pub` is
    }

    fn next_number(&self) -> u64 {
        self.seen.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// In a crate that two programs share: one serves it, the other calls it.
#[remote]
trait Stock {
    /// How much there is then.
    async fn add(&self, item: String, quantity: u32) -> u32;

    #[remote(idempotent)]
    fn items(&self) -> Vec<String>;
}

#[derive(Default)]
struct Shelf(Mutex<BTreeMap<String, u32>>);

#[callback]
impl Stock for Shelf {
    #[callback(timeout = "5s", concurrency = 4)]
    async fn add(&self, item: String, quantity: u32) -> u32 {
        let mut shelf = self.0.lock().expect("nobody panics with it");
        *shelf.entry(item).and_modify(|there| *there += quantity).or_insert(quantity)
    }

    fn items(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").keys().cloned().collect()
    }
}

#[daffi::main(name = "shop", listen = "memory://class")]
async fn main(node: Node) -> daffi::Result<()> {
    let orders = node.remote::<Orders>(); // a typed client, in this process or any other
    println!("version {}", orders.version().await?);

    let ours = Arc::new(Orders::default());
    let registration = node.register(Arc::clone(&ours)).await?;
    println!("a second instance: {}", node.register(Orders::default()).await.expect_err("there is one"));
    println!("order {}", orders.place("tea".into(), 2).timeout(secs(1)).await?);
    println!("no order: {}", orders.place("tea".into(), 0).await.expect_err("nothing is no order"));
    println!("{} orders", ours.seen());
    drop(registration);
    println!("closed: {}", orders.place("tea".into(), 1).await.expect_err("the shop is closed"));

    node.register(Shelf::default()).await?.keep();
    let stock = node.remote::<dyn Stock>();
    println!("{} tea, {} tea", stock.add("tea".into(), 2).await?, stock.add("tea".into(), 3).await?);
    println!("on the shelf: {:?}", stock.items().await?);
    Ok(())
}
