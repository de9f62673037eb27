use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::*;
use crate::config;
use crate::datatypes::model::{Bench, NAME};
use crate::error::DataError;
use crate::hosted::{Hosted, Value};
use crate::wire;

fn parameters(num_elements: u64, false_positives: f64) -> BloomParameters {
    BloomParameters::new(num_elements, false_positives).unwrap()
}

fn positions(parameters: &BloomParameters, elements: impl IntoIterator<Item = u64>) -> Vec<u64> {
    elements.into_iter().flat_map(|element| parameters.positions(&element).unwrap()).collect()
}

#[test]
fn sizes_are_pottery_s() {
    let known = [
        (100, 0.1, 480, 4),
        (1_000, 0.1, 4_793, 4),
        (100, 0.01, 959, 7),
        (1_000, 0.01, 9_586, 7),
        (1_000, 0.001, 14_378, 10),
        (5_000, 0.01, 47_926, 7),
        (4, 0.01, 39, 7),
        (1, 0.5, 2, 2),
        (1_000_000, 0.01, 9_585_059, 7),
    ];
    for (n, p, bits, hashes) in known {
        let parameters = parameters(n, p);
        assert_eq!((parameters.bits(), parameters.hashes()), (bits, hashes), "for ({n}, {p})");
        assert_eq!(parameters.hash(), BloomHash::Pottery);
    }
}

#[test]
fn the_three_names_of_the_document_have_pottery_s_bits() {
    let parameters = parameters(100, 0.01);

    assert_eq!(parameters.positions("rajiv"), Ok(vec![183, 319, 787, 585, 8, 471, 711]));
    assert_eq!(parameters.positions("raj"), Ok(vec![482, 875, 725, 667, 109, 714, 595]));
    assert_eq!(parameters.positions("dan"), Ok(vec![687, 925, 954, 707, 615, 914, 620]));
}

#[test]
fn wide_bits_are_the_same_for_ever() {
    let parameters = parameters(100, 0.01).with_hash(BloomHash::Wide);

    assert_eq!(parameters.positions("rajiv"), Ok(vec![335, 93, 323, 84, 807, 575, 819]));
    assert_eq!(parameters.positions(&(1, 2.5)), Ok(vec![684, 352, 492, 163, 796, 474, 157]));
    assert_eq!(parameters.positions(&vec![1_u8; 3]), parameters.positions(&serde_bytes::Bytes::new(&[1; 3])));
}

#[test]
fn a_saved_filter_is_the_same_bytes_for_ever() {
    let parameters = parameters(100, 0.01);
    let mut filter = BloomState::default();
    for name in ["rajiv", "raj", "dan"] {
        filter.put(parameters, &parameters.positions(name).unwrap());
    }
    let mut bits = vec![0_u8; 512];
    for position in [183, 319, 787, 585, 8, 471, 711, 482, 875, 725, 667, 109, 714, 595]
        .into_iter()
        .chain([687, 925, 954, 707, 615, 914, 620])
    {
        bits[position / 8] |= 1 << (position % 8);
    }

    let mut saved = wire::encode(&("parameters", (100, 0.01, "Pottery", 959, 7), "bits")).unwrap();
    // A map of two pairs, where the list above has three elements; the last is a list of one pair.
    saved[0] = 0x82;
    saved.extend(wire::encode(&[(0, ByteBuf::from(bits))]).unwrap());
    assert_eq!(wire::encode(&filter).unwrap(), saved);
    assert_eq!(wire::decode::<BloomState>(&saved).unwrap().len(), 3);
}

#[test]
fn large_filters_are_wide_and_those_that_cannot_be_are_refused() {
    let large = parameters(30_000_000, 0.01);
    assert!(large.bits() > config::BLOOM_NARROW_BITS_MAX);
    assert_eq!(large.hash(), BloomHash::Wide);

    for (n, p) in [
        (0, 0.01),
        (1, 0.0),
        (1, 1.0),
        (1, -0.5),
        (1, 1.5),
        (1, f64::NAN),
        (1, f64::INFINITY),
        (1, 1e-30),
        (u64::MAX, 0.01),
        (1_000_000_000, 0.01),
    ] {
        let refused = BloomParameters::new(n, p);
        assert!(matches!(refused, Err(DataError::Invalid { .. })), "({n}, {p}): {refused:?}");
    }
}

#[test]
fn parameters_that_cannot_be_are_refused_as_they_come() {
    let encode =
        |bits: u64, hashes: u64, p: f64| wire::encode(&(1, p, BloomHash::Wide, bits, hashes)).unwrap();
    assert!(wire::decode::<BloomParameters>(&encode(2, 2, 0.5)).is_ok());
    for bytes in
        [encode(0, 2, 0.5), encode(1 << 40, 2, 0.5), encode(2, 0, 0.5), encode(2, 65, 0.5), encode(2, 2, 7.0)]
    {
        assert!(wire::decode::<BloomParameters>(&bytes).is_err());
    }
}

/// Adds as many elements as a filter is for, and says which share of so many others seems to be in it.
fn false_positives(parameters: BloomParameters, others: u64) -> (BloomState, f64) {
    let count = parameters.num_elements();
    let own = positions(&parameters, 0..count);
    let mut filter = BloomState::default();

    let added = filter.put(parameters, &own);
    // Nearly all had not seemed to be in it.
    assert!(added as f64 > (1.0 - parameters.false_positives()) * count as f64);
    for some in own.chunks(7_000 * parameters.hashes() as usize) {
        let contains = filter.contains(parameters, some.to_vec()).unwrap();
        assert!(contains.iter().all(|contains| *contains), "a false negative");
    }

    let contains = filter.contains(parameters, positions(&parameters, count..count + others)).unwrap();
    let wrong = contains.iter().filter(|contains| **contains).count();
    (filter, wrong as f64 / others as f64)
}

#[test]
fn nothing_that_was_added_is_missed_and_what_was_not_seems_in_it_at_the_stated_rate() {
    for (n, p) in [(5_000, 0.01), (1_000, 0.001), (20_000, 0.1)] {
        for hash in [BloomHash::Pottery, BloomHash::Wide] {
            let (filter, share) = false_positives(parameters(n, p).with_hash(hash), 10_000);

            assert!(share < 1.3 * p, "{share} of those not in the filter for ({n}, {p}) by {hash:?}");
            let error = filter.len() as f64 / n as f64 - 1.0;
            assert!(error.abs() < 0.02, "{} of {n}", filter.len());
        }
    }
}

#[test]
fn of_a_million_elements_none_is_missed() {
    let (filter, share) = false_positives(parameters(1_000_000, 0.01), 10_000);

    assert!((0.007..0.013).contains(&share), "{share}");
    assert!(filter.len().abs_diff(1_000_000) < 2_000, "{}", filter.len());
}

#[test]
fn a_few_elements_are_counted_exactly_and_added_again_not_once_more() {
    let parameters = parameters(100, 0.01);
    let mut filter = BloomState::default();
    for element in 0..6 {
        filter.put(parameters, &positions(&parameters, [element]));
        assert_eq!(filter.put(parameters, &positions(&parameters, [element])), 0);
        assert_eq!(filter.len(), element + 1);
    }
}

#[test]
fn a_filter_that_is_full_still_says_how_many_there_are_at_least() {
    let parameters = parameters(4, 0.01);
    let mut filter = BloomState::default();
    let mut before = 0;
    for element in 0..1_000 {
        filter.put(parameters, &positions(&parameters, [element]));
        assert!(filter.len() >= before);
        before = filter.len();
    }

    let all: Vec<u64> = (0..39).chain(0..3).collect();
    assert_eq!(filter.contains(parameters, all), Ok(vec![true; 6]));
    // 39 / 7 ln 39.
    assert_eq!(filter.len(), 20);
}

#[test]
fn other_parameters_and_bits_that_are_none_are_refused() {
    let mut bench = Bench::of::<BloomState>();
    let (own, other) = (parameters(100, 0.01), parameters(100, 0.02));
    bench.call::<BloomParameters>("open", &(NAME, own)).unwrap();

    assert_eq!(bench.call::<BloomParameters>("open", &(NAME, other)).unwrap(), own);
    for method in ["add", "contains"] {
        let mut refused = |parameters: BloomParameters, positions: Vec<u64>| {
            bench.try_call::<Value>(method, &(NAME, parameters, positions)).unwrap_err()
        };
        assert!(matches!(refused(other, vec![]), DataError::WrongValue { .. }));
        assert!(matches!(refused(own.with_hash(BloomHash::Wide), vec![]), DataError::WrongValue { .. }));
        assert!(matches!(refused(own, vec![0; 8]), DataError::Invalid { .. }));
        assert!(matches!(refused(own, vec![0, 1, 2, 3, 4, 5, 959]), DataError::Invalid { .. }));
        assert!(matches!(refused(own, vec![0; 70_007]), DataError::Invalid { .. }));
    }
    assert_eq!(bench.call::<u64>("add", &(NAME, own, vec![0; 70_000])).unwrap(), 1);
}

#[test]
fn a_filter_keeps_its_parameters_when_it_is_cleared_and_takes_no_room_then() {
    let mut bench = Bench::of::<BloomState>();
    let parameters = parameters(1_000_000, 0.01);
    bench.call::<BloomParameters>("open", &(NAME, parameters)).unwrap();
    let empty = bench.bytes();

    bench.call::<u64>("add", &(NAME, parameters, positions(&parameters, 0..1_000))).unwrap();
    assert!((1_198_000..1_230_000).contains(&(bench.bytes() - empty)), "{}", bench.bytes());
    assert!(bench.call::<bool>("clear", &(NAME,)).unwrap());

    assert_eq!((bench.bytes(), bench.is_there()), (empty, true));
    assert_eq!(bench.call::<Option<BloomParameters>>("parameters", &(NAME,)).unwrap(), Some(parameters));
    let told: Vec<BloomChange> = bench.changes.iter().map(|change| Value::get(change).unwrap()).collect();
    assert_eq!(told, [BloomChange::Added { elements: 1_000 }, BloomChange::Cleared]);
}

#[test]
fn a_filter_takes_no_more_room_than_what_was_sent_makes_likely() {
    let parameters = parameters(80_000_000, 0.01);
    let mut filter = BloomState::default();
    assert_eq!(filter.put(parameters, &positions(&parameters, [7])), 1);

    // A way of three branches and a leaf for each of seven bits, which share the root.
    assert!(filter.bytes() <= (1 + 7 * 3) * 540, "{}", filter.bytes());
    assert!(wire::encode(&filter).unwrap().len() < 7 * 520 + 60);
}

#[test]
fn a_saved_filter_that_contradicts_itself_is_refused() {
    let saved = |parameters: Option<BloomParameters>, bits: &[(u32, &[u8])]| {
        #[derive(serde::Serialize)]
        struct Forged {
            parameters: Option<BloomParameters>,
            bits: Vec<(u32, ByteBuf)>,
        }
        let bits = bits.iter().map(|(number, bytes)| (*number, ByteBuf::from(bytes.to_vec()))).collect();
        wire::decode::<BloomState>(&wire::encode(&Forged { parameters, bits }).unwrap())
    };
    let own = Some(parameters(100, 0.01));
    let with_bit = |bit: usize| {
        let mut bytes = [0; 512];
        bytes[bit / 8] = 1 << (bit % 8);
        bytes
    };

    assert!(!saved(own, &[(0, &with_bit(0))]).unwrap().is_empty());
    assert!(!saved(own, &[(0, &with_bit(958))]).unwrap().is_empty());
    assert!(saved(own, &[(0, &with_bit(959))]).is_err());
    assert!(saved(own, &[(0, &with_bit(4_095))]).is_err());
    assert!(saved(own, &[(0, &[0; 512])]).is_err());
    assert!(saved(own, &[(0, &with_bit(0)), (0, &with_bit(1))]).is_err());
    assert!(saved(own, &[(1, &with_bit(0))]).is_err());
    assert!(saved(own, &[(u32::MAX, &with_bit(0))]).is_err());
    assert!(saved(own, &[(0, &with_bit(0)[..511])]).is_err());
    assert!(saved(own, &[(0, &with_bit(0)[..504])]).is_err());
    assert!(saved(own, &[(0, &[1; 520])]).is_err());
    assert!(saved(None, &[(0, &with_bit(0))]).is_err());
}

/// A step of a random history: elements that are added or asked for, or one of it.
#[derive(Debug, Clone)]
enum Step {
    Add(Vec<u64>),
    Contains(Vec<u64>),
    Clear,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let several = || proptest::collection::vec(0..60_u64, 0..6);
    prop_oneof![
        4 => several().prop_map(Step::Add),
        4 => several().prop_map(Step::Contains),
        1 => Just(Step::Clear),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    /// In one leaf, in some under one branch, and in many of which each has nearly no bit.
    #[test]
    fn it_is_a_set_of_bits(
        steps in proptest::collection::vec(step(), 1..40),
        num_elements in prop_oneof![Just(20_u64), Just(10_000), Just(100_000_000)],
        hash in prop_oneof![Just(BloomHash::Pottery), Just(BloomHash::Wide)],
    ) {
        let parameters = parameters(num_elements, 0.02).with_hash(hash);
        let mut bench = Bench::of::<BloomState>();
        let (mut bits, mut elements) = (BTreeSet::new(), BTreeSet::new());
        let own = |element: &u64| parameters.positions(element).unwrap();
        for step in steps {
            match step {
                Step::Add(added) => {
                    let mut expected = 0;
                    for element in &added {
                        let before = bits.len();
                        bits.extend(own(element));
                        expected += u64::from(bits.len() > before);
                    }
                    let positions = positions(&parameters, added.clone());
                    prop_assert_eq!(bench.call::<u64>("add", &(NAME, parameters, positions)).unwrap(), expected);
                    elements.extend(added);
                }
                Step::Contains(asked) => {
                    let expected: Vec<bool> =
                        asked.iter().map(|element| own(element).iter().all(|bit| bits.contains(bit))).collect();
                    let positions = positions(&parameters, asked);
                    let contains: Vec<bool> = bench.call("contains", &(NAME, parameters, positions)).unwrap();
                    prop_assert_eq!(contains, expected);
                }
                Step::Clear => {
                    prop_assert_eq!(bench.call::<bool>("clear", &(NAME,)).unwrap(), !bits.is_empty());
                    bits.clear();
                    elements.clear();
                }
                Step::Restore => bench.restore(),
            }
            let all = positions(&parameters, elements.iter().copied());
            let contains: Vec<bool> = bench.call("contains", &(NAME, parameters, all)).unwrap();
            prop_assert!(contains.iter().all(|contains| *contains));
            prop_assert_eq!(bench.call::<bool>("is_empty", &(NAME,)).unwrap(), bits.is_empty());
            let len = bench.call::<u64>("len", &(NAME,)).unwrap();
            let expected = if bench.is_there() { parameters.elements(bits.len() as u64) } else { 0 };
            prop_assert_eq!(len, expected);
        }
    }
}
