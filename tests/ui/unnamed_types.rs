use daffi::callback;

#[callback]
fn takes(values: impl Iterator<Item = u8>) -> u64 {
    values.count() as u64
}

#[callback]
fn gives() -> impl Iterator<Item = u8> {
    std::iter::empty()
}

fn main() {}
