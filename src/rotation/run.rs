//! A run: rows of one weight in ascending order, by start and by deadline.
//!
//! It is entered at its end, near its ends in between others, and left at its front. Knows no other
//! runs.

use crate::rotation::lookup::Mix;
use crate::rotation::pieces::Pieces;
use crate::rotation::standing::Standing;
use crate::vocab::Timestamp;

/// How many entries are told at a time of those that come.
const AT_A_TIME: usize = 8;

/// An entry goes in between others if not more of them have to move.
const MOVED_MAX: usize = 64;

/// A run that nobody is in keeps room for so many.
const ROOM_KEPT: usize = 64;

/// The length of a turn of all of a run, and until when they are left out.
pub(crate) type Kind = (u64, Timestamp);

/// Entries in ascending order, by start and by deadline.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The length of a turn of all of them.
    pub(crate) length: u64,
    /// Until when all of them are left out. The least instant if they are not.
    pub(crate) until: Timestamp,
    /// Whether the run is of no use once nobody is in.
    pub(crate) is_lent: bool,
    /// The rank that the run has among those that start later, if it is there.
    pub(crate) later: Option<u64>,
    entries: Pieces<Standing>,
    /// How many entries were dropped at the front, and which of all that there ever were may be
    /// the first that has not come.
    dropped: usize,
    found: usize,
    /// How many of the first were told of as coming.
    told: usize,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            length: 0,
            until: Timestamp::MIN,
            is_lent: false,
            later: None,
            entries: Pieces::default(),
            dropped: 0,
            found: 0,
            told: 0,
        }
    }
}

impl Run {
    #[inline]
    pub(crate) fn first(&self) -> Option<&Standing> {
        self.entries.first()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.entries.room()
    }

    /// Calls with some that come after the first: with each once, and with several at a time.
    #[inline]
    pub(crate) fn tell(&mut self, mut to: impl FnMut(&Standing)) {
        if self.told > 1 {
            self.told -= 1;
            return;
        }
        self.told = AT_A_TIME;
        for nth in 1..=AT_A_TIME {
            let Some(at) = self.entries.get(nth) else { return };
            to(at);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Standing> {
        self.entries.iter()
    }

    /// Whether an entry can go to the end.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn fits(&self, standing: &Standing) -> bool {
        let last = self.entries.last();
        last.is_none_or(|last| last.start <= standing.start && !standing.is_due_before(last))
    }

    /// Whether one of that length can that is left out until then.
    pub(crate) fn takes(&self, kind: Kind, standing: &Standing) -> bool {
        self.kind() == kind && self.fits(standing)
    }

    pub(crate) fn kind(&self) -> Kind {
        (self.length, self.until)
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.until > Timestamp::MIN
    }

    /// Where an entry can go in between others, if it is near one of the ends.
    #[inline(never)]
    pub(crate) fn place_among(&self, kind: Kind, standing: &Standing) -> Option<usize> {
        if self.kind() != kind {
            return None;
        }
        let len = self.entries.len();
        let starts_before =
            |nth: usize| self.entries.get(nth).is_some_and(|at| at.starts_before(standing));
        let (mut from, mut to) = match len.checked_sub(2 * MOVED_MAX + 1) {
            None => (0, len),
            Some(_) if !starts_before(MOVED_MAX) => (0, MOVED_MAX),
            Some(_) if starts_before(len - 1 - MOVED_MAX) => (len - MOVED_MAX, len),
            Some(_) => return None,
        };
        while from < to {
            let middle = usize::midpoint(from, to);
            if starts_before(middle) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        let before = from.checked_sub(1).and_then(|nth| self.entries.get(nth));
        let fits = before.is_none_or(|before| !standing.is_due_before(before))
            && self.entries.get(from).is_none_or(|behind| !behind.is_due_before(standing));
        fits.then_some(from)
    }

    /// Puts an entry in between others.
    pub(crate) fn insert(&mut self, nth: usize, standing: Standing) {
        // Those before what was found have come or stand no longer; of this one that is not known.
        self.found = self.found.min(self.dropped + nth);
        self.entries.insert(nth, standing);
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, standing: Standing) {
        self.entries.push(standing);
    }

    #[inline]
    pub(crate) fn drop_first(&mut self) {
        self.entries.drop_first();
        self.dropped += 1;
    }

    /// Drops entries at both ends that do not stand any more. Says how many.
    pub(crate) fn trim(&mut self, stands: impl Fn(&Standing) -> bool) -> usize {
        let before = self.len();
        while self.entries.last().is_some_and(|at| !stands(at)) {
            self.entries.drop_last();
        }
        while self.first().is_some_and(|at| !stands(at)) {
            self.drop_first();
        }
        before - self.len()
    }

    /// Gives back the room that nobody needs, once nobody is in: whoever changes to another weight
    /// leaves the run of the old one, and it may stay empty for long.
    #[inline]
    pub(crate) fn shrink(&mut self) {
        self.entries.shrink(ROOM_KEPT);
    }

    pub(crate) fn retain(&mut self, stands: impl Fn(&Standing) -> bool) {
        self.entries.retain(stands);
        self.shrink();
        self.forget_found();
    }

    /// The first entry that starts later and stands. Virtual time must not be before the one that
    /// was asked for last, unless what was found then is [forgotten](Self::forget_found).
    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<&Standing> {
        let mut at = self.found.saturating_sub(self.dropped);
        let mut step = 1;
        let has_come = |n: usize| self.entries.get(n).is_some_and(|at| at.start <= virtual_time);
        // Mostly few have come since, and after a jump many.
        while has_come(at + step - 1) {
            at += step;
            step *= 2;
        }
        // So many have come, and the one that is a step further, less one, has not.
        while step > 1 {
            step /= 2;
            if has_come(at + step - 1) {
                at += step;
            }
        }
        while self.entries.get(at).is_some_and(|at| !stands(at)) {
            at += 1;
        }
        self.found = self.dropped + at;
        self.entries.get(at)
    }

    /// The entry that was found last.
    pub(crate) fn found_ahead(&self) -> Option<&Standing> {
        self.entries.get(self.found.checked_sub(self.dropped)?)
    }

    pub(crate) fn forget_found(&mut self) {
        self.found = self.dropped;
    }
}

/// A number by which runs of a kind are found. Others may have the same, rarely.
pub(crate) fn number_of((length, until): Kind) -> u64 {
    if until == Timestamp::MIN {
        length
    } else {
        Mix::of(length ^ until.since(Timestamp::MIN).as_ms())
    }
}

/// The length of a turn, as far as runs must tell. Rounding makes turns of one weight differ by a
/// unit; lengths are told apart by steps of 256, and those of any two weights are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "two that look alike only share a run where they are in order"
)]
pub(crate) fn length(standing: &Standing) -> u64 {
    let steps = (standing.deadline - standing.start + 128) >> 8;
    // Of light accounts it is longer than 64 bits, and the lower ones of many are alike.
    ((steps >> 64) as u64 ^ steps as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::order::tests::{Pool, put};
    use crate::rotation::standing::{Spot, Ticket};
    use crate::rotation::table::Slot;
    use crate::vocab::AccountId;

    /// A step is over runs, not over rows, however many come at once.
    #[test]
    fn many_of_few_weights_stand_in_few_runs() {
        let mut pool = Pool::new(3_000, false);
        for row in 0..3_000 {
            let id = AccountId(u64::try_from(row).unwrap());
            let deadline = 100 + 10_000 * (1 + i128::from(id.0 % 5));
            pool.put(row, Spot { start: 100, deadline, id });
        }
        for now in 0..40_000 {
            while let Some(first) = pool.first(true, now) {
                let row = usize::try_from(first.id.0).unwrap();
                pool.serve(row, first.deadline - first.start);
            }
        }
        assert_eq!(pool.order.many.unwrap().count(), 5);
    }

    /// An entry goes in between others where few have to move, and nowhere else.
    #[test]
    fn who_comes_out_of_order_goes_in_near_an_end() {
        let spot = |start: i128, number: u32| {
            let spot = Spot { start, deadline: start + 1_000, id: AccountId(number.into()) };
            Standing::new(Slot::from_number(number), spot, Ticket(1))
        };
        for len in [0, 1, 60, 128, 129, 130, 300] {
            let mut run = Run { length: length(&spot(0, 0)), ..Run::default() };
            // Some start at the same place.
            (0..len).for_each(|n| run.push(spot(i128::from(n) / 2 * 2, n)));
            for start in -1..=i128::from(len) {
                let standing = spot(start, 7);
                let before = run.iter().filter(|at| at.starts_before(&standing)).count();
                let near = before.min(run.len() - before) <= MOVED_MAX;
                assert_eq!(
                    run.place_among(run.kind(), &standing),
                    near.then_some(before),
                    "{start} among {len}"
                );
            }
        }
    }

    /// Everybody's weight changes again and again, and nobody stays in the runs of the old ones.
    #[test]
    fn runs_that_everybody_left_take_no_room() {
        let (count, mut pool) = (4_000, Pool::new(4_000, false));
        for row in 0..count {
            put(&mut pool, row, (0, 1));
        }
        for weight in 2..=81 {
            for _ in 0..count {
                let first = pool.first(true, 1 << 100).unwrap();
                pool.serve(usize::try_from(first.id.0).unwrap(), (1 << 80) / weight);
            }
        }
        let room = pool.order.many.unwrap().room();
        assert!(room <= 4 * count, "{room} entries for {count} rows");
    }
}
