#[daffi::callback]
/// Subtracts 2 numbers and returns their delta.
///
/// Never waits.
pub async fn subtract(a: i64, mut b: i64) -> i64 {
    b = -b;
    a + b
}
