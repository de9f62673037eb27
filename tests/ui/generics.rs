use daffi::callback;

#[callback]
fn largest<T: Ord, const N: usize>(values: [T; N]) -> Option<T> {
    values.into_iter().max()
}

#[callback]
fn first<'a>(text: String) -> String {
    text
}

fn main() {}
