use daffi::{Node, callback, callbacks};

struct Unannotated;

struct Functions;

#[callback]
impl Functions {
    pub fn version() -> u64 {
        7
    }
}

struct Methods;

#[callback]
impl Methods {
    pub fn count(&self) -> u64 {
        7
    }
}

async fn wrong(node: Node) {
    let _ = node.register(Unannotated).await;
    let _ = node.register(Functions).await;
    let _ = callbacks![Methods];
    let _ = node.remote::<Unannotated>();
    let _ = node.remote::<Methods>().count(7).await;
    node.remote::<Methods>().count();
    node.register(Methods).await.unwrap();
}

fn main() {}
