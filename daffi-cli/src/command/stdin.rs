//! Stdin, read where it may be waited for: an interrupt ends the wait.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, OnceLock};

use futures::Stream;
use rmpv::Value;
use tokio::sync::mpsc;

use crate::values;

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

/// The lines, each a JSON value of type `ty`, as they come; empty ones are passed over. A line that is none is the last,
/// and is told of in `wrong`, too.
pub(crate) fn items(
    ty: &str,
    wrong: Arc<OnceLock<String>>,
) -> impl Stream<Item = Result<Value, String>> + use<> {
    let ty = ty.to_owned();
    let (lines_in, lines_out) = mpsc::channel(LINES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        for (at, line) in io::stdin().lock().lines().enumerate() {
            let item = match line {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => values::item(&line, &ty),
                Err(error) => Err(error.to_string()),
            };
            let item = item.map_err(|why| {
                let why = format!("line {} of stdin: {why}", at + 1);
                wrong.get_or_init(|| why).clone()
            });
            let is_last = item.is_err();
            // Nobody takes them any more once the call is over.
            if lines_in.blocking_send(item).is_err() || is_last {
                break;
            }
        }
    });
    futures::stream::unfold(lines_out, async |mut lines| Some((lines.recv().await?, lines)))
}

/// Lines that were read and not sent: a few, so that reading and sending go on side by side.
const LINES_WAITING_MAX: usize = 64;

async fn read(with: impl FnOnce(&mut String) -> io::Result<usize> + Send + 'static) -> io::Result<String> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        with(&mut text).map(|_| text)
    });
    reading.await.map_err(io::Error::other)?
}
