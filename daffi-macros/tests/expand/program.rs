#[daffi::main(name = "proc1", listen = "unix:///tmp/daffi.sock")]
async fn main(node: Node) -> daffi::Result<()> {
    node.stop().await
}
