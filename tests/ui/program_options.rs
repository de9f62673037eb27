use daffi::Node;

#[daffi::main(nam = "proc1", name = "proc 1", listen = "unix:///tmp/a.sock", connect = "unix:///tmp/b.sock")]
async fn main(node: Node) -> daffi::Result<()> {
    let _ = node;
    Ok(())
}
