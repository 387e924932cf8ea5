//! Entries in ascending order in leaves of memory, as those of a B+ tree: entered at the end, left
//! at the front, and entered or left in between others at the price of a leaf at most.
//!
//! Long leaves would be dear to enter, and short ones to keep. There are no branches above them: a
//! list of the leaves is searched by halves. While there are few entries they go round in one leaf.
//! Knows no order: who enters says what comes before.

use crate::rotation::containers::leaf_list::{LEAF, LeafList};
use crate::rotation::containers::ring::Ring;

/// A place before an entry or at the end of a leaf, where another can go, until something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The number of the leaf, counted from the front.
    leaf: usize,
    nth: usize,
}

impl Gap {
    /// Whether it is before all entries.
    pub(crate) fn is_first(self) -> bool {
        self.leaf == 0 && self.nth == 0
    }
}

/// Entries in leaves.
#[derive(Clone, Debug)]
pub(crate) struct Leaves<T> {
    /// The first leaf; all, while they are few.
    front: Ring<T>,
    behind: Option<Box<LeafList<T>>>,
}

impl<T: Copy> Leaves<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.front.len == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.front.len + self.behind.as_ref().map_or(0, |behind| behind.len())
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.front.slots.capacity() + self.behind.as_ref().map_or(0, |behind| behind.room())
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn first(&self) -> Option<&T> {
        self.front.get(0)
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn last(&self) -> Option<&T> {
        match &self.behind {
            None => self.front.last(),
            Some(behind) => behind.last(),
        }
    }

    /// The entry behind so many, if it is in the first leaf or the second, as the next quarter of a
    /// leaf is: of leaves only the first and the last are less full than that.
    #[inline]
    pub(crate) fn near(&self, nth: usize) -> Option<&T> {
        match nth.checked_sub(self.front.len) {
            None => self.front.get(nth),
            Some(nth) => self.behind.as_ref()?.leaf(0)?.get(nth),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let behind = self.behind.iter().flat_map(|of| of.from(0)).flat_map(|leaf| leaf.parts(0));
        self.front.parts(0).into_iter().chain(behind).flatten()
    }

    /// How many entries are before a gap.
    pub(crate) fn rank(&self, Gap { leaf, nth }: Gap) -> usize {
        let before = self.behind.iter().flat_map(|behind| behind.from(0));
        let before = [&self.front].into_iter().chain(before).take(leaf);
        before.map(|of| of.len).sum::<usize>() + nth
    }

    /// The entries behind a gap.
    pub(crate) fn iter_from(&self, gap: Gap) -> impl Iterator<Item = &T> {
        let Gap { leaf, nth } = gap;
        let front = self.front.parts(if leaf == 0 { nth } else { self.front.len });
        let behind = self.behind.iter().flat_map(move |of| of.from(leaf.saturating_sub(1)));
        let mut skipped = if leaf == 0 { 0 } else { nth };
        let behind = behind.flat_map(move |leaf| leaf.parts(std::mem::take(&mut skipped)));
        front.into_iter().chain(behind).flatten()
    }

    /// A leaf by its number, counted from the front.
    fn leaf(&self, nth: usize) -> Option<&Ring<T>> {
        match nth.checked_sub(1) {
            None => Some(&self.front),
            Some(nth) => self.behind.as_ref()?.leaf(nth),
        }
    }

    /// The first entry behind a gap of which a condition holds. Leaves between the two in which it
    /// holds of none are dropped: says how many entries went.
    pub(crate) fn find_from(
        &mut self,
        gap: Gap,
        stands: impl Fn(&T) -> bool,
    ) -> (Option<T>, usize) {
        let Gap { leaf, nth } = gap;
        let find = |entries: &[T]| entries.iter().copied().find(&stands);
        let found = self.leaf(leaf).and_then(|of| of.parts(nth).into_iter().find_map(find));
        match &mut self.behind {
            Some(behind) if found.is_none() && leaf < behind.count() => {
                behind.find_from(leaf, find)
            }
            Some(_) | None => (found, 0),
        }
    }

    /// The gap behind all entries that come before something.
    pub(crate) fn gap(&self, comes_before: impl Fn(&T) -> bool) -> Gap {
        // Mostly it is the first, or near it.
        if !self.first().is_some_and(&comes_before) {
            return Gap { leaf: 0, nth: 0 };
        }
        let is_behind = self.front.last().is_some_and(&comes_before);
        let behind = self.behind.as_ref().filter(|_| is_behind);
        let leaf = behind.map_or(0, |behind| behind.partition_point(&comes_before));
        Gap { leaf, nth: self.leaf(leaf).map_or(0, |of| of.partition_point(&comes_before)) }
    }

    /// The entry before a gap that was [found](Self::gap).
    pub(crate) fn before(&self, Gap { leaf, nth }: Gap) -> Option<&T> {
        self.leaf(leaf)?.get(nth.checked_sub(1)?)
    }

    /// The entry behind a gap that was [found](Self::gap).
    pub(crate) fn behind(&self, Gap { leaf, nth }: Gap) -> Option<&T> {
        self.leaf(leaf)?.get(nth).or_else(|| self.leaf(leaf + 1)?.get(0))
    }

    /// Adds an entry at the end.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: T) {
        match &mut self.behind {
            None if self.front.len < LEAF => self.front.push(entry),
            None => self.behind = Some(Box::new(LeafList::begun(entry))),
            Some(behind) => behind.push(entry),
        }
    }

    /// Puts an entry into a gap.
    pub(crate) fn insert(&mut self, Gap { leaf, nth }: Gap, entry: T) {
        match (leaf.checked_sub(1), &mut self.behind) {
            (Some(leaf), Some(behind)) => behind.insert(leaf, nth, entry),
            (Some(_), None) => self.push(entry),
            (None, _) if self.front.len < LEAF => self.front.insert(nth, entry),
            (None, _) => self.split_front(nth, entry),
        }
    }

    #[inline(never)]
    fn split_front(&mut self, nth: usize, entry: T) {
        let rest = if nth == 0 {
            // Whoever comes before all mostly comes after others that did.
            let mut front = Ring::default();
            front.push(entry);
            std::mem::replace(&mut self.front, front)
        } else {
            let fresh = self.behind.as_mut().map(|behind| behind.fresh(entry));
            let fresh = fresh.unwrap_or_else(|| Ring::with_room(LEAF, entry));
            self.front.split(nth, entry, fresh)
        };
        match &mut self.behind {
            Some(behind) => behind.push_front(rest),
            None => self.behind = Some(Box::new(LeafList::of(rest))),
        }
    }

    /// Takes out the entry behind a gap that was [found](Self::gap).
    pub(crate) fn remove(&mut self, Gap { leaf, nth }: Gap) {
        // At the end of a leaf it is the first of the next.
        let is_in = self.leaf(leaf).is_some_and(|of| nth < of.len);
        let (leaf, nth) = if is_in { (leaf, nth) } else { (leaf + 1, 0) };
        match (leaf.checked_sub(1), &mut self.behind) {
            (None, _) if nth == 0 => self.drop_first(),
            (None, _) => self.front.remove(nth),
            (Some(leaf), Some(behind)) => {
                if behind.remove(leaf, nth) {
                    self.behind = None;
                }
            }
            (Some(_), None) => {}
        }
    }

    /// Drops the first entry.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn drop_first(&mut self) {
        self.front.drop_first();
        if self.front.len == 0 && self.behind.is_some() {
            self.come_up();
        }
    }

    /// Makes the first of the others the front, which is empty.
    #[inline(never)]
    fn come_up(&mut self) {
        let Some(behind) = &mut self.behind else { return };
        let (next, was_last) = behind.pop_front();
        let old = std::mem::replace(&mut self.front, next);
        if was_last {
            self.behind = None;
        } else {
            behind.keep(old);
        }
    }

    /// Drops the last entry.
    pub(crate) fn drop_last(&mut self) {
        let Some(behind) = &mut self.behind else {
            self.front.pop_last();
            return;
        };
        if behind.pop_last() {
            self.behind = None;
        }
    }

    /// Gives back the room for more than so many, if there are no entries.
    #[inline]
    pub(crate) fn shrink(&mut self, kept: usize) {
        if self.front.len == 0 && self.front.slots.capacity() > kept {
            *self = Self::default();
        }
    }

    /// Drops entries of which a condition does not hold.
    pub(crate) fn retain(&mut self, stands: impl Fn(&T) -> bool) {
        for _ in 0..self.len() {
            let first = self.first().copied();
            self.drop_first();
            if let Some(first) = first.filter(&stands) {
                self.push(first);
            }
        }
    }
}

impl<T> Default for Leaves<T> {
    fn default() -> Self {
        Self { front: Ring::default(), behind: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against one sorted list. Entries are numbers, of which several are alike.
    #[test]
    fn leaves_are_one_row_in_order() {
        let (mut leaves, mut plain) = (Leaves::default(), Vec::new());
        let mut seed = 1_u64;
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            usize::try_from(seed >> 33).unwrap() % most
        };
        let (mut least, mut longest) = (0, 0);
        for step in 0..200_000_usize {
            // It grows and shrinks again and again.
            let grows = step / 10_000 % 2 == 0;
            match draw(16) {
                0..=5 if grows || draw(3) == 0 => {
                    let entry = least + draw(1_000);
                    let gap = leaves.gap(|at| *at < entry);
                    let nth = plain.partition_point(|at| *at < entry);
                    assert_eq!(gap.is_first(), nth == 0);
                    assert_eq!(leaves.before(gap), nth.checked_sub(1).map(|nth| &plain[nth]));
                    assert_eq!(leaves.behind(gap), plain.get(nth));
                    assert!(leaves.iter_from(gap).take(70).eq(plain[nth..].iter().take(70)));
                    assert_eq!(leaves.rank(gap), nth);
                    leaves.insert(gap, entry);
                    plain.insert(nth, entry);
                }
                6 if grows => {
                    let entry = plain.last().copied().unwrap_or(least) + draw(2);
                    leaves.push(entry);
                    plain.push(entry);
                }
                7 if draw(100) == 0 => {
                    for _ in 0..draw(2 * LEAF) {
                        leaves.drop_last();
                        plain.pop();
                    }
                }
                8 if draw(100) == 0 => {
                    let (entry, rest) = (least + draw(1_000), draw(60));
                    let stands = |at: &usize| at % 60 == rest;
                    let gap = leaves.gap(|at| *at < entry);
                    let nth = plain.partition_point(|at| *at < entry);
                    let found = plain[nth..].iter().position(stands).map(|at| nth + at);
                    let (at, gone) = leaves.find_from(gap, stands);
                    assert_eq!(at, found.map(|found| plain[found]));
                    // Those that went were between the two, and all but some leaves' went.
                    let (end, most) = (found.unwrap_or(plain.len()), 3 * LEAF);
                    assert!(gone <= end - nth && end - nth - gone < most, "{nth} {end} {gone}");
                    let kept: Vec<_> = leaves.iter().copied().collect();
                    let same = |from: usize| plain[from..] == kept[from - gone..];
                    assert!(plain[..nth] == kept[..nth] && same(end), "{nth} {end} {gone}");
                    plain = kept;
                }
                8 if draw(3_000) == 0 => {
                    leaves.retain(|entry| entry % 3 > 0);
                    plain.retain(|entry| entry % 3 > 0);
                }
                9 => leaves.shrink(8),
                10 if draw(100) == 0 => leaves = leaves.clone(),
                _ if !plain.is_empty() && (!grows || draw(4) == 0) => {
                    least = plain.remove(0);
                    leaves.drop_first();
                }
                _ => {}
            }
            assert_eq!((leaves.first(), leaves.last()), (plain.first(), plain.last()));
            assert_eq!((leaves.len(), leaves.is_empty()), (plain.len(), plain.is_empty()));
            let nth = draw(LEAF / 4);
            assert_eq!(leaves.near(nth), plain.get(nth));
            assert!(leaves.room() <= 2 * plain.len() + 6 * LEAF, "{} {step}", leaves.room());
            longest = longest.max(plain.len());
        }
        assert!(longest > 20 * LEAF && leaves.iter().eq(&plain), "{longest}");
    }

    /// Against one sorted list, too: many enter, and all leave in no order.
    #[test]
    fn entries_leave_from_anywhere() {
        let (mut leaves, mut plain) = (Leaves::default(), Vec::new());
        let mut seed = 1_u64;
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            usize::try_from(seed >> 33).unwrap() % most
        };
        for step in 0..60_000_usize {
            let grows = step / 15_000 % 2 == 0;
            if draw(4) == 0 || grows && draw(3) > 0 {
                let entry = step + draw(3) * 1_000 * draw(2);
                let gap = leaves.gap(|at| *at < entry);
                leaves.insert(gap, entry);
                plain.insert(leaves.rank(gap), entry);
            } else if !plain.is_empty() {
                let entry = plain[draw(plain.len())];
                let gap = leaves.gap(|at| *at < entry);
                leaves.remove(gap);
                plain.remove(plain.partition_point(|at| *at < entry));
            }
            assert_eq!((leaves.first(), leaves.last()), (plain.first(), plain.last()));
            assert_eq!(leaves.len(), plain.len());
            let nth = draw(LEAF / 4);
            assert_eq!(leaves.near(nth), plain.get(nth));
            assert!(leaves.room() <= 4 * plain.len() + 6 * LEAF, "{} {step}", leaves.room());
            if step % 500 == 0 {
                assert!(leaves.iter().eq(&plain) && leaves.iter().rev().eq(plain.iter().rev()));
            }
        }
    }

    #[test]
    fn who_enters_in_order_fills_leaves_from_either_end() {
        for descends in [false, true] {
            let mut leaves = Leaves::default();
            for n in 0..10_000_u32 {
                let entry = if descends { 10_000 - n } else { n };
                let gap = leaves.gap(|at| *at < entry);
                leaves.insert(gap, entry);
            }
            let (count, room) = (leaves.len(), leaves.room());
            assert!(count == 10_000 && room < 10_000 + 4 * LEAF, "{count} in {room}");
        }
    }
}
