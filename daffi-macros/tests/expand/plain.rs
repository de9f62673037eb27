#[callback]
/// Add 2 numbers and return sum
fn add(a: i64, b: i64) -> i64 {
    a + b
}
