#[callback]
impl Orders {
    /// Takes an order.
    #[callback(timeout = "1.5s", concurrency = 4, on_cancel = "finish")]
    pub async fn place(&self, ctx: &Context, item: String, quantity: u32) -> Result<u64, String> {
        self.take(ctx.caller(), item, quantity)
    }

    #[cfg(feature = "versions")]
    pub fn version() -> String {
        VERSION.into()
    }

    pub(crate) fn copy(&self) -> Self {
        self.clone()
    }

    #[local]
    pub fn not_remote(&self) {}

    fn private(&self) {}

    const LIMIT: usize = 7;
}
