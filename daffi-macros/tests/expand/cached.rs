#[cached(key = "prices", ttl = "90s", sliding)]
/// What it costs.
pub async fn price(mut item: &str, quantity: u32) -> u64 {
    item = item.trim();
    ask(item).await * u64::from(quantity)
}
