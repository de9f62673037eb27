#[remote]
/// Add 2 numbers and return sum
pub fn func3(a: i64, b: i64) -> i64;
