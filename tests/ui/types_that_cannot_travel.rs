use daffi::callback;

struct Order {
    id: u64,
}

struct Receipt;

#[callback]
fn place(order: Order) -> u64 {
    order.id
}

#[callback]
async fn pay(amount: u64) -> Result<Receipt, String> {
    Err(format!("{amount} is too much"))
}

fn main() {}
