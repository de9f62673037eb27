use std::rc::Rc;

use daffi::callback;

#[callback]
async fn stays() -> u64 {
    let shared = Rc::new(7);
    std::future::ready(()).await;
    *shared
}

struct Orders;

#[callback]
impl Orders {
    pub async fn stays(&self) -> u64 {
        let shared = Rc::new(7);
        std::future::ready(()).await;
        *shared
    }
}

fn main() {}
