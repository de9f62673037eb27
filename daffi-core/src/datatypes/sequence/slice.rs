//! Slices as Python has them.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// Some places of a list, as Python's `[start:stop:step]` says it.
///
/// A place below 0 counts from the end: −1 is the last. `stop` is not one of them. What is left out reaches to the end
/// of the list that the step leads away from or to, and what lies beyond an end is that end: a slice may be empty, and is
/// no error. A step below 0 leads from back to front.
///
/// Ranges are slices: `..`, `2..`, `-3..`, `..-1`, `1..4`; and so is a pair, `(1, -1)`, where a range would look empty.
///
/// ```
/// use daffi_core::datatypes::Slice;
///
/// let last_three = Slice::from(-3..);
/// let backwards = Slice::from(..).step(-1);
/// assert_eq!("-3:".parse(), Ok(last_three));
/// assert_eq!("1:-1".parse(), Ok(Slice::from((1, -1))));
/// assert_eq!("::-1".parse(), Ok(backwards));
/// assert_eq!(Slice::new(None, Some(5), Some(2)).to_string(), ":5:2");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Slice {
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
}

impl Slice {
    /// `[start:stop:step]`.
    pub fn new(start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Self {
        Self { start, stop, step }
    }

    /// The same with this step: 2 for every other place, −1 for all from back to front. A step of 0 is refused where the
    /// slice is used.
    #[must_use]
    pub fn step(self, step: i64) -> Self {
        Self { step: Some(step), ..self }
    }

    /// The places of a list of so many items.
    pub(in crate::datatypes) fn of(self, len: usize) -> Result<Span, DataError> {
        let step = i128::from(self.step.unwrap_or(1));
        if step == 0 {
            return Err(DataError::invalid("a slice with a step of 0 goes nowhere"));
        }
        let length = len as i128;
        // Backwards, the place before the first is where it ends.
        let (lowest, highest) = if step < 0 { (-1, length - 1) } else { (0, length) };
        let place = |at: i64| {
            let at = i128::from(at);
            (if at < 0 { at + length } else { at }).clamp(lowest, highest)
        };
        let (front, back) = if step < 0 { (highest, lowest) } else { (lowest, highest) };
        let (start, stop) = (self.start.map_or(front, place), self.stop.map_or(back, place));
        let count = if step < 0 { (start - stop).max(0) } else { (stop - start).max(0) };
        let count = (count + step.abs() - 1) / step.abs();
        // Backwards or not, the places are the same.
        let first = if step < 0 && count > 0 { start + (count - 1) * step } else { start };
        Ok(Span {
            first: usize::try_from(first).unwrap_or_default(),
            step: usize::try_from(step.abs()).unwrap_or(usize::MAX),
            count: usize::try_from(count).unwrap_or_default(),
            is_backwards: step < 0,
            is_contiguous: step == 1,
        })
    }
}

/// Places of one list, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::datatypes) struct Span {
    pub(in crate::datatypes) first: usize,
    pub(in crate::datatypes) step: usize,
    pub(in crate::datatypes) count: usize,
    /// Whether the slice goes through them from the last to the first.
    pub(in crate::datatypes) is_backwards: bool,
    /// Whether the slice was one of step 1, for which any number of items can be put in.
    pub(in crate::datatypes) is_contiguous: bool,
}

impl Span {
    pub(in crate::datatypes) fn places(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.count).map(move |at| self.first + at * self.step)
    }

    /// How many places there are from the first to the last.
    pub(in crate::datatypes) fn width(self) -> usize {
        self.count.checked_sub(1).map_or(0, |last| last * self.step + 1)
    }
}

/// `(1, -1)` is `[1:-1]`, for which `1..-1` does as well, but looks empty to clippy.
impl From<(i64, i64)> for Slice {
    fn from((start, stop): (i64, i64)) -> Self {
        Self { start: Some(start), stop: Some(stop), step: None }
    }
}

impl From<Range<i64>> for Slice {
    fn from(range: Range<i64>) -> Self {
        Self { start: Some(range.start), stop: Some(range.end), step: None }
    }
}

impl From<RangeFrom<i64>> for Slice {
    fn from(range: RangeFrom<i64>) -> Self {
        Self { start: Some(range.start), stop: None, step: None }
    }
}

impl From<RangeTo<i64>> for Slice {
    fn from(range: RangeTo<i64>) -> Self {
        Self { start: None, stop: Some(range.end), step: None }
    }
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Self {
        Self::default()
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let put =
            |f: &mut fmt::Formatter<'_>, number: Option<i64>| number.map_or(Ok(()), |n| write!(f, "{n}"));
        put(f, self.start)?;
        f.write_str(":")?;
        put(f, self.stop)?;
        match self.step {
            Some(step) => write!(f, ":{step}"),
            None => Ok(()),
        }
    }
}

/// Reads what Python writes between the brackets: `1:-1`, `:5`, `::2`.
impl FromStr for Slice {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let wrong =
            || DataError::invalid(format!("`{text}` is no slice: write START:STOP or START:STOP:STEP"));
        let parts: Vec<&str> = text.split(':').collect();
        let number = |at: usize| match parts.get(at).map(|part| part.trim()) {
            None | Some("") => Ok(None),
            Some(part) => part.parse().map(Some).map_err(|_| wrong()),
        };
        if !(2..=3).contains(&parts.len()) {
            return Err(wrong());
        }
        Ok(Self { start: number(0)?, stop: number(1)?, step: number(2)? })
    }
}

#[cfg(test)]
pub(in crate::datatypes) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The places of a slice, in its order, as one would count them with a finger.
    pub(in crate::datatypes) fn places(slice: Slice, len: usize) -> Vec<usize> {
        let (len, step) = (len as i128, i128::from(slice.step.unwrap_or(1)));
        let from_front = |at: i64| if at < 0 { i128::from(at) + len } else { i128::from(at) };
        let mut at = match slice.start.map(from_front) {
            None => {
                if step > 0 {
                    0
                } else {
                    len - 1
                }
            }
            // What is left out on the way from beyond an end is no place.
            Some(start) if step > 0 => start.max(0),
            Some(start) => start.min(len - 1),
        };
        let mut places = Vec::new();
        while (0..len).contains(&at) {
            match slice.stop.map(from_front) {
                Some(stop) if step > 0 && at >= stop => break,
                Some(stop) if step < 0 && at <= stop => break,
                _ => places.push(at as usize),
            }
            at += step;
        }
        places
    }

    /// Where values are put in that are assigned to a slice of step 1.
    pub(in crate::datatypes) fn start(slice: Slice, len: usize) -> usize {
        match slice.start {
            None => 0,
            Some(start) if start < 0 => (i128::from(start) + len as i128).max(0) as usize,
            Some(start) => len.min(usize::try_from(start).unwrap()),
        }
    }

    /// Whether as many values may be assigned to it as one likes.
    pub(in crate::datatypes) fn is_simple(slice: Slice) -> bool {
        matches!(slice.step, None | Some(1))
    }

    pub(in crate::datatypes) fn slices() -> impl Strategy<Value = Slice> {
        let place = || {
            prop_oneof![
                2 => Just(None),
                6 => (-12..12_i64).prop_map(Some),
                1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Some),
            ]
        };
        let step = prop_oneof![
            4 => Just(None),
            4 => prop_oneof![-4..0_i64, 1..5_i64].prop_map(Some),
            1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Some),
        ];
        (place(), place(), step).prop_map(|(start, stop, step)| Slice { start, stop, step })
    }

    #[test]
    fn a_slice_is_read_as_python_writes_it() {
        assert_eq!("1:-1".parse(), Ok(Slice::from((1, -1))));
        assert_eq!(":".parse(), Ok(Slice::from(..)));
        assert_eq!(" 4 : : -2 ".parse(), Ok(Slice::from(4..).step(-2)));
        for wrong in ["", "3", "a:b", "1:2:3:4", "1.5:"] {
            assert!(wrong.parse::<Slice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_step_of_nothing_is_refused() {
        assert!(matches!(Slice::from(..).step(0).of(5), Err(DataError::Invalid { .. })));
    }

    #[test]
    fn slices_are_those_of_python() {
        // As CPython 3 answers for `list(range(5))[slice]`.
        let of_five = |text: &str| places(text.parse().unwrap(), 5);
        assert_eq!(of_five("1:-1"), [1, 2, 3]);
        assert_eq!(of_five("-100:2"), [0, 1]);
        assert_eq!(of_five("3:1"), [] as [usize; 0]);
        assert_eq!(of_five("::-2"), [4, 2, 0]);
        assert_eq!(of_five("3:0:-1"), [3, 2, 1]);
        assert_eq!(of_five("3::-2"), [3, 1]);
        assert_eq!(of_five("100:-100:-3"), [4, 1]);
        assert_eq!(of_five("-1:100:2"), [4]);
        assert_eq!(of_five(":-3:-1"), [4, 3]);
    }

    proptest! {
        #[test]
        fn a_span_has_the_places_that_one_counts(slice in slices(), len in 0..10_usize) {
            let span = slice.of(len).unwrap();
            let mut found: Vec<usize> = span.places().collect();
            prop_assert_eq!(span.width(), found.last().map_or(0, |last| last - found[0] + 1));
            if span.is_backwards {
                found.reverse();
            }
            prop_assert_eq!(found, places(slice, len));
            prop_assert!(span.first <= len);
        }

        #[test]
        fn what_is_written_is_read_back(slice in slices()) {
            prop_assert_eq!(slice.to_string().parse(), Ok(slice));
        }
    }
}
