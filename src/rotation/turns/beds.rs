//! Rows that lie in runs of their own: who lies down, gets out, and gets up with all of its run.
//!
//! Until when each lies, together with others of that instant or in a slice of time, is kept by
//! those two. Knows not why anybody rests.

use crate::rotation::turns::asleep::Group;
use crate::rotation::turns::run::{length, number_of};
use crate::rotation::turns::runs::Runs;
use crate::rotation::turns::slices::slice_of;
use crate::rotation::turns::standing::{Bed, Member, Standing};
use crate::vocab::Timestamp;

impl Runs {
    /// Whether rows lie together until then.
    pub(crate) fn lie_together(&self, until: Timestamp) -> bool {
        self.asleep.opens(until)
    }

    /// Has a row lie until then, with those that do. Says in which run.
    pub(crate) fn lie_down(&mut self, standing: Standing, until: Timestamp) -> u32 {
        let (number, gap) = self.run_for((length(&standing), until), &standing);
        let Self { all, later, asleep, .. } = self;
        asleep.count += 1;
        let most = 2 * asleep.count + 64;
        let (run, group) = (&mut all[number as usize], asleep.group(until));
        if run.is_empty() && !group.runs.contains(&number) {
            run.is_lent = true;
            later.leave_out(number, run);
            group.runs.push(number);
        }
        if group.by_number.len() > most {
            group.count_anew(all);
        }
        group.by_number.push((standing.id, standing.row()));
        self.put(number, gap, standing);
        number
    }

    /// Takes a row out of a run in which it lay until then, and does not any more. Says whether
    /// those of that run do.
    pub(crate) fn get_out(
        &mut self,
        (number, until): Bed,
        stands: impl Fn(&Standing) -> bool,
    ) -> bool {
        let Some(run) = self.all.get_mut(number as usize) else { return false };
        if run.until != until {
            return false;
        }
        // They come and go at the ends, mostly; the others are dropped when they come up.
        let gone = run.trim(stands);
        self.len -= gone;
        self.asleep.count -= gone;
        true
    }

    /// Lets those in who lay until now.
    pub(crate) fn get_up(&mut self, now: Timestamp) {
        while self.asleep.groups.first().is_some_and(|group| group.until <= now) {
            let group = self.asleep.groups.remove(0);
            for number in group.runs {
                self.let_in(number, group.until);
            }
        }
        self.end_slices(now);
    }

    /// Lets a run in that lay until then. Others of that instant may have let it in before.
    pub(super) fn let_in(&mut self, number: u32, until: Timestamp) {
        let Self { all, entered, later, ranks, asleep, .. } = self;
        let run = &mut all[number as usize];
        if run.until != until {
            return;
        }
        entered.remove(&number_of(run.kind()));
        run.until = Timestamp::MIN;
        asleep.count -= run.len();
        if let Some(first) = run.first().copied() {
            later.enter(number, run, *ranks, &first);
            self.seat(number);
        } else {
            self.give_back(number);
        }
    }

    /// When the first of them get up; the last instant if nobody lies.
    pub(crate) fn gets_up_at(&self) -> Timestamp {
        let first = self.asleep.groups.first().map_or(Timestamp::MAX, |group| group.until);
        first.min(self.slices.ends_at())
    }

    /// The first of those who lie, by instant and then by number.
    pub(crate) fn first_asleep(
        &mut self,
        lies: impl Fn(Timestamp, Member) -> bool,
    ) -> Option<(Timestamp, Member)> {
        let together =
            self.asleep.groups.iter_mut().find_map(|Group { until, by_number, .. }| {
                while by_number.first().is_some_and(|member| !lies(*until, *member)) {
                    by_number.pop();
                }
                Some((*until, *by_number.first()?))
            });
        let resting = self.slices.first(lies);
        together.into_iter().chain(resting).min()
    }

    /// How many stand in the order, those that were left behind there too.
    pub(crate) fn awake(&self) -> usize {
        self.len - self.asleep.count
    }

    /// Whether nobody stands in the order nor lies.
    pub(crate) fn is_idle(&self) -> bool {
        self.len == 0 && self.asleep.groups.is_empty()
    }

    /// Has a row lie until an instant, if there is room in its slice. Says in which run, and until
    /// when that lies.
    pub(crate) fn rest(
        &mut self,
        standing: &Standing,
        ready_at: Timestamp,
        now: Timestamp,
    ) -> Option<Bed> {
        let (bits, until) = slice_of(ready_at, now);
        self.slices.slice(bits, until)?;
        let (number, gap) = self.run_for((length(standing), until), standing);
        let slice = self.slices.slice(bits, until)?;
        let run = &mut self.all[number as usize];
        if run.is_empty() && !slice.runs.contains(&number) {
            run.is_lent = true;
            self.later.leave_out(number, run);
            slice.runs.push(number);
        }
        slice.by_instant.push((ready_at, (standing.id, standing.row())));
        self.slices.noted += 1;
        self.asleep.count += 1;
        self.put(number, gap, *standing);
        Some((number, until))
    }

    /// Lets those in whose slice is over.
    pub(super) fn end_slices(&mut self, now: Timestamp) {
        while let Some(slice) = self.slices.take_over(now) {
            for number in slice.runs {
                self.let_in(number, slice.until);
            }
        }
    }

    /// One that may send before its slice is over, if it still lies.
    pub(crate) fn next_rested(&mut self, now: Timestamp) -> Option<(Timestamp, Member)> {
        self.slices.pop_by(now)
    }

    /// Drops notes of rows that lie no longer, if they are many.
    pub(crate) fn drop_unrested(&mut self, most: usize, lies: impl Fn(Timestamp, Member) -> bool) {
        self.slices.drop_unrested(most, lies);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::rotation::containers::table::Slot;
    use crate::rotation::turns::order::tests::{Pool, put};
    use crate::rotation::turns::standing::{Rows, Spot, Standing};
    use crate::vocab::{AccountId, Span, Timestamp};

    /// Rows of which some lie: in which run, and until when.
    struct Beds {
        pool: Pool,
        lying: BTreeMap<usize, (u32, Timestamp)>,
    }

    impl Beds {
        fn take(&mut self, row: usize) {
            let Some(bed) = self.lying.remove(&row) else {
                self.pool.take(row);
                return;
            };
            let Pool { order, rows, .. } = &mut self.pool;
            let ticket = rows[row].take().unwrap().1;
            order.get_out(ticket, bed, |at: &Standing| rows[..].stands(at));
        }

        fn lie_down(&mut self, row: usize, spot: Spot, until: Timestamp) {
            let Pool { order, rows, .. } = &mut self.pool;
            if !order.lie_together(until) {
                return;
            }
            let number = Slot::from_number(u32::try_from(row).unwrap());
            let (bed, ticket) = order.lie_down(number, spot, until).unwrap();
            rows[row] = Some((spot, ticket));
            self.lying.insert(row, bed);
        }

        fn check(&mut self, (virtual_time, looks_ahead): (i128, bool), now: Timestamp) {
            self.pool.order.get_up(now);
            self.lying.retain(|_, (_, until)| *until > now);
            let Self { pool, lying } = self;
            let up = pool.rows.iter().enumerate().filter(|(row, _)| !lying.contains_key(row));
            let up: Vec<Spot> = up.filter_map(|(_, at)| Some(at.as_ref()?.0)).collect();
            let eligible = up.iter().filter(|at| at.start <= virtual_time);
            let eligible = eligible.min_by_key(|at| (at.deadline, at.id)).copied();
            let ahead = up.iter().filter(|at| at.start > virtual_time).min().copied();
            assert_eq!(pool.first(true, virtual_time), eligible);
            if looks_ahead {
                assert_eq!(pool.first(false, virtual_time), ahead);
            }
            let Pool { order, rows, .. } = pool;
            let first = order.first_asleep(|at, (id, row)| {
                let lies = lying.get(&row.index()).is_some_and(|(_, until)| *until == at);
                lies && rows[row.index()].is_some_and(|(spot, _)| spot.id == id)
            });
            let of = |(row, (_, until)): (&usize, &(u32, Timestamp))| {
                (*until, rows[*row].map(|(spot, _)| spot.id))
            };
            assert_eq!(first.map(|(at, (id, _))| (at, Some(id))), lying.iter().map(of).min());
        }
    }

    /// Rows lie down, get out and up, come and go; whose turn it is and who starts next is always
    /// what a look at each finds.
    #[test]
    fn who_lies_is_nobody_else_and_is_up_in_time() {
        for seed in 0..40_u64 {
            let mut drawn = seed;
            let mut draw = |most: u64| {
                drawn = drawn.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1_442_695_040_888);
                (drawn >> 33) % most
            };
            let count = 40;
            let mut beds = Beds { pool: Pool::new(count, false), lying: BTreeMap::new() };
            let (mut virtual_time, mut now, mut most) = (0, Timestamp::EPOCH, 0);
            for _ in 0..3_000 {
                let row = usize::try_from(draw(count as u64)).unwrap();
                let start = virtual_time + (i128::from(draw(9)) - 3) * (1 << 70);
                let turn = i128::from(1 + draw(3)) << 72;
                let id = AccountId(u64::try_from(row * 7 % count).unwrap());
                let spot = Spot { start, deadline: start + turn, id };
                match draw(8) {
                    0..=2 => {
                        beds.take(row);
                        let until = now.plus(Span::milliseconds(1 + draw(3)));
                        beds.lie_down(row, spot, until);
                    }
                    3 | 4 => {
                        beds.take(row);
                        beds.pool.put(row, spot);
                    }
                    5 => beds.take(row),
                    // Virtual time goes back now and then.
                    6 => virtual_time += (i128::from(draw(9)) - 2) << 70,
                    _ => now = now.plus(Span::milliseconds(draw(2))),
                }
                if draw(40) == 0 {
                    let Pool { order, rows, .. } = &mut beds.pool;
                    order.retain(|at| rows[..].stands(at));
                }
                // Who starts next is mostly not asked for a while.
                beds.check((virtual_time, draw(9) == 0), now);
                most = most.max(beds.lying.len());
            }
            assert!(most > 10, "seed {seed}: {most} lay at a time");
        }
    }

    /// A run in which somebody stood is used again by somebody who lies.
    #[test]
    fn who_lies_does_not_start_next() {
        let mut beds = Beds { pool: Pool::new(23, false), lying: BTreeMap::new() };
        for row in 0..20 {
            put(&mut beds.pool, row, (0, 1_000));
        }
        put(&mut beds.pool, 20, (10, 1));
        let spot = |row: u64, (start, turn): (i128, i128)| Spot {
            start: start << 80,
            deadline: (start + turn) << 80,
            id: AccountId(row),
        };
        let at = |ms| Timestamp::EPOCH.plus(Span::milliseconds(ms));
        beds.lie_down(21, spot(21, (0, 1)), at(1));
        beds.check((0, true), at(0));
        beds.check((0, false), at(1));
        beds.take(21);
        beds.lie_down(22, spot(22, (5, 7)), at(2));
        beds.check((0, true), at(1));
        beds.check((0, true), at(2));
    }
}
