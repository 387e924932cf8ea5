//! Entries that go round in one piece of memory, most of which come at the end and go at the front.
//!
//! All of them move when there is no room for more: who keeps many keeps them in `pieces.rs` or in
//! `leaves.rs`.

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

    /// The entries, if there is no room for more.
    pub(crate) fn into_piece(mut self) -> Vec<T> {
        self.slots.rotate_left(self.first);
        self.slots
    }

    #[inline]
    pub(crate) fn get(&self, nth: usize) -> Option<&T> {
        if nth < self.len { self.slots.get(self.place(nth)) } else { None }
    }

    /// The entries from one on, in two parts.
    pub(crate) fn parts(&self, from: usize) -> [&[T]; 2] {
        let count = self.len.saturating_sub(from);
        let first = self.place(from);
        let to_end = count.min(self.slots.len().saturating_sub(first));
        let part = |from, len| self.slots.get(from..from + len).unwrap_or_default();
        [part(first, to_end), part(0, count - to_end)]
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: T) {
        if self.len == self.slots.len() {
            self.grow(entry);
        }
        let place = self.place(self.len);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = entry;
            self.len += 1;
        }
    }

    /// Puts an entry in between others, of which the fewer move.
    pub(crate) fn insert(&mut self, nth: usize, entry: T) {
        self.push(entry);
        let last = self.len - 1;
        if nth < last - nth {
            // All others are one further from the front then, as they should be from this on.
            self.first = self.place(self.slots.len() - 1);
            self.move_down(1, nth);
        } else {
            self.move_up(nth, last - nth);
        }
        let place = self.place(nth);
        self.slots[place] = entry;
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
        let first = self.place(from);
        if first + count < self.slots.len() {
            self.slots.copy_within(first..first + count, first + 1);
        } else {
            (from..from + count).rev().for_each(|at| self.copy(at, at + 1));
        }
    }

    /// Moves so many entries, none of which is the first, one place towards the front.
    fn move_down(&mut self, from: usize, count: usize) {
        let to = self.place(from - 1);
        if to + count < self.slots.len() {
            self.slots.copy_within(to + 1..to + 1 + count, to);
        } else {
            (from..from + count).for_each(|at| self.copy(at, at - 1));
        }
    }

    /// Takes the last entry out.
    pub(crate) fn pop_last(&mut self) -> Option<T> {
        let last = self.get(self.len.checked_sub(1)?).copied();
        self.len -= 1;
        last
    }

    fn copy(&mut self, from: usize, to: usize) {
        let (from, to) = (self.place(from), self.place(to));
        self.slots[to] = self.slots[from];
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

    #[cold]
    fn grow(&mut self, filler: T) {
        let room = (2 * self.len).max(1);
        let mut slots = Vec::with_capacity(room);
        slots.extend((0..self.len).filter_map(|nth| self.get(nth)));
        slots.resize(room, filler);
        (self.slots, self.first) = (slots, 0);
    }
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), first: 0, len: 0 }
    }
}
