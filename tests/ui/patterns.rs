use daffi::callback;

#[callback]
fn distance((x, y): (f64, f64), _: f64) -> f64 {
    x.hypot(y)
}

fn main() {}
