//! A list in a balanced tree: copies are cheap, and so is whatever cuts it anywhere or puts parts together.
//!
//! `imbl::Vector` has the same methods, but insertions at one place in the middle leave it with leaves of one item, and
//! make each further one slower: whoever may write could have the controller do nothing else.

use std::iter;
use std::sync::Arc;

use crate::datatypes::entries::Weight;

/// A list of items in leaves of up to [`LEAF_MAX`], of which only the first and the last may have fewer than
/// [`LEAF_MIN`].
#[derive(Debug, Clone)]
pub(super) struct Rope<T>(Tree<T>);

/// Nothing, or the root of a tree in which no two branches that stand side by side differ by more than one in height.
type Tree<T> = Option<Arc<Node<T>>>;

#[derive(Debug, Clone)]
enum Node<T> {
    Leaf { items: Vec<T>, bytes: usize },
    Branch { left: Arc<Self>, right: Arc<Self>, len: usize, bytes: usize, height: u32 },
}

impl<T> Default for Rope<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Weight> Rope<T> {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.len())
    }

    /// The bytes of all items.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.bytes())
    }

    pub(super) fn get(&self, at: usize) -> Option<&T> {
        let (mut node, mut at) = (self.0.as_deref()?, at);
        loop {
            match node {
                Node::Leaf { items, .. } => return items.get(at),
                Node::Branch { left, .. } if at < left.len() => node = left,
                Node::Branch { left, right, .. } => {
                    at -= left.len();
                    node = right;
                }
            }
        }
    }

    /// Puts an item where there is one, which is returned.
    pub(super) fn set(&mut self, at: usize, item: T) -> Option<T> {
        if at >= self.len() {
            return None;
        }
        self.0.as_mut().map(|root| Arc::make_mut(root).set(at, item))
    }

    /// All items from a place on.
    pub(super) fn iter_from(&self, at: usize) -> impl Iterator<Item = &T> {
        let mut stack = Vec::new();
        let mut first: &[T] = &[];
        let (mut next, mut at) = (self.0.as_deref(), at);
        while let Some(node) = next.take() {
            match node {
                Node::Leaf { items, .. } => first = items.get(at..).unwrap_or_default(),
                Node::Branch { left, right, .. } if at < left.len() => {
                    stack.push(&**right);
                    next = Some(left);
                }
                Node::Branch { left, right, .. } => {
                    at -= left.len();
                    next = Some(right);
                }
            }
        }
        let leaves = iter::from_fn(move || {
            loop {
                match stack.pop()? {
                    Node::Leaf { items, .. } => return Some(&**items),
                    Node::Branch { left, right, .. } => stack.extend([&**right, &**left]),
                }
            }
        });
        iter::once(first).chain(leaves).flatten()
    }

    /// Leaves the items before a place, and returns the others.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let Some(root) = self.0.take() else { return Self(None) };
        let (before, after) = split(root, at);
        self.0 = before;
        Self(after)
    }

    /// Puts all of another list at the end.
    pub(super) fn append(&mut self, other: Self) {
        self.0 = match (self.0.take(), other.0) {
            (Some(left), Some(right)) => concat(left, right),
            (left, right) => left.or(right),
        };
    }
}

impl<T: Weight> FromIterator<T> for Rope<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(tree_of(items.into_iter().collect()))
    }
}

impl<T: Weight> Node<T> {
    fn leaf(items: Vec<T>) -> Arc<Self> {
        let bytes = items.iter().map(Weight::bytes).sum();
        Arc::new(Self::Leaf { items, bytes })
    }

    fn branch(left: Arc<Self>, right: Arc<Self>) -> Arc<Self> {
        let (len, bytes) = (left.len() + right.len(), left.bytes() + right.bytes());
        let height = 1 + left.height().max(right.height());
        Arc::new(Self::Branch { left, right, len, bytes, height })
    }

    fn len(&self) -> usize {
        match self {
            Self::Leaf { items, .. } => items.len(),
            Self::Branch { len, .. } => *len,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Leaf { bytes, .. } | Self::Branch { bytes, .. } => *bytes,
        }
    }

    fn height(&self) -> u32 {
        match self {
            Self::Leaf { .. } => 0,
            Self::Branch { height, .. } => *height,
        }
    }

    fn set(&mut self, at: usize, item: T) -> T {
        let added = item.bytes();
        let (before, bytes) = match self {
            Self::Leaf { items, bytes } => (std::mem::replace(&mut items[at], item), bytes),
            Self::Branch { left, right, bytes, .. } => {
                let in_left = left.len();
                let before = match at.checked_sub(in_left) {
                    None => Arc::make_mut(left).set(at, item),
                    Some(at) => Arc::make_mut(right).set(at, item),
                };
                (before, bytes)
            }
        };
        *bytes = *bytes + added - before.bytes();
        before
    }
}

/// A tree with these items.
fn tree_of<T: Weight>(mut items: Vec<T>) -> Tree<T> {
    if items.is_empty() {
        return None;
    }
    if items.len() <= LEAF_MAX {
        // It grows by itself when it must; what was reserved for others is not kept.
        items.shrink_to_fit();
        return Some(Node::leaf(items));
    }
    // So many leaves on the left that both sides are as high as each other, or nearly.
    let leaves = items.len().div_ceil(LEAF_MAX);
    let right = items.split_off(items.len() * (leaves / 2) / leaves);
    link(tree_of(items), tree_of(right))
}

/// Two lists as one. Where they meet, leaves are filled: however often it is cut, a list has no more than it needs.
fn concat<T: Weight>(left: Arc<Node<T>>, right: Arc<Node<T>>) -> Tree<T> {
    let (mut left, mut middle) = pop_last(left);
    let (first, mut right) = pop_first(right);
    middle.extend(first);
    if middle.len() < LEAF_MIN {
        if let Some(rest) = left.take() {
            let (rest, mut last) = pop_last(rest);
            last.append(&mut middle);
            (left, middle) = (rest, last);
        } else if let Some(rest) = right.take() {
            let (first, rest) = pop_first(rest);
            middle.extend(first);
            right = rest;
        }
    }
    link(link(left, tree_of(middle)), right)
}

/// The items before a place, and the others.
fn split<T: Weight>(node: Arc<Node<T>>, at: usize) -> (Tree<T>, Tree<T>) {
    if at == 0 {
        return (None, Some(node));
    }
    if at >= node.len() {
        return (Some(node), None);
    }
    match Arc::unwrap_or_clone(node) {
        Node::Leaf { mut items, .. } => {
            let after = items.split_off(at);
            (tree_of(items), tree_of(after))
        }
        Node::Branch { left, right, .. } => match at.checked_sub(left.len()) {
            None => {
                let (before, after) = split(left, at);
                (before, link(after, Some(right)))
            }
            Some(at) => {
                let (before, after) = split(right, at);
                (link(Some(left), before), after)
            }
        },
    }
}

/// Takes the first leaf off.
fn pop_first<T: Weight>(node: Arc<Node<T>>) -> (Vec<T>, Tree<T>) {
    match Arc::unwrap_or_clone(node) {
        Node::Leaf { items, .. } => (items, None),
        Node::Branch { left, right, .. } => {
            let (items, rest) = pop_first(left);
            (items, Some(rest.map_or(Arc::clone(&right), |rest| balance(rest, right))))
        }
    }
}

/// Takes the last leaf off.
fn pop_last<T: Weight>(node: Arc<Node<T>>) -> (Tree<T>, Vec<T>) {
    match Arc::unwrap_or_clone(node) {
        Node::Leaf { items, .. } => (None, items),
        Node::Branch { left, right, .. } => {
            let (rest, items) = pop_last(right);
            (Some(rest.map_or(Arc::clone(&left), |rest| balance(left, rest))), items)
        }
    }
}

/// Two trees of whatever heights as one, with the same leaves.
fn link<T: Weight>(left: Tree<T>, right: Tree<T>) -> Tree<T> {
    match (left, right) {
        (Some(left), Some(right)) => Some(join(left, right)),
        (left, right) => left.or(right),
    }
}

/// The lower of the two takes its place at the edge of the higher, beside a branch of its own height.
fn join<T: Weight>(left: Arc<Node<T>>, right: Arc<Node<T>>) -> Arc<Node<T>> {
    let (on_left, on_right) = (left.height(), right.height());
    match (&*left, &*right) {
        (Node::Branch { left: first, right: second, .. }, _) if on_left > on_right + 1 => {
            balance(Arc::clone(first), join(Arc::clone(second), right))
        }
        (_, Node::Branch { left: first, right: second, .. }) if on_right > on_left + 1 => {
            balance(join(left, Arc::clone(first)), Arc::clone(second))
        }
        _ => Node::branch(left, right),
    }
}

/// A branch of two that may differ by two in height, and so are turned.
fn balance<T: Weight>(left: Arc<Node<T>>, right: Arc<Node<T>>) -> Arc<Node<T>> {
    let (on_left, on_right) = (left.height(), right.height());
    match (&*left, &*right) {
        (Node::Branch { left: first, right: second, .. }, _) if on_left > on_right + 1 => {
            let (first, second) = (Arc::clone(first), Arc::clone(second));
            match &*second {
                Node::Branch { left: inner, right: outer, .. } if second.height() > first.height() => {
                    Node::branch(
                        Node::branch(first, Arc::clone(inner)),
                        Node::branch(Arc::clone(outer), right),
                    )
                }
                _ => Node::branch(first, Node::branch(second, right)),
            }
        }
        (_, Node::Branch { left: first, right: second, .. }) if on_right > on_left + 1 => {
            let (first, second) = (Arc::clone(first), Arc::clone(second));
            match &*first {
                Node::Branch { left: outer, right: inner, .. } if first.height() > second.height() => {
                    Node::branch(
                        Node::branch(left, Arc::clone(outer)),
                        Node::branch(Arc::clone(inner), second),
                    )
                }
                _ => Node::branch(Node::branch(left, first), second),
            }
        }
        _ => Node::branch(left, right),
    }
}

/// Items in one leaf: as many as are copied in no time where a copy of the list is kept.
const LEAF_MAX: usize = 64;
/// Fewer are put together with those beside them.
const LEAF_MIN: usize = LEAF_MAX / 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Weight for u32 {
        fn bytes(&self) -> usize {
            *self as usize % 7
        }
    }

    /// What holds for all trees; returns how many leaves there are.
    fn check(node: &Node<u32>, is_first: bool, is_last: bool) -> usize {
        match node {
            Node::Leaf { items, bytes } => {
                let may_be_small = is_first || is_last;
                assert!(items.len() <= LEAF_MAX && (may_be_small || items.len() >= LEAF_MIN), "{items:?}");
                assert!(!items.is_empty());
                assert_eq!(*bytes, items.iter().map(Weight::bytes).sum::<usize>());
                1
            }
            Node::Branch { left, right, len, bytes, height } => {
                assert!(left.height().abs_diff(right.height()) <= 1);
                assert_eq!(*height, 1 + left.height().max(right.height()));
                assert_eq!(*len, left.len() + right.len());
                assert_eq!(*bytes, left.bytes() + right.bytes());
                check(left, is_first, false) + check(right, false, is_last)
            }
        }
    }

    fn agree(rope: &Rope<u32>, model: &[u32]) {
        if let Some(root) = &rope.0 {
            check(root, true, true);
        }
        assert_eq!(rope.len(), model.len());
        assert!(rope.iter_from(0).eq(model));
    }

    #[test]
    fn insertions_at_one_place_leave_full_leaves() {
        let mut rope = Rope::default();
        for item in 0..20_000_u32 {
            let after = rope.split_off(rope.len() / 2);
            rope.append(iter::once(item).collect());
            rope.append(after);
        }

        let root = rope.0.as_ref().unwrap();
        assert!(check(root, true, true) <= 20_000 / LEAF_MIN + 2);
        assert!(root.height() <= 14, "{}", root.height());
        // Odd ones came before the middle, even ones behind.
        let expected = (1..20_000).step_by(2).chain((0..20_000).step_by(2).rev());
        assert!(rope.iter_from(0).copied().eq(expected));
    }

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut rope: Rope<u32> = (0..1_000).collect();
        let copy = rope.clone();

        rope.set(500, 7).unwrap();
        let after = rope.split_off(300);
        rope.append(after);
        rope.split_off(10);

        agree(&copy, &(0..1_000).collect::<Vec<_>>());
        agree(&rope, &(0..10).collect::<Vec<_>>());
    }

    /// Cuts out a part and puts it elsewhere, or appends, or drops, or sets.
    fn step(rope: &mut Rope<u32>, model: &mut Vec<u32>, (what, at, to, number): (u8, usize, usize, u32)) {
        let at = at % (model.len() + 1);
        let to = at + to % (model.len() - at + 1);
        match what {
            0 => {
                let added = number as usize % 300;
                rope.append((0..number % 300).collect());
                model.extend(0..added as u32);
            }
            1 => {
                let mut part = rope.split_off(at);
                let rest = part.split_off(to - at);
                rope.append(rest);
                let cut: Vec<u32> = model.drain(at..to).collect();
                agree(&part, &cut);
                let place = number as usize % (model.len() + 1);
                let rest = rope.split_off(place);
                rope.append(part);
                rope.append(rest);
                model.splice(place..place, cut);
            }
            2 => {
                let mut part = rope.split_off(at);
                rope.append(part.split_off(to - at));
                model.drain(at..to);
            }
            3 => {
                let before = model.get_mut(at).map(|item| std::mem::replace(item, number));
                assert_eq!(rope.set(at, number), before);
            }
            _ => {
                let (start, after) = (rope.clone(), rope.split_off(at));
                rope.append(iter::once(number).collect());
                rope.append(after);
                agree(&start, model);
                model.insert(at, number);
            }
        }
    }

    proptest! {
        #[test]
        fn a_rope_does_what_a_vec_does(
            steps in proptest::collection::vec((0..5_u8, any::<usize>(), any::<usize>(), any::<u32>()), 1..60),
        ) {
            let (mut rope, mut model) = (Rope::default(), Vec::new());
            for numbers in steps {
                step(&mut rope, &mut model, numbers);
                agree(&rope, &model);
                let at = numbers.2 % (model.len() + 2);
                prop_assert_eq!(rope.get(at), model.get(at));
                prop_assert!(rope.iter_from(at).eq(model.iter().skip(at)));
                prop_assert_eq!(rope.bytes(), model.iter().map(Weight::bytes).sum::<usize>());
            }
        }
    }
}
