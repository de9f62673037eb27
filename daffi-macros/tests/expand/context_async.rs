#[callback(name = "who.waits")]
pub async fn wait(_: &daffi::Context, node: String) -> String {
    node
}
