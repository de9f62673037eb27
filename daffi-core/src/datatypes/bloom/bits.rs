//! The bits of a filter.

use std::sync::Arc;

use serde_bytes::ByteBuf;

/// Bits in a tree of small nodes, of which a copy shares all. Where none is set there is no node, so that what a filter
/// takes grows with what was sent, however large it says that it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits {
    root: Option<Arc<Node>>,
    /// How many branches there are on the way to a leaf.
    depth: u32,
    /// How many bits there are, set or not.
    of: u64,
    count: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Node {
    Branch([Option<Arc<Self>>; FAN_OUT]),
    Leaf(Leaf),
}

/// 512 bytes of bits.
type Leaf = [u64; FAN_OUT];

/// Children of a node, and words of a leaf: a write in a batch copies as many on each level.
const FAN_OUT: usize = 1 << FAN_OUT_BITS;
const FAN_OUT_BITS: u32 = 6;

/// Bits of a leaf, as a power of two.
const LEAF_SHIFT: u32 = FAN_OUT_BITS + u64::BITS.ilog2();

/// With its counters.
const NODE_BYTES: usize = size_of::<Node>() + 16;

impl Node {
    /// Adds its leaves: as bytes, the lowest bit first.
    fn save(&self, number: u32, saved: &mut Vec<(u32, ByteBuf)>) {
        match self {
            Self::Leaf(leaf) => {
                let bytes: Vec<u8> = leaf.iter().flat_map(|word| word.to_le_bytes()).collect();
                saved.push((number, ByteBuf::from(bytes)));
            }
            Self::Branch(children) => {
                for (at, child) in (0..).zip(children) {
                    if let Some(child) = child {
                        child.save(number << FAN_OUT_BITS | at, saved);
                    }
                }
            }
        }
    }
}

impl Bits {
    /// So many bits, none of which is set.
    pub(super) fn new(of: u64) -> Self {
        let leaves = of.div_ceil(1 << LEAF_SHIFT);
        let depth = leaves.next_power_of_two().ilog2().div_ceil(FAN_OUT_BITS);
        Self { depth, of, ..Self::default() }
    }

    /// How many of them are set.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_set(&self, position: u64) -> bool {
        let (leaf, word, mask) = place(position);
        self.leaf(leaf).is_some_and(|leaf| leaf[word] & mask != 0)
    }

    /// Sets a bit. Whether it was not.
    pub(super) fn set(&mut self, position: u64) -> bool {
        // Looked at first: nothing is copied if there is nothing to change.
        if self.is_set(position) {
            return false;
        }
        let (leaf, word, mask) = place(position);
        self.leaf_mut(leaf)[word] |= mask;
        self.count += 1;
        true
    }

    fn leaf(&self, number: u64) -> Option<&Leaf> {
        let mut node = self.root.as_ref()?;
        for level in (0..self.depth).rev() {
            let Node::Branch(children) = &**node else { unreachable!("leaves are all equally deep") };
            node = children[child(number, level)].as_ref()?;
        }
        match &**node {
            Node::Leaf(leaf) => Some(leaf),
            Node::Branch(_) => unreachable!("branches end above the leaves"),
        }
    }

    /// A leaf that is this tree's own, made if it is not there.
    fn leaf_mut(&mut self, number: u64) -> &mut Leaf {
        let Self { root, bytes, .. } = self;
        let mut grown = |node: Node| {
            *bytes += NODE_BYTES;
            Arc::new(node)
        };
        let mut place = root;
        for level in (0..self.depth).rev() {
            let node = place.get_or_insert_with(|| grown(Node::Branch([const { None }; FAN_OUT])));
            let Node::Branch(children) = Arc::make_mut(node) else {
                unreachable!("leaves are all equally deep")
            };
            place = &mut children[child(number, level)];
        }
        match Arc::make_mut(place.get_or_insert_with(|| grown(Node::Leaf([0; FAN_OUT])))) {
            Node::Leaf(leaf) => leaf,
            Node::Branch(_) => unreachable!("branches end above the leaves"),
        }
    }

    /// Its leaves as they are saved, with their numbers.
    pub(super) fn save(&self) -> Vec<(u32, ByteBuf)> {
        let mut saved = Vec::new();
        if let Some(root) = &self.root {
            root.save(0, &mut saved);
        }
        saved
    }

    /// Takes in a leaf that was saved.
    pub(super) fn load(&mut self, number: u32, bytes: &[u8]) -> Result<(), &'static str> {
        let (number, start) = (u64::from(number), u64::from(number) << LEAF_SHIFT);
        if start >= self.of || self.leaf(number).is_some() {
            return Err("a filter with bits that are none of its own");
        }
        let mut leaf = [0; FAN_OUT];
        let (words, rest) = bytes.as_chunks::<8>();
        if words.len() != leaf.len() || !rest.is_empty() {
            return Err("a filter with bits of another length");
        }
        for (word, bytes) in leaf.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*bytes);
        }
        let last =
            leaf.iter().rposition(|word| *word != 0).ok_or("a filter with bits of which none is set")?;
        let end = start + 64 * last as u64 + u64::from(64 - leaf[last].leading_zeros());
        if end > self.of {
            return Err("a filter with bits beyond its last");
        }
        self.count += leaf.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        *self.leaf_mut(number) = leaf;
        Ok(())
    }
}

/// The leaf of a bit, its word there, and the bit in that.
fn place(position: u64) -> (u64, usize, u64) {
    (position >> LEAF_SHIFT, (position / 64) as usize % FAN_OUT, 1 << (position % 64))
}

/// Which child leads to a leaf from a branch that stands so high above all leaves.
fn child(leaf: u64, level: u32) -> usize {
    (leaf >> (FAN_OUT_BITS * level)) as usize % FAN_OUT
}
