#[remote]
fn double(items: Incoming<u64>, times: u32) -> impl Stream<Item = u64>;
