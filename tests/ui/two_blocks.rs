use daffi::callback;

struct Orders;

#[callback]
impl Orders {
    pub fn one(&self) {}
}

#[callback]
impl Orders {
    pub fn two(&self) {}
}

fn main() {}
