use daffi::{callback, local};

struct Orders;

impl Orders {
    #[callback]
    fn place(&self, item: String) -> usize {
        item.len()
    }

    #[callback]
    fn opened() -> Self {
        Self
    }
}

#[callback]
impl Orders {
    pub fn count(&mut self) -> u64 {
        7
    }

    pub fn close(self) {}

    pub async fn shared(self: std::sync::Arc<Self>) {}

    pub fn typed(self: &Self) {}

    pub fn greet(&self, name: &str) -> String {
        name.into()
    }

    pub fn largest<T: Ord>(&self, values: Vec<T>) -> Option<T> {
        values.into_iter().max()
    }
}

struct Made(u64);

#[callback]
impl Made {
    pub fn new() -> Self {
        Self(7)
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}

struct Quiet;

#[callback]
impl Quiet {
    fn id(&self) -> u64 {
        7
    }
}

struct Loud;

#[callback]
impl Loud {
    #[callback(timeout = "5s")]
    fn private(&self) {}

    #[local]
    #[callback]
    pub fn neither(&self) {}

    #[remote(name = "both")]
    pub fn not_ours(&self) {}

    #[callback(nmae = "other", prefix = "loud")]
    pub fn misspelt(&self) {}

    #[callback(name = "misspelt")]
    pub fn same(&self) {}

    #[callback = "name"]
    pub fn no_list(&self) {}

    #[callback(name = "one")]
    #[callback(name = "other")]
    pub fn twice(&self) {}

    #[local(always)]
    pub fn kept(&self) {}
}

#[local]
fn nowhere() {}

fn main() {}
