use daffi::{RedlockGuard, synchronize};

#[synchronize]
fn without_a_key() {}

#[synchronize(key = "")]
fn empty() {}

#[synchronize(key = "a", kye = "b", timeout = 5)]
fn misspelt() {}

#[synchronize(key = "a", blocking = false, timeout = "5s")]
fn contradicts_itself() {}

#[synchronize(key = "a", renew = "never")]
fn neither_true_nor_false() {}

#[synchronize(key = "a")]
const fn constant() -> u8 {
    1
}

#[synchronize(key = "a")]
fn unnamed() -> impl Iterator<Item = u8> {
    std::iter::empty()
}

#[synchronize(key = "a")]
fn two_guards(_: &RedlockGuard, _: &mut RedlockGuard) {}

#[synchronize(key = "a")]
fn without_a_body();

#[synchronize(key = "a")]
struct Nothing;

#[synchronize(key = "a")]
fn cannot_fail_so() -> Result<u8, String> {
    Ok(1)
}

fn main() {}
