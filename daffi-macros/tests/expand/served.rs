#[callback]
impl contracts::Shop for Corner {
    #[callback(timeout = "1m", blocking)]
    async fn place(&self, item: String, quantity: u32) -> Result<u64, String> {
        self.store(item, quantity)
    }

    fn open(&self, ctx: &Context) -> bool {
        true
    }
}
