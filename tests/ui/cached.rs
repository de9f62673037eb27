use daffi::cached;

#[cached(tll = "1h")]
fn misspelt() {}

#[cached(key = "")]
fn empty() {}

#[cached(ttl = 5)]
fn without_a_unit() {}

#[cached(ttl = "0s")]
fn no_time() {}

#[cached(sliding)]
fn nothing_slides() {}

#[cached]
const fn constant() -> u8 {
    1
}

#[cached]
fn generic<T>(of: T) -> u8 {
    drop(of);
    1
}

#[cached]
fn impl_trait(of: impl Sized) -> u8 {
    drop(of);
    1
}

#[cached]
fn changes(of: &mut u8) {
    *of += 1;
}

#[cached]
fn takes_apart((a, b): (u8, u8)) -> u8 {
    a + b
}

#[cached]
fn method(&self) -> u8 {
    1
}

#[cached]
fn unnamed() -> impl Iterator<Item = u8> {
    std::iter::empty()
}

#[cached]
fn without_a_body();

#[cached]
struct Nothing;

#[daffi::callback]
#[cached]
fn upside_down() -> u8 {
    1
}

struct Opaque;

#[cached]
fn cannot_be_a_key(of: Opaque) -> u8 {
    drop(of);
    1
}

#[cached]
fn cannot_be_kept() -> Opaque {
    Opaque
}

fn main() {}
