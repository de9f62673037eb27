use daffi::callback;

struct Silent;

#[callback]
fn fails() -> Result<(), Silent> {
    Err(Silent)
}

fn main() {}
