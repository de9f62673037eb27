use std::collections::BTreeSet;

use proptest::prelude::*;
use ring::digest::{SHA256, digest};

use super::sketch::EXACT_MAX;
use super::*;
use crate::datatypes::model::{Bench, NAME};
use crate::hosted::Value;

/// A sketch of so many numbers from this one on.
fn of_numbers(first: u64, count: u64) -> HllSketch {
    let mut sketch = HllSketch::new();
    for number in first..first + count {
        sketch.insert(&number).unwrap();
    }
    sketch
}

/// A sketch of so many elements, by what their hashes would be.
fn of_hashes(seed: u64, count: u64) -> HllSketch {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sketch = HllSketch::new();
    for _ in 0..count {
        sketch.insert_hash(random.u64(..));
    }
    sketch
}

fn merged(one: &HllSketch, other: &HllSketch) -> HllSketch {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

fn error(sketch: &HllSketch, count: u64) -> f64 {
    sketch.len() as f64 / count as f64 - 1.0
}

/// What is stated: 1.04 / √16,384.
const STANDARD_ERROR: f64 = 0.008_125;

#[test]
fn a_few_elements_are_counted_exactly_and_a_hundred_thousand_within_the_stated_bound() {
    for (count, bytes) in [(1, 8), (10, 80), (100, 800), (1_000, 8_000), (1_536, 12_288)] {
        let sketch = of_numbers(0, count);
        assert_eq!((sketch.len(), sketch.is_exact(), sketch.bytes()), (count, true, bytes));
    }
    for count in [1_537, 2_000, 10_000, 100_000] {
        let sketch = of_numbers(0, count);
        assert!(error(&sketch, count).abs() < 3.0 * STANDARD_ERROR, "{sketch:?} of {count}");
        assert_eq!((sketch.is_exact(), sketch.bytes()), (false, 12_288));
    }
}

#[test]
fn ten_million_elements_are_counted_within_the_stated_bound() {
    let count = 10_000_000;

    let sketch = of_hashes(7, count);

    assert!(error(&sketch, count).abs() < 3.0 * STANDARD_ERROR, "{sketch:?}");
    assert_eq!(sketch.bytes(), 12_288);
}

#[test]
fn the_standard_error_is_what_is_stated_and_the_estimate_neither_too_high_nor_too_low() {
    for count in [2_000, 20_000, 60_000] {
        let errors: Vec<f64> = (0..60).map(|seed| error(&of_hashes(seed, count), count)).collect();

        let mean = errors.iter().sum::<f64>() / 60.0;
        let square = errors.iter().map(|error| error * error).sum::<f64>() / 60.0;

        // Of 60 sketches: a mean's own deviation is an eighth of the error.
        assert!(mean.abs() < 3.0 * STANDARD_ERROR / 60_f64.sqrt(), "{count}: {mean}");
        assert!(square.sqrt() < 1.25 * STANDARD_ERROR, "{count}: {}", square.sqrt());
    }
}

/// By hand, in release: the figures of the documentation, with elements that are really hashed.
#[test]
fn the_error_at_any_number_can_be_measured() {
    let most = std::env::var("DAFFI_HLL_ELEMENTS").map_or(10_000, |most| most.parse().unwrap());
    let mut sketch = HllSketch::new();
    for number in 1..=most {
        sketch.insert(&format!("element {number}")).unwrap();
        if [10, 1_000, 10_000, 100_000, 1_000_000, 10_000_000].contains(&number) {
            eprintln!("{number}: {sketch:?}, {:+.2} %", 100.0 * error(&sketch, number));
            assert!(error(&sketch, number).abs() < 3.0 * STANDARD_ERROR, "{sketch:?}");
        }
    }
}

#[test]
fn a_sketch_is_the_same_bytes_for_ever() {
    let few = of_numbers(0, 2).to_bytes();
    let many = of_numbers(0, 10_000).to_bytes();

    // Computed apart from this program, from the description of the format.
    assert_eq!(hex(&few), "006e340b9cffb37a984bf5122f344554c5");
    let hash = "cc95f0b7b9f7cc61bc1a4469d2d110e4e775d57b2c85f8cb92433989cdd857e6";
    assert_eq!(hex(digest(&SHA256, &many).as_ref()), hash);
    assert_eq!(of_numbers(0, 10_000).len(), 10_056);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn bytes_that_are_no_sketch_are_refused() {
    let mut with_high_rank = vec![0; 1 + 12_288];
    with_high_rank[..2].copy_from_slice(&[1, 52]);
    let too_many = (0..=EXACT_MAX as u64).flat_map(u64::to_le_bytes);
    let too_many: Vec<u8> = std::iter::once(0).chain(too_many).collect();
    let twice = [[0].as_slice(), &[7; 16]].concat();
    let without_elements = [[1].as_slice(), &[0; 12_288]].concat();
    for bytes in
        [vec![], vec![2], vec![0, 1], twice, vec![1; 12_288], too_many, with_high_rank, without_elements]
    {
        assert!(HllSketch::from_bytes(&bytes).is_err());
    }
}

#[test]
fn watchers_hear_what_made_a_difference() {
    let mut bench = Bench::of::<HllState>();
    let two = of_numbers(0, 2);

    assert!(bench.call::<bool>("merge", &(NAME, &two)).unwrap());
    assert!(!bench.call::<bool>("merge", &(NAME, &two)).unwrap());
    assert!(bench.call::<bool>("clear", &(NAME,)).unwrap());
    assert!(!bench.call::<bool>("clear", &(NAME,)).unwrap());

    let told: Vec<HllChange> = bench.changes.iter().map(|change| Value::get(change).unwrap()).collect();
    assert_eq!(told, [HllChange::Grown { len: 2 }, HllChange::Cleared]);
    assert!(!bench.is_there());
}

/// A step of a random history: numbers that are added, or one of it.
#[derive(Debug, Clone)]
enum Step {
    Merge(BTreeSet<u8>),
    Clear,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::btree_set(0..40_u8, 0..6).prop_map(Step::Merge),
        1 => Just(Step::Clear),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    #[test]
    fn it_counts_as_a_set_does(steps in proptest::collection::vec(step(), 1..40)) {
        let mut bench = Bench::of::<HllState>();
        let mut model = BTreeSet::new();
        for step in steps {
            match step {
                Step::Merge(numbers) => {
                    let mut sketch = HllSketch::new();
                    for number in &numbers {
                        sketch.insert(number).unwrap();
                    }
                    let is_changed = !numbers.is_subset(&model);
                    prop_assert_eq!(bench.call::<bool>("merge", &(NAME, sketch)).unwrap(), is_changed);
                    model.extend(numbers);
                }
                Step::Clear => {
                    prop_assert_eq!(bench.call::<bool>("clear", &(NAME,)).unwrap(), !model.is_empty());
                    model.clear();
                }
                Step::Restore => bench.restore(),
            }
            prop_assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), model.len() as u64);
            prop_assert_eq!(bench.call::<bool>("is_empty", &(NAME,)).unwrap(), model.is_empty());
            prop_assert_eq!(bench.is_there(), !model.is_empty());
        }
    }

    #[test]
    fn a_sketch_comes_back_as_it_was(seed in 0..9_u64, count in 0..3_000_u64) {
        let sketch = of_hashes(seed, count);
        prop_assert_eq!(HllSketch::from_bytes(&sketch.to_bytes()), Ok(sketch));
    }

    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        sizes in proptest::array::uniform3(0..3_000_u64),
        seeds in proptest::array::uniform3(0..4_u64),
    ) {
        let [a, b, c] = [0, 1, 2].map(|at| of_hashes(seeds[at], sizes[at]));

        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &a), a.clone());
        prop_assert!(!a.clone().merge(&a));
        prop_assert_eq!(merged(&a, &HllSketch::new()), a);
    }

    #[test]
    fn no_bytes_make_it_panic(form in 0..3_u8, bytes in proptest::collection::vec(any::<u8>(), 0..40), fill in any::<u8>()) {
        let short = [&[form], &*bytes].concat();
        let long = [short.clone(), vec![fill; 12_289 - short.len()]].concat();
        for bytes in [short, long] {
            if let Ok(sketch) = HllSketch::from_bytes(&bytes) {
                prop_assert_eq!(sketch.len().min(1), u64::from(!sketch.is_empty()));
                prop_assert_eq!(sketch.to_bytes(), bytes);
            }
        }
    }
}

proptest! {
    // Each case makes some sketches of thousands.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn parts_merged_are_the_whole_in_any_order(cut in 0..3_000_u64, count in 0..3_000_u64) {
        let cut = cut.min(count);
        let mut backwards = HllSketch::new();
        for number in (0..count).rev() {
            backwards.insert(&number).unwrap();
        }

        prop_assert_eq!(&merged(&of_numbers(0, cut), &of_numbers(cut, count - cut)), &backwards);
        prop_assert_eq!(of_numbers(0, count), backwards);
    }
}
