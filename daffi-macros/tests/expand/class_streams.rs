#[daffi::callback(prefix = "")]
impl shop::Ticker {
    #[daffi::callback(name = "ticks", idempotent)]
    pub fn since(&self, n: u64) -> impl Stream<Item = u64> {
        self.all(n)
    }

    pub async fn fill(&self, items: Incoming<u64>) -> usize {
        items.count().await
    }
}
