use daffi::count;

#[count(topik = "orders")]
fn misspelt() {}

#[count(topic = "")]
fn empty() {}

#[count(when = "during")]
fn during() {}

#[count]
const fn constant() -> u8 {
    1
}

#[count]
fn unnamed() -> impl Iterator<Item = u8> {
    std::iter::empty()
}

#[count]
fn without_a_body();

#[count]
struct Nothing;

#[count]
fn cannot_fail_so() -> Result<u8, String> {
    Ok(1)
}

fn main() {}
