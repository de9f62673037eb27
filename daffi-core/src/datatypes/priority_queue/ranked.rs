//! An ordered map that knows the rank of each key.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ordered map with the rank of each key and the key of each rank, all in O(log n), of which a copy is cheap.
///
/// A tree balanced by weight (Hirai and Yamamoto, 2011), whose nodes are shared between copies until they are changed.
/// The ordered map of `imbl`, which the other datatypes use, knows no ranks.
#[derive(Clone)]
pub(super) struct Ranked<K, V>(Tree<K, V>);

type Tree<K, V> = Option<Arc<Node<K, V>>>;

#[derive(Clone)]
struct Node<K, V> {
    key: K,
    value: V,
    len: usize,
    left: Tree<K, V>,
    right: Tree<K, V>,
}

impl<K, V> Default for Ranked<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Ord + Clone, V: Clone> Ranked<K, V> {
    pub(super) fn len(&self) -> usize {
        len(&self.0)
    }

    /// Puts in a value, and returns the one that was there.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        insert(&mut self.0, key, value)
    }

    /// How many keys stand before all for which this does not hold, which it must do for none behind one of those.
    pub(super) fn count_while(&self, holds: impl Fn(&K) -> bool) -> usize {
        let (mut tree, mut before) = (&self.0, 0);
        while let Some(node) = tree {
            if holds(&node.key) {
                before += len(&node.left) + 1;
                tree = &node.right;
            } else {
                tree = &node.left;
            }
        }
        before
    }

    /// The rank of a key, if it is there.
    pub(super) fn rank(&self, key: &K) -> Option<usize> {
        let rank = self.count_while(|other| other < key);
        self.at(rank).filter(|(other, _)| *other == key).map(|_| rank)
    }

    /// The key of this rank, and its value.
    pub(super) fn at(&self, mut rank: usize) -> Option<(&K, &V)> {
        let mut tree = &self.0;
        while let Some(node) = tree {
            let before = len(&node.left);
            match rank.cmp(&before) {
                Ordering::Less => tree = &node.left,
                Ordering::Equal => return Some((&node.key, &node.value)),
                Ordering::Greater => {
                    rank -= before + 1;
                    tree = &node.right;
                }
            }
        }
        None
    }

    /// Changes the value of this rank.
    pub(super) fn at_mut(&mut self, mut rank: usize) -> Option<&mut V> {
        let mut tree = &mut self.0;
        while let Some(node) = tree {
            let node = Arc::make_mut(node);
            let before = len(&node.left);
            match rank.cmp(&before) {
                Ordering::Less => tree = &mut node.left,
                Ordering::Equal => return Some(&mut node.value),
                Ordering::Greater => {
                    rank -= before + 1;
                    tree = &mut node.right;
                }
            }
        }
        None
    }

    /// Takes out the key of this rank.
    pub(super) fn remove_at(&mut self, rank: usize) -> Option<(K, V)> {
        if rank < self.len() { remove_at(&mut self.0, rank) } else { None }
    }
}

fn len<K, V>(tree: &Tree<K, V>) -> usize {
    tree.as_ref().map_or(0, |node| node.len)
}

fn insert<K: Ord + Clone, V: Clone>(tree: &mut Tree<K, V>, key: K, value: V) -> Option<V> {
    let Some(shared) = tree else {
        *tree = Some(Arc::new(Node { key, value, len: 1, left: None, right: None }));
        return None;
    };
    let node = Arc::make_mut(shared);
    let before = match key.cmp(&node.key) {
        Ordering::Less => insert(&mut node.left, key, value),
        Ordering::Greater => insert(&mut node.right, key, value),
        Ordering::Equal => return Some(std::mem::replace(&mut node.value, value)),
    };
    balance(tree);
    before
}

fn remove_at<K: Clone, V: Clone>(tree: &mut Tree<K, V>, rank: usize) -> Option<(K, V)> {
    let node = Arc::make_mut(tree.as_mut()?);
    let before = len(&node.left);
    let removed = match rank.cmp(&before) {
        Ordering::Less => remove_at(&mut node.left, rank),
        Ordering::Greater => remove_at(&mut node.right, rank - before - 1),
        Ordering::Equal => match (node.left.take(), node.right.take()) {
            (rest, None) | (None, rest) => {
                let node = std::mem::replace(tree, rest)?;
                let Node { key, value, .. } = Arc::unwrap_or_clone(node);
                return Some((key, value));
            }
            (left, mut right) => {
                let (key, value) = remove_at(&mut right, 0)?;
                (node.left, node.right) = (left, right);
                Some((std::mem::replace(&mut node.key, key), std::mem::replace(&mut node.value, value)))
            }
        },
    };
    balance(tree);
    removed
}

/// Restores the balance of a tree in one of whose halves one was put in or taken out.
fn balance<K: Clone, V: Clone>(tree: &mut Tree<K, V>) {
    let Some(shared) = tree else { return };
    let node = Arc::make_mut(shared);
    node.len = len(&node.left) + 1 + len(&node.right);
    let (left, right) = (weight(&node.left), weight(&node.right));
    if right > DELTA * left {
        let is_inner =
            node.right.as_ref().is_some_and(|right| weight(&right.left) >= GAMMA * weight(&right.right));
        if is_inner {
            rotate(&mut node.right, |node| (&mut node.left, &mut node.right));
        }
        rotate(tree, |node| (&mut node.right, &mut node.left));
    } else if left > DELTA * right {
        let is_inner =
            node.left.as_ref().is_some_and(|left| weight(&left.right) >= GAMMA * weight(&left.left));
        if is_inner {
            rotate(&mut node.left, |node| (&mut node.right, &mut node.left));
        }
        rotate(tree, |node| (&mut node.left, &mut node.right));
    }
}

/// Makes the root's child on one side the root, and the root its child on the other. `sides` are the two of a node.
fn rotate<K: Clone, V: Clone>(tree: &mut Tree<K, V>, sides: fn(&mut Node<K, V>) -> Sides<'_, K, V>) {
    let Some(mut old) = tree.take() else { return };
    let root = Arc::make_mut(&mut old);
    let Some(mut child) = sides(root).0.take() else {
        *tree = Some(old);
        return;
    };
    let risen = Arc::make_mut(&mut child);
    *sides(root).0 = sides(risen).1.take();
    root.len = len(&root.left) + 1 + len(&root.right);
    *sides(risen).1 = Some(old);
    risen.len = len(&risen.left) + 1 + len(&risen.right);
    *tree = Some(child);
}

type Sides<'a, K, V> = (&'a mut Tree<K, V>, &'a mut Tree<K, V>);

fn weight<K, V>(tree: &Tree<K, V>) -> usize {
    len(tree) + 1
}

/// How many times as heavy one half may be as the other. This and [`GAMMA`] are the one pair of integers that is
/// proven to keep the balance.
const DELTA: usize = 3;
/// How many times as heavy the inner grandchild may be as the outer for one rotation to do.
const GAMMA: usize = 2;

impl<K, V> Ranked<K, V> {
    /// All keys with their values, in order.
    fn visit<'a, E>(&'a self, each: &mut impl FnMut(&'a K, &'a V) -> Result<(), E>) -> Result<(), E> {
        visit(&self.0, each)
    }
}

fn visit<'a, K, V, E>(
    tree: &'a Tree<K, V>,
    each: &mut impl FnMut(&'a K, &'a V) -> Result<(), E>,
) -> Result<(), E> {
    let Some(node) = tree else { return Ok(()) };
    visit(&node.left, each)?;
    each(&node.key, &node.value)?;
    visit(&node.right, each)
}

impl<K: PartialEq, V: PartialEq> PartialEq for Ranked<K, V> {
    fn eq(&self, other: &Self) -> bool {
        entries(self) == entries(other)
    }
}

fn entries<K, V>(map: &Ranked<K, V>) -> Vec<(&K, &V)> {
    let mut entries = Vec::with_capacity(len(&map.0));
    let visited: Result<(), std::convert::Infallible> = map.visit(&mut |key, value| {
        entries.push((key, value));
        Ok(())
    });
    match visited {
        Ok(()) => entries,
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Ranked<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(entries(self)).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Ranked<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(entries(self))
    }
}

impl<'de, K: Deserialize<'de> + Ord + Clone, V: Deserialize<'de> + Clone> Deserialize<'de> for Ranked<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

/// Reads the entries as they come.
struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord + Clone, V: Deserialize<'de> + Clone> Visitor<'de> for Entries<K, V> {
    type Value = Ranked<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Ranked<K, V>, A::Error> {
        let mut map = Ranked::default();
        while let Some((key, value)) = entries.next_element()? {
            map.insert(key, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn is_balanced(tree: &Tree<u8, u16>) -> bool {
        let Some(node) = tree else { return true };
        let (left, right) = (weight(&node.left), weight(&node.right));
        left <= DELTA * right
            && right <= DELTA * left
            && node.len == len(&node.left) + 1 + len(&node.right)
            && is_balanced(&node.left)
            && is_balanced(&node.right)
    }

    proptest! {
        #[test]
        fn it_is_a_map_whose_keys_have_ranks(
            steps in prop::collection::vec((any::<u8>(), any::<u16>(), 0..4_u8), 0..400),
        ) {
            let (mut map, mut model) = (Ranked::default(), BTreeMap::new());
            let mut copies = Vec::new();
            for (key, value, what) in steps {
                match what {
                    0 => {
                        let rank = usize::from(value) % (model.len() + 1);
                        let key = model.keys().nth(rank).copied();
                        let removed = key.and_then(|key| model.remove_entry(&key));
                        prop_assert_eq!(map.remove_at(rank), removed);
                    }
                    1 => copies.push((map.clone(), model.clone())),
                    _ => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                }
                prop_assert!(is_balanced(&map.0));
                prop_assert_eq!(map.rank(&key), model.keys().position(|other| *other == key));
                prop_assert_eq!(map.count_while(|other| *other < key), model.range(..key).count());
            }
            copies.push((map, model));
            for (map, model) in copies {
                prop_assert_eq!(map.len(), model.len());
                let entries = (0..map.len()).filter_map(|rank| map.at(rank)).map(|(key, value)| (*key, *value));
                prop_assert_eq!(entries.collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_was_saved_is_what_is_loaded() {
        let mut map = Ranked::default();
        (0..1_000_u32).for_each(|key| assert_eq!(map.insert(key * 7 % 1_000, key), None));

        let bytes = crate::wire::encode(&map).unwrap();

        assert!(crate::wire::decode::<Ranked<u32, u32>>(&bytes).unwrap() == map);
    }
}
