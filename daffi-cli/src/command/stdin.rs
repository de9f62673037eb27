//! Stdin, read where it may be waited for: an interrupt ends the wait.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, OnceLock};

use daffi_core::config::BODY_BYTES_MAX;
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
    lines(move |line| values::item(line, &ty), wrong)
}

/// What `read` makes of the lines, as they come; empty ones are passed over. A line that it refuses is the last, and is
/// told of in `wrong`, too.
pub(crate) fn lines<T: Send + 'static>(
    read: impl Fn(&str) -> Result<T, String> + Send + 'static,
    wrong: Arc<OnceLock<String>>,
) -> impl Stream<Item = Result<T, String>> {
    let (lines_in, lines_out) = mpsc::channel(LINES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let (mut stdin, mut bytes) = (io::stdin().lock(), Vec::new());
        for at in 0.. {
            let item = match next_line(&mut stdin, &mut bytes, LINE_BYTES_MAX) {
                Ok(None) => break,
                Ok(Some(line)) if line.trim().is_empty() => continue,
                Ok(Some(line)) => read(line),
                Err(why) => Err(why),
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

/// The next line of `most` bytes at most, without what ends it; `None` if there is none.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn next_line<'a>(
    input: &mut impl BufRead,
    bytes: &'a mut Vec<u8>,
    most: usize,
) -> Result<Option<&'a str>, String> {
    bytes.clear();
    let read =
        input.by_ref().take(most as u64 + 1).read_until(b'\n', bytes).map_err(|error| error.to_string())?;
    if read > most {
        return Err(format!("it has more than {most} bytes, and none needs as many"));
    }
    if read == 0 {
        return Ok(None);
    }
    let line = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Some(line.trim_end_matches(['\n', '\r'])))
}

/// The longest line of stdin, in bytes: the largest item with each of its letters written as `\u0000`.
const LINE_BYTES_MAX: usize = 6 * BODY_BYTES_MAX + 3;

/// Lines that were read and not sent: a few, so that reading and sending go on side by side.
const LINES_WAITING_MAX: usize = 64;

async fn read(with: impl FnOnce(&mut String) -> io::Result<usize> + Send + 'static) -> io::Result<String> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        with(&mut text).map(|_| text)
    });
    reading.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_newline_or_the_input() {
        let (mut input, mut bytes) = (&b"one\r\n\ntwo"[..], Vec::new());

        let mut next =
            || next_line(&mut input, &mut bytes, LINE_BYTES_MAX).map(|line| line.map(str::to_owned));

        assert_eq!(next(), Ok(Some("one".to_owned())));
        assert_eq!(next(), Ok(Some(String::new())));
        assert_eq!(next(), Ok(Some("two".to_owned())));
        assert_eq!(next(), Ok(None));
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let (mut input, mut bytes) = (io::BufReader::new(io::repeat(b'x')), Vec::new());

        let refused = next_line(&mut input, &mut bytes, LINE_BYTES_MAX).unwrap_err();

        assert!(refused.contains("more than 25165827 bytes"), "{refused}");
        assert_eq!(bytes.len(), LINE_BYTES_MAX + 1);
    }

    #[test]
    fn what_is_not_utf_8_is_no_line() {
        assert_eq!(
            next_line(&mut &b"\xff\n"[..], &mut Vec::new(), LINE_BYTES_MAX),
            Err("it is not UTF-8".to_owned())
        );
    }
}
