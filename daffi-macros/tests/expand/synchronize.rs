#[synchronize(key = "printer")]
/// Prints a page.
pub fn print(page: u32) -> String {
    format!("page {page}")
}
