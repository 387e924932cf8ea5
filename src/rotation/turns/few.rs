//! The order of turns of a few rows, who are gone through.
//!
//! Entries stay where they are and a number says in which order they come, so that a turn moves
//! half a byte instead of entries. Knows rows and places, not why they are there.

use crate::rotation::containers::room;
use crate::rotation::turns::standing::{Standing, Ticket};

/// How many there is room for: a number of 64 bits holds as many places of four bits.
pub(crate) const FEW: usize = 16;

/// Up to [`FEW`] rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Few {
    entries: Vec<Standing>,
    /// Where the entries are, by deadline, then by number; the first is in the lowest four bits.
    order: u64,
    /// Which of the order was found last.
    found: usize,
}

impl Few {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Makes room for so many more, if they are few then.
    pub(crate) fn make_room(&mut self, more: usize) {
        if self.entries.len() + more <= FEW {
            room::make(&mut self.entries, more);
        }
    }

    /// Puts a row in, if there is room.
    pub(crate) fn insert(&mut self, standing: Standing) -> bool {
        let place = self.entries.len();
        if place == FEW {
            return false;
        }
        self.enter(place, &standing, place);
        room::push(&mut self.entries, standing);
        true
    }

    /// Puts the row elsewhere that was found last. Nothing happens if it is another.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn serve(&mut self, standing: &Standing) -> bool {
        let (nth, place) = (self.found, self.place(self.found));
        let last = self.entries.len();
        if nth >= last || self.entries[place].ticket != standing.ticket {
            return false;
        }
        self.strike(nth);
        self.enter(last - 1, standing, place);
        self.entries[place] = *standing;
        true
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, ticket: Ticket) {
        let Some((nth, place)) = self.find(ticket) else { return };
        self.strike(nth);
        self.entries.swap_remove(place);
        // The last entry has taken its place.
        let last = self.entries.len();
        if let Some(nth) = (0..last).find(|nth| self.place(*nth) == last) {
            self.order ^= ((last ^ place) as u64) << (4 * nth);
        }
    }

    /// The first by deadline among those whose start has come and who are ready.
    #[inline]
    pub(crate) fn first_eligible(
        &mut self,
        virtual_time: i128,
        is_ready: impl Fn(&Standing) -> bool,
    ) -> Option<&Standing> {
        let mut order = self.order;
        for nth in 0..self.entries.len() {
            let entry = &self.entries[(order & 15) as usize];
            if entry.start <= virtual_time && is_ready(entry) {
                self.found = nth;
                return Some(entry);
            }
            order >>= 4;
        }
        None
    }

    /// The first by start among those whose start has not come and who are ready.
    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        is_ready: impl Fn(&Standing) -> bool,
    ) -> Option<&Standing> {
        let mut order = self.order;
        let mut first: Option<&Standing> = None;
        for nth in 0..self.entries.len() {
            let entry = &self.entries[(order & 15) as usize];
            // Of those that start at one place the first of the order is due first.
            let is_first = first.is_none_or(|first| entry.start < first.start);
            if is_first && entry.start > virtual_time && is_ready(entry) {
                (first, self.found) = (Some(entry), nth);
            }
            order >>= 4;
        }
        first
    }

    /// All of them, in any order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Standing> {
        self.entries.iter()
    }

    /// Takes all of them out, in any order.
    pub(crate) fn take(&mut self) -> Vec<Standing> {
        std::mem::take(self).entries
    }

    /// Which of the order a ticket is, and where its entry is.
    fn find(&self, ticket: Ticket) -> Option<(usize, usize)> {
        let is_it =
            |nth: usize| self.entries.get(self.place(nth)).is_some_and(|at| at.ticket == ticket);
        // Mostly it is the one that was found.
        let found = self.found.min(self.entries.len().checked_sub(1)?);
        let nth =
            if is_it(found) { found } else { (0..self.entries.len()).find(|nth| is_it(*nth))? };
        Some((nth, self.place(nth)))
    }

    /// Where the nth of the order is.
    fn place(&self, nth: usize) -> usize {
        (self.order >> (4 * nth) & 15) as usize
    }

    /// Takes the nth out of the order.
    fn strike(&mut self, nth: usize) {
        let before = (1 << (4 * nth)) - 1;
        self.order = self.order & before | self.order >> 4 & !before;
    }

    /// Puts a place into an order of so many, by what stands there.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    fn enter(&mut self, count: usize, standing: &Standing, place: usize) {
        // The last of the order is in the highest four bits, the one before it in the next.
        let mut last = if count == 0 { 0 } else { self.order << (64 - 4 * count) };
        let mut nth = count;
        // Who was served is due late.
        while nth > 0 && standing.is_due_before(&self.entries[(last >> 60) as usize]) {
            last <<= 4;
            nth -= 1;
        }
        let before = (1 << (4 * nth)) - 1;
        self.order =
            self.order & before | (self.order & !before) << 4 | (place as u64) << (4 * nth);
    }
}

#[cfg(test)]
mod tests {
    use crate::rotation::turns::order::tests::{Pool, put};

    /// All go in order of their turns and come again, fewer or more than before: from runs to a few
    /// and back.
    #[test]
    fn many_that_all_go_are_few_again() {
        let mut pool = Pool::new(40, false);
        let mut now = 0;
        for round in 0..60 {
            let count = [3, 40, 16, 17][round % 4];
            for row in 0..count {
                let start = now + i128::try_from((row * 7 + round) % 5).unwrap();
                put(&mut pool, row, (start, 1 + i128::from(row % 3 == 0)));
            }
            assert_eq!(pool.order.many.is_some(), count > 16, "round {round}");
            // Virtual time goes back now and then.
            now -= i128::from(round % 5 == 4) * 3;
            for _ in 0..count {
                pool.check(now << 80);
                let first = pool.first(true, now << 80).or_else(|| pool.first(false, now << 80));
                let first = first.unwrap();
                now = now.max(first.start >> 80);
                assert_eq!(pool.first(true, now << 80), Some(first));
                pool.take(usize::try_from(first.id.0).unwrap());
                now += i128::from(first.id.0 % 2);
            }
            assert_eq!((pool.order.len(), pool.order.many.is_some()), (0, false));
        }
    }
}
