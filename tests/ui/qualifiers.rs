use daffi::callback;

#[callback]
unsafe fn trusted() {}

#[callback]
extern "C" fn foreign(a: i64) -> i64 {
    a
}

#[callback]
const fn constant() -> i64 {
    7
}

fn main() {}
