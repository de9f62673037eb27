#[remote(prefix = "shop")]
/// What a shop does.
pub trait Shop: Send {
    /// Takes an order.
    async fn place(&self, item: String, quantity: u32) -> Result<u64, String>;

    #[remote(name = "is_open", idempotent)]
    fn open(&self, ctx: &Context) -> bool;

    fn ticks(&self, n: u64) -> impl Stream<Item = u64>;

    async fn close(&self) {
        self.closing().await
    }

    #[local]
    async fn closing(&self);

    #[local]
    fn each(&self, see: impl Fn(u64));

    #[local]
    fn is_like(&self, other: &Self) -> bool;
}
