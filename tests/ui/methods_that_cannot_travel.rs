use daffi::callback;

struct Order;

#[derive(Default)]
struct Orders;

#[callback]
impl Orders {
    pub fn place(&self, order: Order) -> u64 {
        let _ = order;
        7
    }

    pub fn boxed(&self) -> Box<dyn std::error::Error> {
        "no".into()
    }

    pub fn twin(&self) -> Self {
        Self
    }
}

fn main() {}
