use daffi::{callback, remote};

trait Local {
    fn one(&self);
}

struct Server;

#[callback]
impl Local for Server {
    fn one(&self) {}
}

#[remote]
trait Shop {
    async fn place(&self, item: String) -> u64;
}

struct Corner(std::rc::Rc<u8>);

#[callback]
impl Shop for Corner {
    async fn place(&self, item: String) -> u64 {
        item.len() as u64
    }
}

fn main() {}
