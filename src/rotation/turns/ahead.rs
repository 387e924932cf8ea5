//! Of many rows in runs, those whose start has not come: which of them is first, and how it leaves.
//!
//! Most of it is asked where nobody is eligible, as in a campaign whose accounts have their turns
//! in others, too. Knows no order by deadlines but of those that start at one place.

use crate::rotation::turns::run::Run;
use crate::rotation::turns::runs::{Runs, starts_before, to_end};
use crate::rotation::turns::standing::Standing;

impl Runs {
    /// The row that is first by start among those whose start has not come.
    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<Standing> {
        self.pass(virtual_time);
        if !self.eligible.is_empty() {
            let found = self.later.first(&mut self.all, self.ranks, virtual_time, stands);
            self.len -= std::mem::take(&mut self.later.dropped);
            return found;
        }
        loop {
            let number = self.ahead.first()?;
            if stands(self.all[number as usize].first()?) {
                break;
            }
            self.drop_ahead();
        }
        let mut first: Option<Standing> = None;
        let start = self.all[self.ahead.first()? as usize].first()?.start;
        self.ahead.at_first_rank(|number| {
            if let Some(at) = first_at(&self.all[number as usize], start, &stands) {
                first = Some(first.filter(|first| first.is_due_before(at)).unwrap_or(*at));
            }
        });
        first
    }

    /// Puts a row in again elsewhere that is the first of those ahead. Nothing happens if it is
    /// not.
    #[inline(never)]
    pub(super) fn serve_ahead(&mut self, standing: &Standing) -> bool {
        let Some(number) = self.ahead.first() else { return false };
        self.left = number;
        let run = &mut self.all[number as usize];
        match to_end(run, self.ranks, standing) {
            None => return false,
            Some(true) => self.seat_ahead(number),
            Some(false) => {
                self.dropped_ahead(number);
                self.insert(*standing);
            }
        }
        true
    }

    /// Puts a run among those ahead. Its first may have come when virtual time was later; who asks
    /// for the first of those ahead looks nowhere else.
    pub(super) fn seat_ahead(&mut self, number: u32) {
        let Self { all, ahead, ranks, .. } = self;
        let Some(first) = all[number as usize].first() else { return };
        ahead.set(number, ranks.starts(number, first), |a, b| starts_before(all, a, b));
        self.next_at = self.next_at.min(first.start);
    }

    fn drop_ahead(&mut self) {
        let Some(number) = self.ahead.first() else { return };
        self.all[number as usize].skip_first();
        self.dropped_ahead(number);
    }

    fn dropped_ahead(&mut self, number: u32) {
        let Self { all, ahead, .. } = self;
        all[number as usize].shrink();
        ahead.remove(number, |a, b| starts_before(all, a, b));
        self.len -= 1;
        self.seat_ahead(number);
        self.give_back(number);
    }
}

/// The first of a run that starts there and stands.
#[inline]
fn first_at(run: &Run, start: i128, stands: impl Fn(&Standing) -> bool) -> Option<&Standing> {
    let first = run.first().filter(|first| first.start == start)?;
    if stands(first) {
        return Some(first);
    }
    run.iter().take_while(|at| at.start == start).find(|at| stands(at))
}

#[cfg(test)]
mod tests {
    use crate::rotation::turns::order::tests::{Pool, put};

    /// Virtual time goes back, and one of those that had come moves on before it comes again.
    #[test]
    fn who_moves_on_ahead_is_found_while_others_have_come() {
        let mut pool = Pool::new(19, false);
        for row in 0..17 {
            put(&mut pool, row, (0, 1_000));
        }
        put(&mut pool, 17, (5, 30));
        put(&mut pool, 18, (6, 30));
        let starts = |pool: &mut Pool, now: i128| {
            [true, false].map(|eligible| pool.first(eligible, now << 80).map(|at| at.start >> 80))
        };
        assert_eq!(starts(&mut pool, 10), [Some(5), None]);
        for row in 0..17 {
            pool.take(row);
        }
        assert_eq!(starts(&mut pool, 0), [None, Some(5)]);
        pool.serve(17, 30 << 80);
        assert_eq!(starts(&mut pool, 12), [Some(6), Some(35)]);
    }
}
