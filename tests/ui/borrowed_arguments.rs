use daffi::callback;

struct Order;

#[callback]
fn greet(name: &str) -> String {
    name.into()
}

#[callback]
fn sum(values: &[u64], scale: &mut f64, at: Option<&std::path::Path>) -> f64 {
    *scale = at.map_or(0.0, |_| 1.0);
    values.len() as f64 * *scale
}

#[callback]
fn place(order: &Order, log: &dyn std::fmt::Debug) {
    let _ = (order, log);
}

#[callback]
fn length(text: std::borrow::Cow<'_, str>) -> usize {
    text.len()
}

fn main() {}
