//! The items of a stream, in chunks of any lengths.

use daffi_core::wire::{Items, put_item, skip};

/// The first byte says how long the chunks are that the others come in.
pub fn run(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let (whole, reason) = read(bytes, bytes.len().max(1));
    let (cut, reason_cut) = read(bytes, usize::from(*first).max(1));
    assert_eq!((whole, reason), (cut, reason_cut), "how a stream is cut into chunks changes nothing");
}

/// The items until one is none, and why.
fn read(bytes: &[u8], chunk_bytes: usize) -> (Vec<Vec<u8>>, Option<String>) {
    let (mut items, mut found) = (Items::new(), Vec::new());
    for chunk in bytes.chunks(chunk_bytes) {
        items.push(chunk);
        loop {
            match items.next() {
                Ok(Some(item)) => {
                    assert_eq!(skip(item), Ok(item.len()));
                    found.push(item.to_vec());
                }
                Ok(None) => break,
                Err(error) => return (found, Some(error.to_string())),
            }
        }
        assert!(items.waiting() <= bytes.len());
    }
    (found, items.end().err().map(|error| error.to_string()))
}

/// Streams that are whole, that end within an item, and that claim more than they have.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut whole = vec![3];
    put_item(&mut whole, &1).expect("it encodes");
    put_item(&mut whole, "two").expect("it encodes");
    put_item(&mut whole, &(3, [4u8, 5])).expect("it encodes");
    let cut = whole[..whole.len() - 1].to_vec();
    vec![whole, cut, vec![1, 0xff, 0xff, 0xff, 0x7f, 1], vec![2, 3, 0, 0, 0, 1, 2, 3]]
}
