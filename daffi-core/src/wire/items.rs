//! The items of a stream: each a length (u32, little-endian) and a value, whatever chunks they come in.

use serde::Serialize;

use super::body::{self, BodyError};
use super::walk;
use crate::config;

const LENGTH_BYTES: usize = 4;

/// Why bytes are not the items of a stream, or a value cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// An item of so many bytes is larger than [`config::BODY_BYTES_MAX`].
    #[error("an item of {0} bytes, where at most {max} are allowed", max = config::BODY_BYTES_MAX)]
    TooLarge(usize),
    /// It is not one value, nests too deep, or cannot be encoded.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The stream ended within an item.
    #[error("the stream ends within an item")]
    Cut,
}

/// Appends `value` as an item; takes all of it back on an error.
///
/// # Errors
/// [`ItemError::Body`] if it does not encode, [`ItemError::TooLarge`] if it is too large.
pub fn put_item<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), ItemError> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    let encoded = body::encode_into(out, value).map_err(ItemError::from);
    let length = out.len() - start - LENGTH_BYTES;
    let checked = if length > config::BODY_BYTES_MAX { Err(ItemError::TooLarge(length)) } else { Ok(()) };
    if let Err(error) = encoded.and(checked) {
        out.truncate(start);
        return Err(error);
    }
    out[start..start + LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

/// Splits the bytes of chunks, as they come, into items: [`push`](Self::push) the body of a chunk, then take every
/// whole item with [`next`](Self::next).
///
/// It holds one chunk and one item in progress, and allocates for no more than has come.
#[derive(Debug, Default)]
pub struct Items {
    buffer: Vec<u8>,
    taken: usize,
}

impl Items {
    /// Nothing has come.
    pub fn new() -> Self {
        Self::default()
    }

    /// The body of the next chunk came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole item, checked for its depth; `None` if the rest of it has not come.
    ///
    /// # Errors
    /// [`ItemError`] if what came is not an item; the stream cannot go on.
    #[expect(
        clippy::should_implement_trait,
        reason = "the item borrows the buffer, which an iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<&[u8]>, ItemError> {
        let rest = &self.buffer[self.taken..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        // As soon as it is known: waiting for the rest would fill the memory.
        if length > config::BODY_BYTES_MAX {
            return Err(ItemError::TooLarge(length));
        }
        let Some(item) = rest.get(..length) else { return Ok(None) };
        let end = walk::skip(item).map_err(BodyError::from)?;
        if end != length {
            return Err(BodyError(format!("{} bytes too many", length - end)).into());
        }
        let start = self.taken + LENGTH_BYTES;
        self.taken = start + length;
        Ok(Some(&self.buffer[start..self.taken]))
    }

    /// Bytes that came and were not taken. After the last whole item they are of an item in progress, which may be
    /// larger than the window of its flow: grant them at once, or the rest never comes.
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The stream ended.
    ///
    /// # Errors
    /// [`ItemError::Cut`] if an item is in progress.
    pub fn end(&self) -> Result<(), ItemError> {
        if self.waiting() == 0 { Ok(()) } else { Err(ItemError::Cut) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_item_of_too_many_bytes_is_refused_by_its_length_alone() {
        let mut items = Items::new();

        items.push(&u32::MAX.to_le_bytes());

        assert_eq!(items.next(), Err(ItemError::TooLarge(u32::MAX as usize)));
    }

    #[test]
    fn an_item_that_is_too_large_leaves_nothing_behind() {
        let mut out = vec![1, 2, 3];

        let refused = put_item(&mut out, &vec![0u8; config::BODY_BYTES_MAX]);

        assert!(matches!(refused, Err(ItemError::TooLarge(_))), "{refused:?}");
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn an_item_that_nests_too_deep_or_is_more_than_one_value_is_refused() {
        for value in [vec![0x91; 1_000], vec![1, 2], Vec::new()] {
            let mut bytes = (value.len() as u32).to_le_bytes().to_vec();
            bytes.extend_from_slice(&value);
            let mut items = Items::new();

            items.push(&bytes);

            assert!(matches!(items.next(), Err(ItemError::Body(_))), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn items_come_out_as_they_went_in_wherever_they_are_cut(
            values in proptest::collection::vec(proptest::collection::vec(any::<u16>(), 0..40), 0..20),
            cuts in proptest::collection::vec(1usize..50, 1..30),
        ) {
            let mut bytes = Vec::new();
            for value in &values {
                put_item(&mut bytes, value).expect("it encodes");
            }
            let (mut items, mut out) = (Items::new(), Vec::<Vec<u16>>::new());
            let mut rest = &bytes[..];

            for cut in cuts.iter().cycle() {
                let (chunk, after) = rest.split_at(rest.len().min(*cut));
                items.push(chunk);
                while let Some(item) = items.next().expect("good items") {
                    out.push(body::decode(item).expect("it decodes"));
                }
                rest = after;
                if rest.is_empty() {
                    break;
                }
                prop_assert!(items.waiting() < bytes.len());
            }

            prop_assert_eq!(out, values);
            prop_assert_eq!(items.end(), Ok(()));
        }

        #[test]
        fn a_stream_that_ends_within_an_item_is_cut(value in "[a-z]{1,40}", left in 1usize..40) {
            let mut bytes = Vec::new();
            put_item(&mut bytes, &value).expect("it encodes");
            let end = bytes.len() - left.min(bytes.len() - 1);
            let mut items = Items::new();

            items.push(&bytes[..end]);

            prop_assert_eq!(items.next(), Ok(None));
            prop_assert_eq!(items.end(), Err(ItemError::Cut));
        }

        #[test]
        fn no_bytes_make_the_splitter_panic(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
        ) {
            let mut items = Items::new();
            for chunk in &chunks {
                items.push(chunk);
                while let Ok(Some(item)) = items.next() {
                    prop_assert!(item.len() <= config::BODY_BYTES_MAX);
                }
            }
            prop_assert!(items.waiting() <= chunks.iter().map(Vec::len).sum());
        }
    }
}
