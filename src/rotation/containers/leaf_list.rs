//! The leaves behind the first: full enough, but for the last, which is mostly entered at its end.
//!
//! Knows the order of leaves and not that of entries.

use std::collections::VecDeque;

use crate::rotation::containers::ring::Ring;

/// How many entries a leaf has room for: a power of two. No entry that comes or leaves moves more
/// than half as many: in a leaf the fewer of the others move, of a full one a half moves to
/// another, and one that is not a quarter full any more goes to the next if there is room.
pub(crate) const LEAF: usize = 128;

/// Leaves, of which none is empty, and each but the last at least a quarter full. The memory of
/// each is as long as a leaf can be.
#[derive(Clone, Debug)]
pub(crate) struct LeafList<T> {
    leaves: VecDeque<Ring<T>>,
    last: Ring<T>,
    /// The leaf that was emptied last.
    spare: Ring<T>,
    /// How many entries those before the last have.
    before_last: usize,
}

impl<T: Copy> LeafList<T> {
    /// One leaf.
    pub(crate) fn of(leaf: Ring<T>) -> Self {
        Self { leaves: VecDeque::new(), last: leaf, spare: Ring::default(), before_last: 0 }
    }

    /// One leaf with an entry.
    #[cold]
    pub(crate) fn begun(entry: T) -> Self {
        let mut leaf = Ring::with_room(LEAF, entry);
        leaf.push(entry);
        Self::of(leaf)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.before_last + self.last.len
    }

    /// How many leaves there are.
    pub(crate) fn count(&self) -> usize {
        self.leaves.len() + 1
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        let all = self.leaves.iter().chain([&self.last, &self.spare]);
        all.map(|leaf| leaf.slots.capacity()).sum()
    }

    pub(crate) fn leaf(&self, nth: usize) -> Option<&Ring<T>> {
        let last = || Some(&self.last).filter(|_| nth == self.leaves.len());
        self.leaves.get(nth).or_else(last)
    }

    /// The leaves from one on.
    pub(crate) fn from(&self, nth: usize) -> impl DoubleEndedIterator<Item = &Ring<T>> {
        self.leaves.range(nth.min(self.leaves.len())..).chain([&self.last])
    }

    /// How many leaves begin before something.
    pub(crate) fn partition_point(&self, comes_before: impl Fn(&T) -> bool) -> usize {
        let begins_before = |leaf: &Ring<T>| leaf.head().is_some_and(&comes_before);
        if begins_before(&self.last) {
            self.count()
        } else {
            self.leaves.partition_point(begins_before)
        }
    }

    /// The last entry of all.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn last(&self) -> Option<&T> {
        self.last.end(LEAF)
    }

    /// Adds an entry at the end.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: T) {
        if self.last.len == LEAF {
            self.begin();
        }
        self.last.put(LEAF, entry);
    }

    /// Begins another leaf. The last is full.
    #[inline(never)]
    fn begin(&mut self) {
        if let Some(filler) = self.last().copied() {
            let next = self.fresh(filler);
            self.follow(next);
        }
    }

    /// A leaf without entries.
    pub(crate) fn fresh(&mut self, filler: T) -> Ring<T> {
        let spare = std::mem::take(&mut self.spare);
        if spare.slots.len() == LEAF { spare } else { Ring::with_room(LEAF, filler) }
    }

    /// Makes another leaf the last.
    fn follow(&mut self, next: Ring<T>) {
        self.before_last += self.last.len;
        self.leaves.push_back(std::mem::replace(&mut self.last, next));
    }

    /// Puts an entry into a leaf.
    pub(crate) fn insert(&mut self, leaf: usize, nth: usize, entry: T) {
        let of = self.leaves.get_mut(leaf);
        let is_last = of.is_none();
        let of = of.unwrap_or(&mut self.last);
        if of.len < LEAF {
            of.insert(nth, entry);
            self.before_last += usize::from(!is_last);
        } else if is_last && nth == LEAF {
            self.push(entry);
        } else {
            self.split(leaf, nth, entry);
        }
    }

    /// Puts an entry into a leaf that is full.
    #[inline(never)]
    fn split(&mut self, leaf: usize, nth: usize, entry: T) {
        let fresh = self.fresh(entry);
        match self.leaves.get_mut(leaf) {
            None => {
                let rest = self.last.split(nth, entry, fresh);
                self.follow(rest);
            }
            Some(of) => {
                let rest = of.split(nth, entry, fresh);
                self.leaves.insert(leaf + 1, rest);
                self.before_last += 1;
            }
        }
    }

    pub(crate) fn push_front(&mut self, leaf: Ring<T>) {
        self.before_last += leaf.len;
        self.leaves.push_front(leaf);
    }

    /// Takes the first leaf out, and says whether it was the only one. That leaves the list of no
    /// use.
    pub(crate) fn pop_front(&mut self) -> (Ring<T>, bool) {
        match self.leaves.pop_front() {
            Some(first) => {
                self.before_last -= first.len;
                (first, false)
            }
            None => (std::mem::take(&mut self.last), true),
        }
    }

    /// Takes an entry out, and says whether it was the only one. That leaves the list of no use.
    pub(crate) fn remove(&mut self, leaf: usize, nth: usize) -> bool {
        let Some(of) = self.leaves.get_mut(leaf) else {
            self.last.remove(nth);
            return self.last.len == 0 && self.give_up_last();
        };
        of.remove(nth);
        let is_too_short = of.len < LEAF / 4;
        self.before_last -= 1;
        if is_too_short {
            self.fill(leaf);
        }
        false
    }

    /// Puts the entries of a leaf that is too short, and is not the last, before those of the next.
    /// If they have no room there it gets the first of those instead.
    #[inline(never)]
    fn fill(&mut self, leaf: usize) {
        let is_last = leaf + 1 == self.leaves.len();
        let Some(mut of) = self.leaves.get_mut(leaf).map(std::mem::take) else { return };
        let next = self.leaves.get_mut(leaf + 1).unwrap_or(&mut self.last);
        if of.len + next.len > LEAF {
            if let Some(first) = next.get(0).copied() {
                of.put(LEAF, first);
                next.drop_first();
                self.before_last += usize::from(is_last);
            }
            self.leaves[leaf] = of;
            return;
        }
        self.before_last -= if is_last { of.len } else { 0 };
        while let Some(last) = of.pop_last() {
            next.insert(0, last);
        }
        self.leaves.remove(leaf);
        self.spare = of;
    }

    /// Keeps the memory of a leaf for the next that begins.
    pub(crate) fn keep(&mut self, leaf: Ring<T>) {
        self.spare = leaf;
    }

    /// Drops the last entry, and says whether it was the only one. That leaves the list of no use.
    pub(crate) fn pop_last(&mut self) -> bool {
        self.last.pop_last();
        self.last.len == 0 && self.give_up_last()
    }

    /// Has the leaf before the last be the last, which is empty. Says whether there is none.
    fn give_up_last(&mut self) -> bool {
        let Some(leaf) = self.leaves.pop_back() else { return true };
        self.before_last -= leaf.len;
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
        let find = |of: &Ring<T>| of.parts(0).into_iter().find_map(&find);
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
        let gone = self.leaves.drain(leaf..next).map(|of| of.len).sum();
        self.before_last -= gone;
        (found, gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::containers::leaves::Leaves;

    /// Entries are numbers that mean nothing: a plain list says in which order they are.
    #[derive(Default)]
    struct Twins {
        leaves: Leaves<usize>,
        plain: VecDeque<usize>,
        /// Where each is in the plain list.
        ranks: Vec<usize>,
    }

    impl Twins {
        /// Puts an entry behind so many, and says how many others lie elsewhere in memory then.
        fn enter(&mut self, nth: usize, at_end: bool) -> usize {
            let entry = self.ranks.len();
            self.ranks.push(nth);
            self.plain.insert(nth, entry);
            let gap = self.leaves.gap(|at| self.ranks[*at] < nth);
            let before: Vec<*const usize> = self.leaves.iter().map(std::ptr::from_ref).collect();
            if at_end {
                self.leaves.push(entry);
            } else {
                self.leaves.insert(gap, entry);
            }
            for (rank, at) in self.plain.iter().enumerate().skip(nth) {
                self.ranks[*at] = rank;
            }
            assert!(self.leaves.iter().eq(&self.plain), "{nth} of {}", self.plain.len());
            let others = self.leaves.iter().enumerate().filter(|(rank, _)| *rank != nth);
            let moved = others.zip(before).filter(|((_, at), was)| !std::ptr::eq(*at, *was));
            moved.count()
        }

        /// Takes the entry behind so many out, and says how many others lie elsewhere then.
        fn leave(&mut self, nth: usize) -> usize {
            let gap = self.leaves.gap(|at| self.ranks[*at] < nth);
            let before: Vec<*const usize> = self.leaves.iter().map(std::ptr::from_ref).collect();
            self.leaves.remove(gap);
            self.plain.remove(nth);
            for (rank, at) in self.plain.iter().enumerate().skip(nth) {
                self.ranks[*at] = rank;
            }
            assert!(self.leaves.iter().eq(&self.plain), "{nth} of {}", self.plain.len());
            let left = before.iter().enumerate().filter(|(rank, _)| *rank != nth);
            let left = left.zip(self.leaves.iter());
            let moved = left.filter(|((_, was), at)| !std::ptr::eq(*at, **was));
            moved.count()
        }

        fn drop_some(&mut self, first: usize, last: usize) {
            for _ in 0..first.min(self.plain.len()) {
                self.plain.pop_front();
                self.leaves.drop_first();
            }
            for _ in 0..last.min(self.plain.len()) {
                self.plain.pop_back();
                self.leaves.drop_last();
            }
            for (rank, at) in self.plain.iter().enumerate() {
                self.ranks[*at] = rank;
            }
        }
    }

    /// Wherever entries come and go.
    #[test]
    fn no_entry_moves_more_than_half_a_leaf() {
        let half = LEAF / 2;
        let mut seed = 1_u64;
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            usize::try_from(seed >> 33).unwrap() % most
        };
        let (mut most, mut longest) = (0, 0);
        for (way, drops) in (0..12).flat_map(|way| (0..5).map(move |drops| (way, drops))) {
            let (mut twins, mut was) = (Twins::default(), 0);
            for step in 0..1_000 {
                let len = twins.plain.len();
                let (nth, at_end) = match way {
                    0 => (len / 2, false),
                    1 => (0, false),
                    2 => (len, false),
                    3 => (len, true),
                    // Behind the one before, and before it.
                    4 => (was + 1, false),
                    5 => (was, false),
                    // In the middle of a leaf, and beside it.
                    6..=8 => (half + way - 7, false),
                    // So that all leaves fill up, and are entered in the middle when they are full.
                    9 if step < 600 => (len, true),
                    9 => (step * LEAF % (len + 1) + half, false),
                    10 => (len.saturating_sub(draw(LEAF)), false),
                    _ => (draw(len + 1), draw(8) == 0),
                };
                was = if at_end { len } else { nth.min(len) };
                let moved = twins.enter(was, at_end);
                assert!(moved <= half, "{moved} moved in step {step} of {way} with {drops}");
                most = most.max(moved);
                match drops {
                    1 => twins.drop_some(draw(2), 0),
                    2 if draw(100) == 0 => twins.drop_some(draw(3 * LEAF), draw(LEAF)),
                    3 if draw(50) == 0 => twins.leaves = twins.leaves.clone(),
                    // Nearly all leave again, until there are few.
                    4 if step > 700 => {
                        for _ in 0..4.min(twins.plain.len()) {
                            let left = twins.leave(draw(twins.plain.len()));
                            assert!(left <= half, "{left} moved for one that left");
                            most = most.max(left);
                        }
                    }
                    _ => {}
                }
                was = was.min(twins.plain.len().saturating_sub(1));
                longest = longest.max(twins.plain.len());
            }
        }
        assert_eq!((most, longest), (half, 1_000));
    }
}
