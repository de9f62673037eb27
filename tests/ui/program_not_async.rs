use daffi::Node;

#[daffi::main(name = "proc1")]
fn main(node: Node) {
    let _ = node;
}
