use daffi::callback;

struct Orders;

impl Orders {
    #[callback]
    fn place(&self, item: String) -> usize {
        item.len()
    }
}

fn main() {}
