use daffi::callback;

#[callback]
fn motto() -> &'static str {
    "calls, not messages"
}

#[callback]
fn checked() -> Result<Vec<&'static str>, &'static str> {
    Err("an error may borrow: its text is what travels")
}

fn main() {}
