//! Which entry of all runs starts next, while others have come already.
//!
//! That is rarely asked: when somebody leaves who was owed a turn. Until then every run stands here
//! by a lower bound of the first start that has not come, and the bounds that are first are made
//! exact when it is. Knows no order by deadlines.

use crate::rotation::containers::heap::{Heap, Key};
use crate::rotation::turns::ranks::Ranks;
use crate::rotation::turns::run::Run;
use crate::rotation::turns::standing::Standing;

/// Runs by a lower bound of the first start that has not come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Later {
    bounds: Heap,
    /// Whether all bounds are to be found anew, and the latest virtual time that they know.
    is_stale: bool,
    known_at: i128,
    /// How many entries were dropped on the way.
    pub(super) dropped: usize,
}

impl Later {
    /// Whether a run needs no look when an entry goes to its end.
    #[inline]
    pub(crate) fn knows(run: &Run, ranks: Ranks, standing: &Standing) -> bool {
        run.later.is_some_and(|bound| !run.is_empty() || ranks.rank(standing.start) >= bound)
    }

    /// Takes in that an entry comes into a run.
    pub(crate) fn enter(&mut self, number: u32, run: &mut Run, ranks: Ranks, standing: &Standing) {
        let rank = ranks.rank(standing.start);
        if run.later.is_none_or(|bound| rank < bound) {
            run.later = Some(rank);
            self.bounds.set(number, Key { rank, then: 0 }, |_, _| false);
        }
    }

    /// Takes in that nobody of a run is to be found.
    pub(crate) fn leave_out(&mut self, number: u32, run: &mut Run) {
        run.later = None;
        self.bounds.remove(number, |_, _| false);
    }

    /// Has all bounds found anew before the next answer.
    pub(crate) fn forget(&mut self) {
        self.is_stale = true;
    }

    /// The entry that starts first of those whose start has not come.
    pub(crate) fn first(
        &mut self,
        all: &mut [Run],
        ranks: Ranks,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<Standing> {
        if self.is_stale || virtual_time < self.known_at {
            self.find(all, ranks);
        }
        self.known_at = virtual_time;
        loop {
            let first = self.bounds.first()?;
            let run = &mut all[first as usize];
            let (found, gone) = run.first_ahead(virtual_time, &stands);
            self.dropped += gone;
            let Some(start) = found.map(|at| at.start) else {
                // Who enters it brings it back.
                run.later = None;
                self.bounds.remove(first, |_, _| false);
                continue;
            };
            let rank = ranks.rank(start);
            if run.later.is_some_and(|bound| rank <= bound) {
                break;
            }
            run.later = Some(rank);
            self.bounds.set(first, Key { rank, then: 0 }, |_, _| false);
        }
        let mut found: Option<Standing> = None;
        let Self { bounds, dropped, .. } = self;
        bounds.at_first_rank(|number| {
            let (at, gone) = all[number as usize].first_ahead(virtual_time, &stands);
            *dropped += gone;
            let at = at.filter(|at| found.is_none_or(|first| at.starts_before(&first)));
            found = at.or(found);
        });
        found
    }

    /// Finds for every run a start that none of its entries is before.
    fn find(&mut self, all: &mut [Run], ranks: Ranks) {
        self.bounds.clear();
        for (number, run) in (0..).zip(all) {
            run.forget();
            let first = run.first().filter(|_| !run.is_asleep());
            run.later = first.map(|first| ranks.rank(first.start));
            if let Some(rank) = run.later {
                self.bounds.set(number, Key { rank, then: 0 }, |_, _| false);
            }
        }
        self.is_stale = false;
    }
}

#[cfg(test)]
mod tests {
    use crate::rotation::turns::order::tests::{Pool, put};

    /// Twenty rows whose start has come, and others that start later.
    fn with_later(later: [(i128, i128); 2]) -> Pool {
        let mut pool = Pool::new(23, false);
        for row in 0..20 {
            put(&mut pool, row, (0, 1_000));
        }
        put(&mut pool, 20, later[0]);
        put(&mut pool, 21, later[1]);
        pool
    }

    fn next_start(pool: &mut Pool, now: i128) -> i128 {
        pool.first(true, now << 80);
        pool.first(false, now << 80).map_or(0, |spot| spot.start >> 80)
    }

    #[test]
    fn who_starts_next_is_found_in_a_run_that_was_empty() {
        let mut pool = with_later([(10, 1), (8, 30)]);
        assert_eq!(next_start(&mut pool, 0), 8);
        pool.take(20);
        pool.first(true, 10 << 80);
        put(&mut pool, 22, (5, 1));
        assert_eq!(next_start(&mut pool, 1), 5);
    }

    #[test]
    fn who_starts_next_is_found_when_virtual_time_is_far() {
        let mut pool = with_later([(40, 1), (50, 2)]);
        assert_eq!(next_start(&mut pool, 0), 40);
        pool.first(true, 33 << 80);
        pool.take(20);
        put(&mut pool, 22, (60, 3));
        assert_eq!(next_start(&mut pool, 33), 50);
    }
}
