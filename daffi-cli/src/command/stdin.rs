//! Stdin, read where it may be waited for: an interrupt ends the wait.

use std::io::{self, Read};

/// Everything up to its end.
///
/// # Errors
/// As the operating system's `read`, or if it is not UTF-8.
pub(crate) async fn all() -> io::Result<String> {
    read(|text| io::stdin().lock().read_to_string(text)).await
}

/// One line.
///
/// # Errors
/// As [`all`].
pub(crate) async fn line() -> io::Result<String> {
    read(|text| io::stdin().read_line(text)).await
}

async fn read(with: impl FnOnce(&mut String) -> io::Result<usize> + Send + 'static) -> io::Result<String> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        with(&mut text).map(|_| text)
    });
    reading.await.map_err(io::Error::other)?
}
