#[daffi::callback]
async fn sum(start: u64, items: daffi::Incoming<u64>) -> Result<u64, String> {
    add(start, items).await
}
