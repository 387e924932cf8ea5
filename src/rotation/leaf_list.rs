//! The leaves behind the first: full enough, but for the last, which is entered at its end.
//!
//! Knows the order of leaves and not that of entries.

use std::collections::VecDeque;

/// How many entries a leaf has room for: a power of two. When it is full and is entered, half of
/// them move to another.
pub(crate) const LEAF: usize = 128;

/// Leaves, of which none is empty, and each but the last at least half full.
#[derive(Clone, Debug)]
pub(crate) struct LeafList<T> {
    leaves: VecDeque<Vec<T>>,
    last: Vec<T>,
    /// The leaf that was emptied last.
    spare: Vec<T>,
    /// How many entries those before the last have.
    before_last: usize,
}

impl<T: Copy> LeafList<T> {
    /// One leaf with some entries, and room for more.
    #[cold]
    pub(crate) fn of(entries: &[T]) -> Self {
        let mut last = Vec::with_capacity(LEAF);
        last.extend_from_slice(entries);
        Self { leaves: VecDeque::new(), last, spare: Vec::new(), before_last: 0 }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.before_last + self.last.len()
    }

    /// How many leaves there are.
    pub(crate) fn count(&self) -> usize {
        self.leaves.len() + 1
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.leaves.iter().chain([&self.last, &self.spare]).map(Vec::capacity).sum()
    }

    pub(crate) fn leaf(&self, nth: usize) -> Option<&[T]> {
        let last = || Some(&self.last).filter(|_| nth == self.leaves.len());
        self.leaves.get(nth).or_else(last).map(Vec::as_slice)
    }

    /// The leaves from one on.
    pub(crate) fn from(&self, nth: usize) -> impl Iterator<Item = &[T]> {
        let leaves = self.leaves.range(nth.min(self.leaves.len())..);
        leaves.chain([&self.last]).map(Vec::as_slice)
    }

    /// The last entry of all.
    #[inline]
    pub(crate) fn last(&self) -> Option<&T> {
        self.last.last()
    }

    /// Adds an entry at the end.
    #[inline]
    pub(crate) fn push(&mut self, entry: T) {
        if self.last.len() == LEAF {
            self.begin();
        }
        self.last.push(entry);
    }

    /// Begins another leaf.
    #[inline(never)]
    fn begin(&mut self) {
        let mut next = std::mem::take(&mut self.spare);
        next.reserve_exact(LEAF);
        self.follow(next);
    }

    /// Makes another leaf the last.
    fn follow(&mut self, next: Vec<T>) {
        self.before_last += self.last.len();
        self.leaves.push_back(std::mem::replace(&mut self.last, next));
    }

    /// Puts an entry into a leaf.
    pub(crate) fn insert(&mut self, leaf: usize, nth: usize, entry: T) {
        let Some(of) = self.leaves.get_mut(leaf) else {
            if nth == self.last.len() {
                self.push(entry);
            } else if let Some(rest) = enter(&mut self.last, nth, entry) {
                self.follow(rest);
            }
            return;
        };
        self.before_last += 1;
        if let Some(rest) = enter(of, nth, entry) {
            self.leaves.insert(leaf + 1, rest);
        }
    }

    pub(crate) fn push_front(&mut self, leaf: Vec<T>) {
        self.before_last += leaf.len();
        self.leaves.push_front(leaf);
    }

    /// Takes the first leaf out, and says whether it was the only one. That leaves the list of no
    /// use.
    pub(crate) fn pop_front(&mut self) -> (Vec<T>, bool) {
        match self.leaves.pop_front() {
            Some(first) => {
                self.before_last -= first.len();
                (first, false)
            }
            None => (std::mem::take(&mut self.last), true),
        }
    }

    /// Keeps the memory of a leaf for the next that begins.
    pub(crate) fn keep(&mut self, mut leaf: Vec<T>) {
        leaf.clear();
        self.spare = leaf;
    }

    /// Drops the last entry, and says whether it was the only one. That leaves the list of no use.
    pub(crate) fn pop_last(&mut self) -> bool {
        self.last.pop();
        if !self.last.is_empty() {
            return false;
        }
        let Some(leaf) = self.leaves.pop_back() else { return true };
        self.before_last -= leaf.len();
        self.last = leaf;
        false
    }

    /// The first entry of the leaves from one on of which a condition holds. Leaves before it in
    /// which it holds of none are dropped, but the last: says how many entries went.
    pub(crate) fn find_from(
        &mut self,
        leaf: usize,
        find: impl Fn(&[T]) -> Option<T>,
    ) -> (Option<T>, usize) {
        let mut next = leaf;
        let found = loop {
            match self.leaves.get(next) {
                None => break find(&self.last),
                Some(of) => match find(of) {
                    None => next += 1,
                    found => break found,
                },
            }
        };
        let gone = self.leaves.drain(leaf..next).map(|of| of.len()).sum();
        self.before_last -= gone;
        (found, gone)
    }
}

/// Puts an entry into a leaf. If there is no room, its second half makes some and is returned.
pub(crate) fn enter<T: Copy>(leaf: &mut Vec<T>, nth: usize, entry: T) -> Option<Vec<T>> {
    if leaf.len() < LEAF {
        // A copy has no room.
        leaf.reserve_exact(LEAF - leaf.len());
        leaf.insert(nth, entry);
        return None;
    }
    let half = LEAF / 2;
    let mut rest = Vec::with_capacity(LEAF);
    rest.extend_from_slice(&leaf[half..]);
    leaf.truncate(half);
    match nth.checked_sub(half) {
        Some(nth) => rest.insert(nth, entry),
        None => leaf.insert(nth, entry),
    }
    Some(rest)
}
