#[callback]
/// Counts.
pub async fn numbers(n: u64) -> impl Stream<Item = u64> + use<> {
    stream::iter(0..n)
}
