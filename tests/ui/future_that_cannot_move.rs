use std::rc::Rc;

use daffi::callback;

#[callback]
async fn stays() -> u64 {
    let shared = Rc::new(7);
    std::future::ready(()).await;
    *shared
}

fn main() {}
