#[callback]
fn divide(a: f64, b: f64) -> Result<f64, String> {
    if b == 0.0 { Err("nothing divides by zero".into()) } else { Ok(a / b) }
}
