use daffi::{Node, callback, remote};

struct Both;

#[callback]
impl Both {
    pub fn count(&self) -> u64 {
        7
    }
}

#[remote]
trait Counts {
    fn counted(&self) -> u64;
}

#[callback]
impl Counts for Both {
    fn counted(&self) -> u64 {
        7
    }
}

async fn wrong(node: Node) {
    node.register(Both).await.unwrap().keep();
}

fn main() {}
