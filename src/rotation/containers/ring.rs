//! Entries that go round in one piece of memory, most of which come at the end and go at the front.
//!
//! Who comes in between others moves the fewer of them. All move when there is no room for more:
//! who keeps many keeps them in `pieces.rs` or in `leaves.rs`.

use std::ops::Range;

/// Entries that go round. It is as long as a power of two.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    pub(crate) slots: Vec<T>,
    first: usize,
    pub(crate) len: usize,
}

impl<T: Copy> Ring<T> {
    /// A ring of a piece's entries.
    pub(crate) fn of(mut piece: Vec<T>) -> Self {
        let len = piece.len();
        if let Some(filler) = piece.first().copied() {
            piece.resize(len.next_power_of_two(), filler);
        }
        Self { slots: piece, first: 0, len }
    }

    /// An empty one with room for so many: a power of two.
    pub(crate) fn with_room(room: usize, filler: T) -> Self {
        Self { slots: vec![filler; room], first: 0, len: 0 }
    }

    #[inline]
    pub(crate) fn get(&self, nth: usize) -> Option<&T> {
        if nth < self.len { self.slots.get(self.place(nth)) } else { None }
    }

    #[inline]
    pub(crate) fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The first entry of one that is not empty.
    #[inline]
    pub(crate) fn head(&self) -> Option<&T> {
        self.slots.get(self.first)
    }

    /// How many entries come before something, all of which come before the others.
    #[inline]
    pub(crate) fn partition_point(&self, comes_before: impl Fn(&T) -> bool) -> usize {
        let [first, second] = self.parts(0);
        if second.first().is_some_and(&comes_before) {
            first.len() + second.partition_point(comes_before)
        } else {
            first.partition_point(comes_before)
        }
    }

    /// The entries from one on, in two parts.
    pub(crate) fn parts(&self, from: usize) -> [&[T]; 2] {
        self.range(from.min(self.len)..self.len)
    }

    /// Some entries, in two parts.
    fn range(&self, of: Range<usize>) -> [&[T]; 2] {
        let (first, count) = (self.place(of.start), of.len());
        let to_end = count.min(self.slots.len().saturating_sub(first));
        let part = |from, len| self.slots.get(from..from + len).unwrap_or_default();
        [part(first, to_end), part(0, count - to_end)]
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: T) {
        if self.len == self.slots.len() {
            self.grow(self.len, entry);
        }
        self.put(self.slots.len(), entry);
    }

    /// Adds an entry at the end of one that has room for so many and is not full.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn put(&mut self, room: usize, entry: T) {
        let place = (self.first + self.len) & room.wrapping_sub(1);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = entry;
            self.len += 1;
        }
    }

    /// The last entry of one that has room for so many and is not empty.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn end(&self, room: usize) -> Option<&T> {
        self.slots.get((self.first + self.len).wrapping_sub(1) & room.wrapping_sub(1))
    }

    /// Puts an entry in between others, of which the fewer move; all if there is no room.
    pub(crate) fn insert(&mut self, nth: usize, entry: T) {
        if self.len == self.slots.len() {
            self.grow(nth, entry);
        } else if nth < self.len - nth {
            // All others are one further from the front then, as they should be from this on.
            self.first = self.place(self.slots.len() - 1);
            self.move_down(1, nth);
        } else {
            self.move_up(nth, self.len - nth);
        }
        let place = self.place(nth);
        self.slots[place] = entry;
        self.len += 1;
    }

    /// Puts an entry in between others and moves the half that it comes into to another ring, which
    /// has as much room. The second half is returned.
    pub(crate) fn split(&mut self, nth: usize, entry: T, mut other: Self) -> Self {
        let middle = self.len / 2;
        let is_first = nth <= middle;
        let goes = if is_first { 0..middle } else { middle..self.len };
        (other.first, other.len) = (0, 0);
        other.append(self.range(goes.start..nth));
        other.push(entry);
        other.append(self.range(nth..goes.end));
        self.len -= goes.len();
        if is_first {
            self.first = self.place(middle);
            std::mem::swap(self, &mut other);
        }
        other
    }

    /// Adds entries at the end, where there is room for them and nothing has gone round.
    fn append(&mut self, parts: [&[T]; 2]) {
        for part in parts {
            let end = self.len + part.len();
            self.slots[self.len..end].copy_from_slice(part);
            self.len = end;
        }
    }

    /// Takes an entry out from in between others, of which the fewer move.
    pub(crate) fn remove(&mut self, nth: usize) {
        if nth < self.len / 2 {
            self.move_up(0, nth);
            self.drop_first();
        } else if nth < self.len {
            self.move_down(nth + 1, self.len - 1 - nth);
            self.len -= 1;
        }
    }

    /// Moves so many entries one place towards the end.
    fn move_up(&mut self, from: usize, count: usize) {
        let (first, room) = (self.place(from), self.slots.len());
        if first + count < room {
            self.slots.copy_within(first..first + count, first + 1);
        } else if let Some(last) = self.slots.last().copied() {
            self.slots.copy_within(..first + count - room, 1);
            self.slots[0] = last;
            self.slots.copy_within(first..room - 1, first + 1);
        }
    }

    /// Moves so many entries, none of which is the first, one place towards the front.
    fn move_down(&mut self, from: usize, count: usize) {
        let (to, room) = (self.place(from - 1), self.slots.len());
        if to + count < room {
            self.slots.copy_within(to + 1..=to + count, to);
        } else {
            self.slots.copy_within(to + 1.., to);
            self.slots[room - 1] = self.slots[0];
            self.slots.copy_within(1..=to + count - room, 0);
        }
    }

    /// Takes the last entry out.
    pub(crate) fn pop_last(&mut self) -> Option<T> {
        let last = *self.last()?;
        self.len -= 1;
        Some(last)
    }

    #[inline]
    pub(crate) fn drop_first(&mut self) {
        self.first = self.place(1);
        self.len = self.len.saturating_sub(1);
    }

    #[inline]
    fn place(&self, nth: usize) -> usize {
        (self.first + nth) & self.slots.len().wrapping_sub(1)
    }

    /// Moves all to twice the memory, with a place left free before one of them or at the end.
    #[cold]
    fn grow(&mut self, free: usize, filler: T) {
        let mut larger = Self::with_room((2 * self.len).max(1), filler);
        larger.append(self.range(0..free));
        larger.len += 1;
        larger.append(self.range(free..self.len));
        larger.len -= 1;
        *self = larger;
    }
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), first: 0, len: 0 }
    }
}
