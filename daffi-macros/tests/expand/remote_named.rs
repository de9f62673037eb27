#[remote(name = "orders.place")]
async fn place(item: String, quantity: u32) -> Result<u64, String>;
