use std::sync::Arc;

use super::*;

pub(in crate::datatypes) fn value(of: u8) -> Value {
    Value::of(&of).unwrap()
}

pub(in crate::datatypes) fn values(of: &[u8]) -> Vec<Value> {
    of.iter().map(|of| value(*of)).collect()
}

pub(in crate::datatypes) fn key(of: u8) -> Key {
    Key::of(&of).unwrap()
}

pub(in crate::datatypes) fn read(values: &[Value]) -> Vec<u8> {
    values.iter().map(|value| value.get().unwrap()).collect()
}

/// As Python reads a place.
pub(in crate::datatypes) fn place(at: i64, len: usize) -> Option<usize> {
    let len = len as i64;
    let at = if at < 0 { at.checked_add(len)? } else { at };
    (0..len).contains(&at).then_some(at as usize)
}

/// Does to a list of one's own what watchers were told of another.
pub(in crate::datatypes) fn replay(list: &mut Vec<Value>, change: ListChange) {
    let owned = |values: Vec<Arc<Value>>| values.into_iter().map(Arc::unwrap_or_clone);
    match change {
        ListChange::Spliced { at, removed, inserted } => {
            list.splice(at as usize..(at + removed) as usize, owned(inserted));
        }
        ListChange::Set { at, value } => list[at as usize] = Arc::unwrap_or_clone(value),
        ListChange::Replaced { at, step, values } => {
            for (number, value) in (0..).zip(owned(values)) {
                list[(at + number * step) as usize] = value;
            }
        }
        ListChange::Thinned { at, step, count } => {
            for number in (0..count).rev() {
                list.remove((at + number * step) as usize);
            }
        }
        ListChange::Sorted(SortOrder::Ascending) => list.sort_by_key(|value| sort_key(value.bytes())),
        ListChange::Sorted(SortOrder::Descending) => {
            list.sort_by_key(|value| Reverse(sort_key(value.bytes())))
        }
        ListChange::Reversed => list.reverse(),
        ListChange::Rotated(by) => list.rotate_right(by as usize),
        ListChange::Cleared => list.clear(),
    }
}
