//! The walker over MessagePack, and the check of arguments against a signature.

use daffi_core::callback::{check, type_fits};
use daffi_core::wire::{Elements, Shape, Signature, check_depth, elements, encode, skip};

use super::sample;

/// Types as signatures spell them, known and unknown.
const TYPES: [&str; 12] = [
    "i64",
    "u8",
    "f64",
    "bool",
    "String",
    "Vec<u8>",
    "Option<i32>",
    "HashMap<String, i64>",
    "Order",
    "()",
    "any",
    "Option<Option<Vec<String>>>",
];

/// The first byte says how many parameters the signature has, the next ones their types.
pub fn run(bytes: &[u8]) {
    walk(bytes);
    let Some((count, rest)) = bytes.split_first() else { return };
    let count = usize::from(count % 6);
    let Some((types, body)) = rest.split_at_checked(count) else { return };
    let signature = signature(types);
    let fits = check(&signature, body);
    if fits.is_ok() {
        assert!(skip(body).is_ok() || Elements::of_array(body).is_some());
    }
    if let (Ok(shape), Ok(text)) = (Shape::of(body), std::str::from_utf8(body)) {
        type_fits(text, shape);
    }
}

fn walk(bytes: &[u8]) {
    let end = skip(bytes);
    assert_eq!(check_depth(bytes), end.map(drop));
    let Ok(end) = end else { return };
    assert!(end <= bytes.len());
    Shape::of(bytes).expect("a value that can be skipped has a shape");
    let values = elements(bytes).expect("a value that can be skipped has elements");
    assert!(values.iter().map(|value| value.len()).sum::<usize>() <= end);
    for value in &values {
        assert_eq!(skip(value), Ok(value.len()));
    }
    if let Some((length, array)) = Elements::of_array(bytes) {
        assert_eq!(array.flatten().count(), length as usize);
    }
}

fn signature(types: &[u8]) -> Signature {
    let types: Vec<&str> = types.iter().map(|at| TYPES[usize::from(*at) % TYPES.len()]).collect();
    sample::signature("f", &types)
}

/// Arguments by position and by name, and values that nest.
pub fn seeds() -> Vec<Vec<u8>> {
    let deep = [vec![0x91; 63], vec![0xc0]].concat();
    let bodies = [
        encode(&(1, 2.5, "three", [4u8, 5])).expect("it encodes"),
        encode(&std::collections::BTreeMap::from([("a", 1), ("b", 2)])).expect("it encodes"),
        vec![0xdd, 0xff, 0xff, 0xff, 0xff],
        vec![0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0],
        deep,
    ];
    bodies.into_iter().map(|body| [vec![4, 0, 2, 4, 5], body].concat()).collect()
}
