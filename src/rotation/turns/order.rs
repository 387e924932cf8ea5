//! The order of turns: those whose start has come by deadline, the others by start.
//!
//! A few rows stand in one list that is gone through; many stand in runs. Where a row stands is a
//! lower bound: the caller says where it truly stands, and puts it in anew if that is elsewhere.
//! Knows rows and places, not why they are there.

use crate::rotation::containers::table::Slot;
use crate::rotation::turns::few::Few;
use crate::rotation::turns::runs::Runs;
use crate::rotation::turns::standing::{Bed, Member, Rows, Spot, Standing, Ticket};
use crate::vocab::Timestamp;

/// Rows in the order of their turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    few: Few,
    /// All of them, once they were many, until nobody is left.
    pub(crate) many: Option<Box<Runs>>,
    /// Runs that nobody is in, for when they are many again.
    unused: Option<Box<Runs>>,
    tickets: u32,
}

impl Order {
    /// Makes room for so many more, as long as they are few.
    pub(crate) fn make_room(&mut self, more: usize) {
        if self.many.is_none() {
            self.few.make_room(more);
        }
    }

    /// Puts a row in. If it is in, its old ticket must not stand any more.
    #[inline]
    pub(crate) fn insert(&mut self, row: Slot, spot: Spot) -> Ticket {
        let standing = self.standing(row, spot);
        match &mut self.many {
            Some(runs) => runs.insert(standing),
            None if self.few.insert(standing) => {}
            None => self.many = Some(self.spread(Some(standing))),
        }
        standing.ticket
    }

    /// Puts a row in again elsewhere that was [found](Self::first_eligible), with the ticket that
    /// it has. Nothing happens if it was not.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn serve(&mut self, ticket: Ticket, row: Slot, spot: Spot) -> bool {
        let standing = Standing::new(row, spot, ticket);
        match &mut self.many {
            Some(runs) => runs.serve(&standing),
            None => self.few.serve(&standing),
        }
    }

    /// Takes a row out and puts it in again elsewhere.
    pub(crate) fn put_again(&mut self, old: Ticket, row: Slot, spot: Spot) -> Ticket {
        if self.serve(old, row, spot) {
            return old;
        }
        self.leave(old);
        self.insert(row, spot)
    }

    fn standing(&mut self, row: Slot, spot: Spot) -> Standing {
        self.tickets = self.tickets.wrapping_add(1).max(1);
        Standing::new(row, spot, Ticket(self.tickets))
    }

    /// Whether rows that are left out until an instant lie together. That takes many.
    pub(crate) fn lie_together(&mut self, until: Timestamp) -> bool {
        let runs = self.many.as_ref().or(self.unused.as_ref());
        let together = runs.is_some_and(|runs| runs.lie_together(until));
        if together && self.many.is_none() {
            self.many = Some(self.spread(None));
        }
        together
    }

    /// Leaves a row out that is not in until then, where they lie together.
    pub(crate) fn lie_down(
        &mut self,
        row: Slot,
        spot: Spot,
        until: Timestamp,
    ) -> Option<(Bed, Ticket)> {
        let standing = self.standing(row, spot);
        let run = self.many.as_mut()?.lie_down(standing, until);
        Some(((run, until), standing.ticket))
    }

    /// Leaves a row out that is not in and rests until then, if there are many and there is room
    /// among those that rest for about as long.
    pub(crate) fn rest(
        &mut self,
        row: Slot,
        spot: Spot,
        (ready_at, now): (Timestamp, Timestamp),
    ) -> Option<(Bed, Ticket)> {
        let standing = self.standing(row, spot);
        Some((self.many.as_mut()?.rest(&standing, ready_at, now)?, standing.ticket))
    }

    /// Takes a row out that lay down, and whose ticket stands no longer.
    pub(crate) fn get_out(&mut self, ticket: Ticket, bed: Bed, stands: impl Fn(&Standing) -> bool) {
        if !self.many.as_mut().is_some_and(|runs| runs.get_out(bed, stands)) {
            self.leave(ticket);
        }
    }

    /// Lets those in who lay down until now.
    pub(crate) fn get_up(&mut self, now: Timestamp) {
        if let Some(runs) = &mut self.many {
            runs.get_up(now);
        }
    }

    /// When the first of them get up; the last instant if nobody lies.
    pub(crate) fn gets_up_at(&self) -> Timestamp {
        self.many.as_ref().map_or(Timestamp::MAX, |runs| runs.gets_up_at())
    }

    /// The first of those who lie, by instant and then by number. `lies` tells whether one lies
    /// until an instant.
    pub(crate) fn first_asleep(
        &mut self,
        lies: impl Fn(Timestamp, Member) -> bool,
    ) -> Option<(Timestamp, Member)> {
        self.many.as_mut()?.first_asleep(lies)
    }

    /// How many stand in the order, about.
    pub(crate) fn awake(&self) -> usize {
        self.few.len() + self.many.as_ref().map_or(0, |runs| runs.awake())
    }

    /// Puts everybody into runs.
    #[cold]
    fn spread(&mut self, last: Option<Standing>) -> Box<Runs> {
        let mut all = self.few.take();
        all.extend(last);
        all.sort_unstable_by_key(|at| (at.start, at.deadline, at.id));
        let opened = || Box::new(Runs::new(all.first().map_or(0, |at| at.start)));
        let mut runs = self.unused.take().unwrap_or_else(opened);
        for standing in all {
            runs.insert(standing);
        }
        runs
    }

    /// Takes a row out whose ticket stands no longer.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some(runs) = &mut self.many else {
            self.few.remove(ticket);
            return;
        };
        runs.leave(ticket);
        // Where all but a few rest at a time, who is up is gone through.
        if runs.is_idle() {
            self.unused = self.many.take();
        }
    }

    /// The row that is first by deadline among those whose start has come. Of many it may not be
    /// ready.
    #[inline]
    pub(crate) fn first_eligible(
        &mut self,
        virtual_time: i128,
        rows: &(impl Rows + ?Sized),
    ) -> Option<&Standing> {
        match &mut self.many {
            Some(runs) => runs.first_eligible(virtual_time, |at| rows.stands(at)),
            None => self.few.first_eligible(virtual_time, |at| rows.is_ready(at.row())),
        }
    }

    /// The row that is first by start among those whose start has not come. Of many it may not be
    /// ready.
    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        rows: &(impl Rows + ?Sized),
    ) -> Option<Standing> {
        match &mut self.many {
            Some(runs) => runs.first_ahead(virtual_time, |at| rows.stands(at)),
            None => self.few.first_ahead(virtual_time, |at| rows.is_ready(at.row())).copied(),
        }
    }

    /// Those that are gone through, ready or not.
    pub(crate) fn few(&self) -> impl Iterator<Item = &Standing> {
        self.few.iter()
    }

    /// Calls with rows whose turn comes soon after one was served, with each once; with none where
    /// there are few.
    #[inline]
    pub(crate) fn tell(&mut self, mut to: impl FnMut(Slot)) {
        if let Some(runs) = &mut self.many {
            runs.tell(|at| to(at.row()));
        }
    }

    /// How many entries there are, those that were left behind too.
    pub(crate) fn len(&self) -> usize {
        self.few.len() + self.many.as_ref().map_or(0, |runs| runs.len())
    }

    /// Drops the entries that rows left behind.
    pub(crate) fn retain(&mut self, stands: impl Fn(&Standing) -> bool) {
        if let Some(runs) = &mut self.many {
            runs.retain(stands);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vocab::AccountId;

    /// Where rows truly stand, with their tickets. All are ready.
    impl Rows for [Option<(Spot, Ticket)>] {
        fn stands(&self, at: &Standing) -> bool {
            self[at.row().index()].is_some_and(|(_, ticket)| ticket == at.ticket)
        }

        fn is_ready(&self, row: Slot) -> bool {
            self[row.index()].is_some()
        }
    }

    /// Rows and where they truly stand.
    pub(crate) struct Pool {
        pub(crate) order: Order,
        pub(crate) rows: Vec<Option<(Spot, Ticket)>>,
        /// Whether rows move unnoticed.
        shared: bool,
    }

    impl Pool {
        pub(crate) fn new(rows: usize, shared: bool) -> Self {
            Self { order: Order::default(), rows: vec![None; rows], shared }
        }

        pub(crate) fn put(&mut self, row: usize, spot: Spot) {
            let number = Slot::from_number(u32::try_from(row).unwrap());
            self.rows[row] = Some((spot, self.order.insert(number, spot)));
        }

        /// Moves a row to its deadline, where its next turn is so long.
        pub(crate) fn serve(&mut self, row: usize, turn: i128) {
            let (spot, _) = self.rows[row].unwrap();
            self.move_to(
                row,
                Spot { start: spot.deadline, deadline: spot.deadline + turn, ..spot },
            );
        }

        fn move_to(&mut self, row: usize, spot: Spot) {
            let (_, ticket) = self.rows[row].unwrap();
            let number = Slot::from_number(u32::try_from(row).unwrap());
            self.rows[row] = Some((spot, self.order.put_again(ticket, number, spot)));
        }

        pub(crate) fn take(&mut self, row: usize) -> Option<Spot> {
            let (spot, ticket) = self.rows[row].take()?;
            self.order.leave(ticket);
            Some(spot)
        }

        /// The first as the order knows it, and once more until it truly stands there.
        pub(crate) fn first(&mut self, eligible: bool, now: i128) -> Option<Spot> {
            loop {
                let Self { order, rows, .. } = self;
                let at = if eligible {
                    *order.first_eligible(now, &rows[..])?
                } else {
                    order.first_ahead(now, &rows[..])?
                };
                let row = at.row().index();
                let (spot, _) = rows[row].unwrap();
                if (at.start, at.deadline) == (spot.start, spot.deadline) {
                    return Some(spot);
                }
                self.move_to(row, spot);
            }
        }

        pub(crate) fn check(&mut self, now: i128) {
            let spots = || self.rows.iter().flatten().map(|(spot, _)| *spot);
            let eligible = spots().filter(|spot| spot.start <= now);
            let eligible = eligible.min_by_key(|spot| (spot.deadline, spot.id));
            let ahead = spots().filter(|spot| spot.start > now).min();
            assert_eq!(self.first(true, now), eligible);
            // Who moved unnoticed is found at once only where nobody else is.
            if eligible.is_none() || !self.shared {
                assert_eq!(self.first(false, now), ahead);
                assert_eq!(self.first(true, now), eligible);
            }
            if self.order.len() > 2 * self.rows.len() + 64 {
                let Self { order, rows, .. } = self;
                order.retain(|at| rows[..].stands(at));
            }
            assert!(self.order.len() <= 2 * self.rows.len() + 64);
        }
    }

    /// Rows come, go, are served, move back unnoticed and forward noticed; virtual time runs on and
    /// goes back. The first is always the one that a look at each finds.
    fn the_first_is_the_least(count: u64, unit: i128, steps: u32, mut seed: u64) {
        let mut pool = Pool::new(usize::try_from(count).unwrap(), seed % 2 == 0);
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % most
        };
        let mut now = 0_i128;
        for _ in 0..steps {
            let row = usize::try_from(draw(count)).unwrap();
            let id = AccountId(u64::try_from(row).unwrap() * 37 % count);
            let start = now + (i128::from(draw(9)) - 3) * unit;
            // Each row has one of three weights, mostly.
            let weight = if draw(8) == 0 { draw(3) } else { id.0 % 3 };
            let stride = (1 + i128::from(weight) * 4) * unit;
            let spot = Spot { start, deadline: start + stride, id };
            match (draw(6), pool.rows[row]) {
                (0, Some(_)) => {
                    pool.take(row);
                }
                (_, None) => pool.put(row, spot),
                // A send from elsewhere moves it back, and nobody tells.
                (1, Some((old, ticket)))
                    if pool.shared && old.start < start && old.deadline <= spot.deadline =>
                {
                    pool.rows[row] = Some((spot, ticket));
                }
                (2, Some(_)) => {
                    pool.take(row);
                    pool.put(row, spot);
                }
                (3 | 4, Some(_)) => {
                    let first = pool.first(true, now).or_else(|| pool.first(false, now));
                    if let Some(first) = first {
                        let row =
                            pool.rows.iter().position(|at| at.is_some_and(|at| at.0 == first));
                        pool.serve(row.unwrap(), first.deadline - first.start);
                    }
                    now += unit * i128::from(draw(2));
                }
                _ => {
                    // Cancels set virtual time back, and who asks before them has seen it later.
                    now += i128::from(draw(4)) * unit;
                    pool.first(true, now + i128::from(draw(20)) * unit);
                    now -= if draw(2) == 0 { i128::from(draw(12)) * unit } else { 0 };
                }
            }
            pool.check(now);
        }
    }

    #[test]
    fn the_first_of_the_order_is_the_least_of_all() {
        for seed in 0..8 {
            for unit in [1, 1 << 9, 1 << 80] {
                for count in [3, 10, 17, 60] {
                    the_first_is_the_least(count, unit, 1_500, seed);
                }
            }
        }
    }

    /// Puts a row in by its start and the length of its turn, in turns of the lightest account.
    pub(crate) fn put(pool: &mut Pool, row: usize, (start, turn): (i128, i128)) {
        let id = AccountId(u64::try_from(row).unwrap());
        pool.put(row, Spot { start: start << 80, deadline: (start + turn) << 80, id });
    }

    #[test]
    fn nobody_is_lost_whose_start_had_come_before_virtual_time_went_back() {
        let mut pool = Pool::new(20, false);
        for row in 0..20 {
            let id = AccountId(u64::try_from(row).unwrap());
            let start = (10 * (i128::from(id.0) + 1)) << 60;
            pool.put(row, Spot { start, deadline: start + (1 << 80), id });
        }
        let first = |eligible, now: i128, pool: &mut Pool| pool.first(eligible, now << 60);
        assert_eq!(first(true, 100, &mut pool).map(|at| at.id), Some(AccountId(0)));
        assert_eq!(first(true, 0, &mut pool), None);
        pool.take(0);
        assert_eq!(first(true, 0, &mut pool), None);
        assert_eq!(first(false, 0, &mut pool).map(|at| at.id), Some(AccountId(1)));
    }
}
