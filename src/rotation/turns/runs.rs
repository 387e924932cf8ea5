//! The order of turns of many rows.
//!
//! Accounts of one weight come in one order by start and by deadline, which is a turn further. They
//! stand in one *run*, a row that is mostly entered at its end and left at its front. Pools have
//! few different weights, so there are few runs: only they stand in heaps, and a step costs as much
//! as there are weights. Who comes out of order, as after a rest, goes in between others.
//!
//! A run stands in one heap by its first entry: among the eligible by the deadline if the start has
//! come, among those ahead by the start otherwise. While the next of a run has come, too, a turn
//! replaces one entry of one heap.

use crate::rotation::containers::heap::Heap;
use crate::rotation::containers::leaves::Gap;
use crate::rotation::containers::lookup::Lookup;
use crate::rotation::turns::asleep::Asleep;
use crate::rotation::turns::later::Later;
use crate::rotation::turns::ranks::Ranks;
use crate::rotation::turns::run::{Kind, Run, length, number_of};
use crate::rotation::turns::slices::Slices;
use crate::rotation::turns::standing::{Standing, Ticket};
use crate::vocab::Timestamp;

/// No run.
const NONE: u32 = u32::MAX;

/// Rows in the order of their turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    pub(super) all: Vec<Run>,
    /// Those without a length of turn.
    unused: Vec<u32>,
    /// How many runs there are when those that nobody is in are looked for.
    sweep_at: usize,
    /// The runs that are entered, by a number of their kind: one, and another for whoever fits
    /// nowhere in that, such as one that is due before others that start before it.
    pub(super) entered: Lookup<u64, [u32; 2]>,
    /// The run that was left last; who is served comes back to it at once.
    pub(super) left: u32,
    /// Runs whose first entry has come, unless virtual time went back since.
    pub(super) eligible: Heap,
    /// The others.
    pub(super) ahead: Heap,
    /// Which entry starts next of those that have not come.
    pub(super) later: Later,
    /// Something is to be done when virtual time is so late: a run comes, or ranks are set anew.
    pub(super) next_at: i128,
    /// No start that was told to have come is later.
    told_at: i128,
    pub(super) ranks: Ranks,
    /// How many entries there are.
    pub(super) len: usize,
    /// Those that are left out for now.
    pub(crate) asleep: Asleep,
    pub(super) slices: Slices,
}

impl Runs {
    pub(crate) fn new(virtual_time: i128) -> Self {
        let mut runs = Self { told_at: virtual_time, left: NONE, ..Self::default() };
        runs.rank_anew();
        runs
    }

    #[inline(never)]
    pub(crate) fn insert(&mut self, standing: Standing) {
        let (number, gap) = self.run_for((length(&standing), Timestamp::MIN), &standing);
        self.enter(number, gap, standing);
    }

    /// Puts a row in again that is the first of those that are eligible, or of those ahead where
    /// nobody is. Nothing happens if it is not.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn serve(&mut self, standing: &Standing) -> bool {
        let Some(number) = self.eligible.first() else { return self.serve_ahead(standing) };
        self.left = number;
        let Some(run) = self.all.get_mut(number as usize) else { return false };
        match to_end(run, self.ranks, standing) {
            None => return false,
            Some(true) => self.renew_first(number),
            Some(false) => {
                self.dropped(number);
                self.insert(*standing);
            }
        }
        true
    }

    /// Takes an entry out if it is the first; otherwise it goes when it comes up.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some(number) = self.eligible.first() else { return };
        self.left = number;
        let first = self.all[number as usize].first();
        if first.is_some_and(|first| first.ticket == ticket) {
            self.drop_eligible();
        }
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn first_eligible(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<&Standing> {
        self.pass(virtual_time);
        loop {
            let number = self.eligible.first()?;
            let first = self.all.get(number as usize)?.first()?;
            if !stands(first) {
                self.drop_eligible();
            } else if first.start > virtual_time {
                self.put_back();
            } else {
                return self.all.get(number as usize)?.first();
            }
        }
    }

    /// Calls with some who come next in the run that was left last, with each once.
    #[inline]
    pub(crate) fn tell(&mut self, to: impl FnMut(&Standing)) {
        if let Some(run) = self.all.get_mut(self.left as usize) {
            run.tell(to);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn retain(&mut self, stands: impl Fn(&Standing) -> bool) {
        (self.len, self.asleep.count) = (0, 0);
        self.eligible.clear();
        self.ahead.clear();
        self.later.forget();
        for number in 0..self.all.len() {
            let run = &mut self.all[number];
            run.retain(&stands);
            self.len += run.len();
            self.asleep.count += if run.is_asleep() { run.len() } else { 0 };
            self.seat(u32::try_from(number).unwrap_or(NONE));
        }
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.all.iter().map(Run::room).sum()
    }

    /// How many runs there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.all.len() - self.unused.len()
    }

    fn enter(&mut self, number: u32, gap: Option<Gap>, standing: Standing) {
        let run = &mut self.all[number as usize];
        self.later.enter(number, run, self.ranks, &standing);
        let is_first = gap.map_or(run.is_empty(), Gap::is_first);
        self.put(number, gap, standing);
        if is_first {
            let Self { all, eligible, ahead, .. } = self;
            eligible.remove(number, |a, b| is_due_before(all, a, b));
            ahead.remove(number, |a, b| starts_before(all, a, b));
            self.seat(number);
        }
    }

    /// Puts an entry into a run, in between others or at its end.
    pub(super) fn put(&mut self, number: u32, gap: Option<Gap>, standing: Standing) {
        self.len += 1;
        let run = &mut self.all[number as usize];
        match gap {
            Some(gap) => run.insert(gap, standing),
            None => run.push(standing),
        }
    }

    /// Puts a run where it belongs that is nowhere.
    pub(super) fn seat(&mut self, number: u32) {
        let Self { all, eligible, ahead, ranks, .. } = self;
        let run = &all[number as usize];
        let Some(first) = run.first().filter(|_| !run.is_asleep()) else { return };
        if first.start <= self.told_at {
            eligible.set(number, ranks.due(first), |a, b| is_due_before(all, a, b));
        } else {
            ahead.set(number, ranks.starts(number, first), |a, b| starts_before(all, a, b));
            self.next_at = self.next_at.min(first.start);
        }
    }

    /// A run of a kind that an entry can go into, and where: at its end, if in no gap.
    #[inline(never)]
    pub(super) fn run_for(&mut self, kind: Kind, standing: &Standing) -> (u32, Option<Gap>) {
        let known = self.entered.get(&number_of(kind)).copied().unwrap_or([NONE; 2]);
        let others = known.map(|number| if number == self.left { NONE } else { number });
        let numbers = [self.left, others[0], others[1]];
        for number in numbers {
            match self.all.get(number as usize) {
                Some(run) if run.takes(kind, standing) => return (number, None),
                Some(_) | None => {}
            }
        }
        for number in numbers {
            let run = self.all.get(number as usize);
            if let Some(gap) = run.and_then(|run| run.place_among(kind, standing)) {
                return (number, Some(gap));
            }
        }
        let [first, second] = known;
        let opened = self.open(kind);
        let is_used = self.all.get(first as usize).is_some_and(|run| run.kind() == kind);
        let entered = if is_used { [first, opened] } else { [opened, second] };
        self.entered.insert(number_of(kind), entered);
        (opened, None)
    }

    #[cold]
    fn open(&mut self, kind: Kind) -> u32 {
        if self.all.len() >= self.sweep_at && self.unused.is_empty() {
            for (number, run) in (0..).zip(&mut self.all) {
                if run.is_empty() && !run.is_asleep() {
                    self.entered.remove(&number_of(run.kind()));
                    run.length = 0;
                    self.unused.push(number);
                }
            }
            self.sweep_at = 64 + 2 * (self.all.len() - self.unused.len());
        }
        let number = self.unused.pop().unwrap_or_else(|| {
            self.all.push(Run::default());
            u32::try_from(self.all.len() - 1).unwrap_or(NONE)
        });
        let run = &mut self.all[number as usize];
        ((run.length, run.until), run.is_lent) = (kind, false);
        number
    }

    /// Has a run used anew that nobody is in and nobody will enter.
    pub(super) fn give_back(&mut self, number: u32) {
        let run = &mut self.all[number as usize];
        if run.is_lent && run.is_empty() {
            (run.is_lent, run.length) = (false, 0);
            self.unused.push(number);
        }
    }

    /// Takes in that starts have come.
    #[inline]
    pub(super) fn pass(&mut self, virtual_time: i128) {
        self.told_at = self.told_at.max(virtual_time);
        if virtual_time >= self.next_at {
            self.bring_up(virtual_time);
        }
    }

    #[inline(never)]
    fn bring_up(&mut self, virtual_time: i128) {
        if virtual_time >= self.ranks.end() {
            self.rank_anew();
        }
        while let Some(number) = self.ahead.first() {
            let Self { all, ahead, .. } = self;
            if all[number as usize].first().is_none_or(|first| first.start > virtual_time) {
                break;
            }
            ahead.remove(number, |a, b| starts_before(all, a, b));
            self.seat(number);
        }
        self.renew_next();
    }

    fn renew_next(&mut self) {
        let first = self.ahead.first().and_then(|first| self.all[first as usize].first());
        let end = self.ranks.end();
        self.next_at = first.map_or(end, |first| first.start.min(end));
    }

    /// Sets the base of ranks anew. No order changes.
    #[cold]
    fn rank_anew(&mut self) {
        let Self { all, eligible, ahead, ranks, .. } = self;
        *ranks = Ranks::about(self.told_at);
        let first = |number: u32| all[number as usize].first();
        eligible.key_anew(|number| first(number).map(|at| ranks.due(at)));
        ahead.key_anew(|number| first(number).map(|at| ranks.starts(number, at)));
        self.later.forget();
        self.renew_next();
    }

    /// Virtual time went back, and the start of the first that is eligible has not come again.
    #[cold]
    fn put_back(&mut self) {
        let Self { all, eligible, .. } = self;
        if let Some(number) = eligible.first() {
            eligible.remove(number, |a, b| is_due_before(all, a, b));
            self.seat_ahead(number);
        }
    }

    fn drop_eligible(&mut self) {
        let Some(number) = self.eligible.first() else { return };
        self.all[number as usize].skip_first();
        self.dropped(number);
    }

    #[inline(never)]
    fn dropped(&mut self, number: u32) {
        self.len -= 1;
        self.all[number as usize].shrink();
        self.renew_first(number);
        self.give_back(number);
    }

    /// Puts the run of the first that was eligible where it belongs by its new first entry.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    fn renew_first(&mut self, number: u32) {
        let Self { all, eligible, ranks, .. } = self;
        let first = all.get(number as usize).and_then(Run::first);
        if let Some(first) = first.filter(|first| first.start <= self.told_at) {
            eligible.set(number, ranks.due(first), |a, b| is_due_before(all, a, b));
        } else {
            eligible.remove(number, |a, b| is_due_before(all, a, b));
            self.seat(number);
        }
    }
}

/// Drops the first of a run and puts it in again at the end, if it can go there: says whether it
/// did. Nothing happens if it is another's.
#[expect(clippy::inline_always, reason = "a part of every turn")]
#[inline(always)]
pub(super) fn to_end(run: &mut Run, ranks: Ranks, standing: &Standing) -> Option<bool> {
    run.first().filter(|first| first.ticket == standing.ticket)?;
    run.drop_first();
    let is_known = Later::knows(run, ranks, standing);
    let fits = is_known && run.length == length(standing) && run.fits(standing);
    if fits {
        run.push(*standing);
    }
    Some(fits)
}

#[cold]
fn is_due_before(all: &[Run], one: u32, other: u32) -> bool {
    let firsts = (all[one as usize].first(), all[other as usize].first());
    matches!(firsts, (Some(one), Some(other)) if one.is_due_before(other))
}

#[cold]
pub(super) fn starts_before(all: &[Run], one: u32, other: u32) -> bool {
    let firsts = (all[one as usize].first(), all[other as usize].first());
    matches!(firsts, (Some(one), Some(other)) if one.start < other.start)
}
