use daffi::Node;

#[daffi::main]
async fn main(node: &Node, other: Node) -> daffi::Result<()> {
    let _ = (node, other);
    Ok(())
}
