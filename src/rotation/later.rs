//! Which entry of all runs starts next, while others have come already.
//!
//! That is rarely asked: when somebody leaves who was owed a turn. Until then every run stands here
//! by a lower bound of the first start that has not come, and the bounds that are first are made
//! exact when it is. Knows no order by deadlines.

use crate::rotation::heap::{Heap, Key};
use crate::rotation::ranks::Ranks;
use crate::rotation::run::Run;
use crate::rotation::standing::Standing;

/// Runs by a lower bound of the first start that has not come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Later {
    bounds: Heap,
    /// Whether all bounds are to be found anew, and the latest virtual time that they know.
    is_stale: bool,
    known_at: i128,
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

    /// Has all bounds found anew before the next answer.
    pub(crate) fn forget(&mut self) {
        self.is_stale = true;
    }

    /// The entry that starts first of those whose start has not come.
    pub(crate) fn first<'a>(
        &mut self,
        all: &'a mut [Run],
        ranks: Ranks,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<&'a Standing> {
        if self.is_stale || virtual_time < self.known_at {
            self.find(all, ranks);
        }
        self.known_at = virtual_time;
        loop {
            let first = self.bounds.first()?;
            let run = &mut all[first as usize];
            let Some(start) = run.first_ahead(virtual_time, &stands).map(|at| at.start) else {
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
        let mut alike = Vec::new();
        self.bounds.at_first_rank(|number| alike.push(number as usize));
        for number in &alike {
            all[*number].first_ahead(virtual_time, &stands);
        }
        let all = &*all;
        let found = alike.into_iter().filter_map(|number| all[number].found_ahead());
        found.reduce(|first, at| if at.starts_before(first) { at } else { first })
    }

    /// Finds for every run a start that none of its entries is before.
    fn find(&mut self, all: &mut [Run], ranks: Ranks) {
        self.bounds.clear();
        for (number, run) in (0..).zip(all) {
            run.forget_found();
            run.later = run.first().map(|first| ranks.rank(first.start));
            if let Some(rank) = run.later {
                self.bounds.set(number, Key { rank, then: 0 }, |_, _| false);
            }
        }
        self.is_stale = false;
    }
}
