//! A run: rows of one weight in ascending order, by start and by deadline.
//!
//! It is mostly entered at its end, also in between others, and left at its front. Knows no other
//! runs.

use crate::rotation::containers::leaves::{Gap, Leaves};
use crate::rotation::containers::lookup::Mix;
use crate::rotation::containers::told::Told;
use crate::rotation::turns::standing::Standing;
use crate::vocab::Timestamp;

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
    entries: Leaves<Standing>,
    /// All entries before this one have come or stand no longer.
    known: Option<Standing>,
    told: Told,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            length: 0,
            until: Timestamp::MIN,
            is_lent: false,
            later: None,
            entries: Leaves::default(),
            known: None,
            told: Told::default(),
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

    /// Calls with some that come: with each once, and with several at a time.
    #[inline]
    pub(crate) fn tell(&mut self, to: impl FnMut(&Standing)) {
        self.told.tell(&self.entries, to);
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

    /// Where an entry can go in between others.
    #[inline(never)]
    pub(crate) fn place_among(&self, kind: Kind, standing: &Standing) -> Option<Gap> {
        if self.kind() != kind {
            return None;
        }
        let gap = self.entries.gap(|at| at.starts_before(standing));
        let before = self.entries.before(gap);
        let fits = before.is_none_or(|before| !standing.is_due_before(before))
            && self.entries.behind(gap).is_none_or(|at| !at.is_due_before(standing));
        fits.then_some(gap)
    }

    /// Puts an entry in between others.
    pub(crate) fn insert(&mut self, gap: Gap, standing: Standing) {
        if self.known.is_some_and(|known| standing.starts_before(&known)) {
            self.known = Some(standing);
        }
        self.entries.insert(gap, standing);
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, standing: Standing) {
        if self.entries.is_empty() {
            self.forget();
        }
        self.entries.push(standing);
    }

    #[inline]
    pub(crate) fn drop_first(&mut self) {
        self.entries.drop_first();
    }

    /// Drops the first without a turn of it.
    pub(crate) fn skip_first(&mut self) {
        self.entries.drop_first();
        self.told.skip();
    }

    /// Drops entries at both ends that do not stand any more. Says how many.
    pub(crate) fn trim(&mut self, stands: impl Fn(&Standing) -> bool) -> usize {
        let before = self.len();
        while self.entries.last().is_some_and(|at| !stands(at)) {
            self.entries.drop_last();
        }
        while self.first().is_some_and(|at| !stands(at)) {
            self.skip_first();
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
        self.forget();
    }

    /// The first entry that starts later and stands. Virtual time must not be before the one that
    /// was asked for last, unless what is known since then is [forgotten](Self::forget). Says, too,
    /// how many that do not stand were dropped on the way.
    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> (Option<Standing>, usize) {
        let known = self.known.filter(|known| known.start > virtual_time);
        let gap = match known {
            Some(known) => self.entries.gap(|at| at.starts_before(&known)),
            None => self.entries.gap(|at| at.start <= virtual_time),
        };
        let (found, gone) = self.entries.find_from(gap, stands);
        self.known = found.or_else(|| self.entries.last().copied());
        (found, gone)
    }

    pub(crate) fn forget(&mut self) {
        self.known = None;
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
    use crate::rotation::containers::table::Slot;
    use crate::rotation::turns::order::tests::{Pool, put};
    use crate::rotation::turns::standing::{Spot, Ticket};
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

    /// Whoever gets another weight, or comes back behind some and before others, opens no run.
    #[test]
    fn who_comes_in_the_middle_stands_in_the_run_of_its_weight() {
        let mut pool = Pool::new(3_000, false);
        let turn = |weight: usize| 10_000 * (1 + i128::try_from(weight).unwrap());
        for row in 0..3_000 {
            put(&mut pool, row, (i128::try_from(row).unwrap() * 7, turn(row % 5)));
        }
        for step in 0..9_000 {
            let row = step * 7_919 % 3_000;
            pool.take(row);
            put(&mut pool, row, (i128::try_from(step * 13 % 21_000).unwrap(), turn(step % 5)));
            if step % 100 == 0 {
                pool.check(10_000 << 80);
            }
        }
        assert_eq!(pool.order.many.unwrap().count(), 5);
    }

    /// An entry goes in between any others, unless it would be due before one that starts before.
    #[test]
    fn who_comes_out_of_order_goes_in_between() {
        let spot = |start: i128, number: u32| {
            let spot = Spot { start, deadline: start + 1_000, id: AccountId(number.into()) };
            Standing::new(Slot::from_number(number), spot, Ticket(1))
        };
        for len in [0, 1, 60, 64, 65, 129, 300] {
            let mut run = Run { length: length(&spot(0, 0)), ..Run::default() };
            // Some start at the same place.
            (0..len).for_each(|n| run.push(spot(i128::from(n) / 2 * 2, n)));
            for start in -1..=i128::from(len) {
                let mut run = run.clone();
                let standing = spot(start, 7);
                let gap = run.place_among(run.kind(), &standing).unwrap();
                run.insert(gap, standing);
                let all: Vec<_> = run.iter().copied().collect();
                assert!(all.is_sorted_by(|at, next| !next.starts_before(at)), "{start} in {len}");
                let mut early = standing;
                early.deadline -= 2;
                let fits = !all.iter().any(|at| at.start < start && early.is_due_before(at));
                let gap = run.place_among(run.kind(), &early);
                assert_eq!(gap.is_some(), fits, "{start} in {len}");
                assert_eq!(run.place_among((run.length + 1, run.until), &standing), None);
            }
        }
    }

    /// Those that were left behind ahead are looked at once, whoever comes and goes before them.
    #[test]
    fn who_is_left_behind_ahead_is_not_looked_at_again_and_again() {
        let at = |start: i128, ticket: u32| {
            let spot = Spot { start, deadline: start + 1_000, id: AccountId(7) };
            Standing::new(Slot::from_number(0), spot, Ticket(ticket))
        };
        let mut run = Run { length: length(&at(0, 0)), ..Run::default() };
        (0..300).for_each(|n| run.push(at(n, 1)));
        (1_000..20_000).for_each(|n| run.push(at(n, 0)));
        run.push(at(20_000, 1));
        let looks = std::cell::Cell::new(0);
        for round in 0..300 {
            let (start, ticket) = (400 + i128::from(round), 2 + round);
            let coming = at(start, ticket);
            let gap = run.place_among(run.kind(), &coming).unwrap();
            run.insert(gap, coming);
            for (present, first) in [(ticket, start), (1, 20_000)] {
                looks.set(0);
                let (found, _) = run.first_ahead(399, |at| {
                    looks.set(looks.get() + 1);
                    [1, present].contains(&at.ticket.0)
                });
                assert_eq!(found.map(|at| at.start), Some(first));
                assert!(round == 0 || looks.get() < 700, "{} in round {round}", looks.get());
            }
        }
        assert!(run.len() < 1_300, "{}", run.len());
    }

    /// Whoever comes is told once, also where some in front were left behind.
    #[test]
    fn those_that_come_are_told_once() {
        let at = |number: u32| {
            let start = i128::from(number);
            let id = AccountId(number.into());
            let spot = Spot { start, deadline: start + 1_000, id };
            Standing::new(Slot::from_number(number), spot, Ticket(1))
        };
        let mut run = Run::default();
        (0..1_000).for_each(|n| run.push(at(n)));
        let (mut told, mut untold) = (vec![0], 0);
        for turn in 0..600 {
            if turn % 10 == 9 {
                run.skip_first();
            }
            run.drop_first();
            run.tell(|at| told.push(at.row().number()));
            let first = run.first().unwrap().row().number();
            untold += u32::from(!told.contains(&first));
        }
        assert!(told.is_sorted_by(|at, next| at < next), "{told:?}");
        assert!(untold < 1, "{untold} came up untold");
    }

    /// Everybody's weight changes again and again, and nobody stays in the runs of the old ones.
    #[test]
    fn runs_that_everybody_left_take_no_room() {
        let (count, mut pool) = (2_000, Pool::new(2_000, false));
        for row in 0..count {
            put(&mut pool, row, (0, 1));
        }
        for weight in 2..=161 {
            for _ in 0..count {
                let first = pool.first(true, 1 << 100).unwrap();
                pool.serve(usize::try_from(first.id.0).unwrap(), (1 << 80) / weight);
            }
        }
        let runs = pool.order.many.unwrap();
        let (room, most) = (runs.room(), count + 500 + runs.all.len() * ROOM_KEPT);
        assert!(room <= most, "{room} entries for {count} rows");
    }
}
