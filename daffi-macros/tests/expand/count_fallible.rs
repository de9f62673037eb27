#[count(topic = "orders", when = "before")]
async fn place(&self, item: String) -> Result<u64, Refused> {
    if item.is_empty() {
        return Err(Refused);
    }
    self.take(item).await
}
