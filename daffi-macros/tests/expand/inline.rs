#[callback(name = "status", inline)]
async fn now() -> u64 {
    7
}
