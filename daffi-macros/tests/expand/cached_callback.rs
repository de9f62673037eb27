#[cached]
#[callback(name = "sizes.of")]
#[cfg(feature = "sizes")]
fn size(path: String) -> Result<u64, std::io::Error> {
    Ok(std::fs::metadata(path)?.len())
}
