//! Values as words of the command line and as lines of stdin.

use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use rmpv::Value;
use serde_json::Value as Json;

use super::stdin;
use crate::report::{End, Problem};
use crate::values;

/// A key and its value.
pub(crate) type Pair = (Value, Value);

/// A word as a value: JSON if it parses, else text.
pub(crate) fn value(word: &str) -> Value {
    serde_json::from_str(word).map_or_else(|_| word.into(), values::from_json)
}

/// `KEY=VALUE`, each a [`value`]; a quoted key, or one that is a list or an object, may have `=` in it.
///
/// # Errors
/// What is missing.
pub(crate) fn pair(word: &str) -> Result<Pair, String> {
    let mut json = serde_json::Deserializer::from_str(word).into_iter::<Json>();
    if word.starts_with(['"', '[', '{'])
        && let Some(Ok(key)) = json.next()
        && let Some(text) = word[json.byte_offset()..].trim_start().strip_prefix('=')
    {
        return Ok((values::from_json(key), value(text)));
    }
    match word.split_once('=') {
        Some((key, text)) => Ok((value(key), value(text))),
        None => Err(format!("`{word}` is not KEY=VALUE")),
    }
}

/// A line of stdin as a pair: an object with `key` and `value`.
fn pair_of_line(line: &str) -> Result<Pair, String> {
    let json: Json = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    match (json.get("key"), json.get("value")) {
        (Some(key), Some(value)) => Ok((values::from_json(key.clone()), values::from_json(value.clone()))),
        _ => Err("not an object with `key` and `value`".to_owned()),
    }
}

/// The words as values, all at once; without any, the lines of stdin, as many at a time as are there.
///
/// # Errors
/// If stdin is a terminal: nothing was given.
pub(crate) fn batches(words: &[String]) -> Result<Batches<Value>, End> {
    if words.is_empty() {
        return of_stdin(|line| Ok(value(line)), |value| values::encode(value).len());
    }
    Ok(stream::iter([Ok(words.iter().map(|word| value(word)).collect())]).boxed())
}

/// The same for pairs.
///
/// # Errors
/// As [`batches`], and if a word is no pair.
pub(crate) fn pair_batches(words: &[String]) -> Result<Batches<Pair>, End> {
    if words.is_empty() {
        let bytes = |(key, value): &Pair| values::encode(key).len() + values::encode(value).len();
        return of_stdin(pair_of_line, bytes);
    }
    let pairs: Result<Vec<Pair>, String> = words.iter().map(|word| pair(word)).collect();
    match pairs {
        Ok(pairs) => Ok(stream::iter([Ok(pairs)]).boxed()),
        Err(why) => Err(Problem::usage(why).help("write it as in: users ann=41 'bob={\"age\":29}'").into()),
    }
}

/// What is sent at a time, and what ends it.
pub(crate) type Batches<T> = BoxStream<'static, Result<Vec<T>, End>>;

fn of_stdin<T: Send + 'static>(
    read: impl Fn(&str) -> Result<T, String> + Send + 'static,
    bytes: impl Fn(&T) -> usize + Send + 'static,
) -> Result<Batches<T>, End> {
    if io::stdin().is_terminal() {
        return Err(Problem::usage("nothing is given, and stdin is a terminal").into());
    }
    let lines = stdin::lines(read, Arc::new(OnceLock::new()));
    Ok(batched(lines, bytes).boxed())
}

/// What is there at once goes together, up to [`BATCH_BYTES_MAX`]; before what is wrong comes what was right.
fn batched<T: Send + 'static>(
    items: impl Stream<Item = Result<T, String>> + Send + 'static,
    bytes: impl Fn(&T) -> usize + Send + 'static,
) -> impl Stream<Item = Result<Vec<T>, End>> + Send {
    items.ready_chunks(BATCH_ITEMS_MAX).flat_map(move |chunk| {
        let (mut batches, mut batch, mut room) = (Vec::new(), Vec::new(), BATCH_BYTES_MAX);
        for item in chunk {
            match item {
                Ok(item) => {
                    let bytes = bytes(&item);
                    if bytes > room && !batch.is_empty() {
                        batches.push(Ok(std::mem::take(&mut batch)));
                        room = BATCH_BYTES_MAX;
                    }
                    room = room.saturating_sub(bytes);
                    batch.push(item);
                }
                Err(why) => {
                    batches.push(Ok(std::mem::take(&mut batch)));
                    batches.push(Err(Problem::usage(why).into()));
                }
            }
        }
        batches.push(Ok(batch));
        batches.retain(|batch| !batch.as_ref().is_ok_and(Vec::is_empty));
        stream::iter(batches)
    })
}

/// Values that are sent together: enough that the way there and back does not count.
const BATCH_ITEMS_MAX: usize = 1_000;
/// Their bytes: a quarter of what a call carries, so that the rest of it has room.
const BATCH_BYTES_MAX: usize = daffi_core::config::BODY_BYTES_MAX / 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_json_if_it_parses_and_else_a_text() {
        assert_eq!(value("5"), Value::from(5));
        assert_eq!(value("5.0"), Value::F64(5.0));
        assert_eq!(value("\"5\""), Value::from("5"));
        assert_eq!(value("10.0.0.7"), Value::from("10.0.0.7"));
        assert_eq!(value(""), Value::from(""));
        assert_eq!(value("null"), Value::Nil);
    }

    #[test]
    fn a_pair_ends_its_key_at_the_first_equals_sign_that_is_not_quoted() {
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(pair(r#""a=b"=5"#), Ok(("a=b".into(), 5.into())));
        assert_eq!(pair("1="), Ok((1.into(), "".into())));
        assert_eq!(pair(r#"[1,"="]={}"#), Ok((Value::Array(vec![1.into(), "=".into()]), Value::Map(vec![]))));
        assert_eq!(pair("[=5"), Ok(("[".into(), 5.into())));
        assert!(pair("ann").unwrap_err().contains("KEY=VALUE"));
    }

    #[tokio::test]
    async fn values_are_sent_in_parts_that_a_call_carries_and_before_what_is_wrong() {
        let items = [Ok(3), Ok(2 * BATCH_BYTES_MAX), Ok(4), Ok(5), Err("no".to_owned())];

        let parts: Vec<_> = batched(stream::iter(items), |bytes| *bytes).collect().await;

        let good: Vec<&Vec<usize>> = parts.iter().filter_map(|part| part.as_ref().ok()).collect();
        assert_eq!(good, [&vec![3], &vec![2 * BATCH_BYTES_MAX], &vec![4, 5]]);
        assert!(matches!(parts.last(), Some(Err(End::Problem(_)))));
    }
}
