#[count(topic = "orders")]
/// Takes an order.
pub fn place(item: &str, quantity: u32) -> String {
    format!("{quantity} {item}")
}
