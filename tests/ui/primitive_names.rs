use daffi::callback;

mod numbers {
    #[daffi::callback]
    pub fn u64(text: String) -> usize {
        text.len()
    }
}

#[callback]
fn bool() {}

fn main() {}
