use daffi::callback;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Result(u8);

#[callback]
fn measure() -> Result {
    Result(7)
}

fn main() {}
