//! The bits of a filter.

use std::sync::Arc;

use serde_bytes::ByteBuf;

/// Bits by pages: those of which none is set take no room, and a copy shares them all.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits {
    /// None of them before the first bit is set.
    pages: Vec<Option<Arc<[u64]>>>,
    /// How many there are of them.
    of: u64,
    /// A page has two to the power of this many.
    page_shift: u32,
    count: u64,
    bytes: usize,
}

impl Bits {
    /// So many bits, none of which is set.
    pub(super) fn new(of: u64) -> Self {
        let page_shift = of.div_ceil(PAGES_MAX).next_power_of_two().ilog2().max(PAGE_SHIFT_MIN);
        Self { of, page_shift, ..Self::default() }
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
        let (page, word, mask) = self.place(position);
        matches!(self.pages.get(page), Some(Some(page)) if page[word] & mask != 0)
    }

    /// Sets a bit. Whether it was not.
    pub(super) fn set(&mut self, position: u64) -> bool {
        let (number, word, mask) = self.place(position);
        if let Some(Some(page)) = self.pages.get_mut(number) {
            let is_new = page[word] & mask == 0;
            if is_new {
                Arc::make_mut(page)[word] |= mask;
                self.count += 1;
            }
            return is_new;
        }
        let mut page = vec![0; self.page_words(number)];
        page[word] = mask;
        self.insert(number, page);
        true
    }

    /// The page of a bit, its word there, and the bit in that.
    fn place(&self, position: u64) -> (usize, usize, u64) {
        let in_page = position & ((1 << self.page_shift) - 1);
        ((position >> self.page_shift) as usize, (in_page / 64) as usize, 1 << (in_page % 64))
    }

    /// How many words a page has: the last one only as many as it needs.
    fn page_words(&self, number: usize) -> usize {
        let left = self.of - ((number as u64) << self.page_shift);
        left.min(1 << self.page_shift).div_ceil(64) as usize
    }

    /// Adds a page that is not there.
    fn insert(&mut self, number: usize, page: Vec<u64>) {
        if self.pages.is_empty() {
            let pages = self.of.div_ceil(1 << self.page_shift) as usize;
            self.pages.resize(pages, None);
            self.bytes = pages * size_of::<Option<Arc<[u64]>>>();
        }
        self.count += page.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        self.bytes += 8 * page.len() + PAGE_HEAD_BYTES;
        self.pages[number] = Some(page.into());
    }

    /// Its pages as they are saved, with their numbers.
    pub(super) fn save(&self) -> Vec<(u32, ByteBuf)> {
        let bytes = |page: &[u64]| page.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let pages = (0..).zip(&self.pages);
        pages.filter_map(|(number, page)| Some((number, ByteBuf::from(bytes(page.as_ref()?))))).collect()
    }

    /// Takes in a page that was saved.
    pub(super) fn load(&mut self, number: u32, bytes: &[u8]) -> Result<(), &'static str> {
        let (number, start) = (number as usize, u64::from(number) << self.page_shift);
        if start >= self.of || matches!(self.pages.get(number), Some(Some(_))) {
            return Err("a filter with a page that is none of its own");
        }
        let (words, rest) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        if !rest.is_empty() || words.len() != self.page_words(number) {
            return Err("a filter with a page of another length");
        }
        // Of the last word only some bits are the filter's.
        let beyond = (start + 64 * words.len() as u64).saturating_sub(self.of);
        if words.last().is_some_and(|word| u64::from(word.leading_zeros()) < beyond) {
            return Err("a filter with bits beyond its last");
        }
        self.insert(number, words);
        Ok(())
    }
}

/// Pages of a filter: few enough that a copy of their table costs nothing.
const PAGES_MAX: u64 = 512;

/// Bits of a page, as a power of two: at least 4 KiB. A step in a batch copies as many pages as an element has bits.
const PAGE_SHIFT_MIN: u32 = 15;

/// What a page takes beside its bits, about.
const PAGE_HEAD_BYTES: usize = 48;
