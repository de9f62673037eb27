use std::sync::Arc;

use super::*;

/// Does to a list of one's own what watchers were told of another.
pub(in crate::datatypes) fn replay(list: &mut Vec<Value>, change: ListChange) {
    let owned = |values: Vec<Arc<Value>>| values.into_iter().map(Arc::unwrap_or_clone);
    match change {
        ListChange::Spliced { at, removed, inserted } => {
            list.splice(at as usize..(at + removed) as usize, owned(inserted));
        }
        ListChange::Set { at, value } => list[at as usize] = Arc::unwrap_or_clone(value),
        ListChange::Thinned { at, step, count } => {
            for number in (0..count).rev() {
                list.remove((at + number * step) as usize);
            }
        }
        ListChange::Sorted(SortOrder::Ascending) => list.sort_by_key(|value| sort_key(value.bytes())),
        ListChange::Sorted(SortOrder::Descending) => list.sort_by_key(|value| Reverse(sort_key(value.bytes()))),
        ListChange::Reversed => list.reverse(),
        ListChange::Rotated(by) => list.rotate_right(by as usize),
        ListChange::Cleared => list.clear(),
    }
}
