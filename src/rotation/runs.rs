//! The order of turns of many rows.
//!
//! Accounts of one weight come in one order by start and by deadline, which is a turn further. They
//! stand in one *run*, a row that is entered at its end. Pools have few different weights, so there
//! are few runs: only they stand in heaps, and a step costs as much as there are weights. Who comes
//! out of order, as after a rest, opens another run of that weight.
//!
//! The first entries of a run have *come*: their starts are past. A run stands among the eligible
//! with its first entry if that has come, and among those ahead with the first that has not.

use std::collections::VecDeque;

use crate::rotation::heap::{Heap, Key};
use crate::rotation::lookup::Lookup;
use crate::rotation::order::{Standing, Ticket};

/// No run.
const NONE: u32 = u32::MAX;

/// Entries in ascending order, by start and by deadline.
#[derive(Clone, Debug, Default)]
struct Run {
    length: u64,
    entries: VecDeque<Standing>,
    come: usize,
}

/// Rows in the order of their turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    all: Vec<Run>,
    /// Those without a length of turn.
    unused: Vec<u32>,
    /// How many runs there are when those that nobody is in are looked for.
    sweep_at: usize,
    /// The runs that are entered, by their length of a turn: two, one for whoever comes in order
    /// and one for those who rested.
    entered: Lookup<u64, [u32; 2]>,
    /// The run that was left last; who is served comes back to it at once.
    left: u32,
    eligible: Heap,
    ahead: Heap,
    /// No start that was told to have come is later.
    told_at: i128,
    len: usize,
}

impl Runs {
    pub(crate) fn new(virtual_time: i128) -> Self {
        Self { told_at: virtual_time, left: NONE, ..Self::default() }
    }

    pub(crate) fn insert(&mut self, standing: Standing) {
        self.len += 1;
        let number = self.run_for(&standing);
        let run = &mut self.all[number as usize];
        let all_come = run.come == run.entries.len();
        run.entries.push_back(standing);
        if !all_come {
            return;
        }
        if standing.start > self.told_at {
            self.ahead.push(ahead(number, &standing));
            return;
        }
        run.come += 1;
        if run.come == 1 {
            self.eligible.push(due(number, &standing));
        }
    }

    /// Takes an entry out if it is the first; otherwise it goes when it comes up.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some(first) = self.eligible.first() else { return };
        self.left = first.of;
        let front = self.all[first.of as usize].entries.front();
        if front.is_some_and(|front| front.ticket == ticket) {
            self.drop_eligible();
        }
    }

    pub(crate) fn first_eligible(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<&Standing> {
        self.pass(virtual_time);
        loop {
            let number = self.eligible.first()?.of;
            let first = self.all[number as usize].entries.front()?;
            if !stands(first) {
                self.drop_eligible();
            } else if first.start > virtual_time {
                self.put_back();
            } else {
                break;
            }
        }
        self.all[self.eligible.first()?.of as usize].entries.front()
    }

    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<&Standing> {
        if virtual_time < self.told_at {
            self.told_at = virtual_time;
            self.tell();
        }
        self.pass(virtual_time);
        loop {
            let number = self.ahead.first()?.of;
            if stands(self.all[number as usize].next()?) {
                break;
            }
            self.drop_ahead();
        }
        // Of several runs that start there the one whose entry is due first.
        let start = self.ahead.first()?.place;
        let mut first: Option<&Standing> = None;
        self.ahead.at_first_place(|number| {
            let run = &self.all[number as usize];
            let here = run.entries.range(run.come..).take_while(|at| at.start == start);
            if let Some(at) = here.into_iter().find(|at| stands(at)) {
                first = Some(first.filter(|first| first.is_due_before(at)).unwrap_or(at));
            }
        });
        first
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn retain(&mut self, stands: impl Fn(&Standing) -> bool) {
        self.len = 0;
        for run in &mut self.all {
            run.entries.retain(&stands);
            self.len += run.entries.len();
        }
        self.tell();
    }

    /// How many runs there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.all.len() - self.unused.len()
    }

    /// A run that an entry can go to the end of.
    fn run_for(&mut self, standing: &Standing) -> u32 {
        let length = length(standing);
        let fits = |run: u32| {
            let run = self.all.get(run as usize);
            run.is_some_and(|run| run.length == length && run.fits(standing))
        };
        if fits(self.left) {
            return self.left;
        }
        let [first, second] = self.entered.get(&length).copied().unwrap_or([NONE; 2]);
        if fits(first) {
            return first;
        }
        if fits(second) {
            return second;
        }
        let opened = self.open(length);
        let is_used = self.all.get(first as usize).is_some_and(|run| run.length == length);
        self.entered.insert(length, if is_used { [first, opened] } else { [opened, second] });
        opened
    }

    #[cold]
    fn open(&mut self, length: u64) -> u32 {
        if self.all.len() >= self.sweep_at && self.unused.is_empty() {
            for (number, run) in (0..).zip(&mut self.all) {
                if run.entries.is_empty() {
                    self.entered.remove(&run.length);
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
        self.all[number as usize].length = length;
        number
    }

    /// Takes in that starts have come.
    fn pass(&mut self, virtual_time: i128) {
        self.told_at = self.told_at.max(virtual_time);
        while let Some(Key { of: number, .. }) =
            self.ahead.first().filter(|first| first.place <= virtual_time).copied()
        {
            let run = &mut self.all[number as usize];
            if let Some(first) = run.entries.front().filter(|_| run.come == 0) {
                self.eligible.push(due(number, first));
            }
            run.pass(virtual_time);
            self.renew_ahead(number);
        }
    }

    /// Virtual time went back, and the start of the first that is eligible has not come again.
    #[cold]
    fn put_back(&mut self) {
        let Some(Key { of: number, .. }) = self.eligible.pop() else { return };
        let run = &mut self.all[number as usize];
        let is_ahead = run.next().is_some();
        run.come = 0;
        let Some(next) = run.next() else { return };
        if is_ahead {
            self.ahead.bring_forward(ahead(number, next));
        } else {
            self.ahead.push(ahead(number, next));
        }
    }

    /// Tells of the first of those ahead what is so now.
    fn renew_ahead(&mut self, number: u32) {
        match self.all[number as usize].next() {
            Some(next) => self.ahead.replace_first(ahead(number, next)),
            None => {
                self.ahead.pop();
            }
        }
    }

    fn drop_eligible(&mut self) {
        let Some(number) = self.eligible.first().map(|first| first.of) else { return };
        let run = &mut self.all[number as usize];
        run.entries.pop_front();
        run.come -= 1;
        self.len -= 1;
        match run.entries.front().filter(|_| run.come > 0) {
            Some(next) => self.eligible.replace_first(due(number, next)),
            None => {
                self.eligible.pop();
            }
        }
    }

    /// Drops the first of those ahead.
    fn drop_ahead(&mut self) {
        let Some(number) = self.ahead.first().map(|first| first.of) else { return };
        let run = &mut self.all[number as usize];
        if run.come == 0 {
            run.entries.pop_front();
            self.len -= 1;
        } else {
            // It goes when it comes up.
            run.come += 1;
        }
        self.renew_ahead(number);
    }

    /// Looks at every run to tell what has come.
    #[cold]
    fn tell(&mut self) {
        self.eligible.clear();
        self.ahead.clear();
        for (number, run) in (0..).zip(&mut self.all) {
            run.come = run.entries.partition_point(|at| at.start <= self.told_at);
            if let Some(first) = run.entries.front().filter(|_| run.come > 0) {
                self.eligible.push(due(number, first));
            }
            if let Some(next) = run.next() {
                self.ahead.push(ahead(number, next));
            }
        }
    }
}

/// A run among those that are eligible: by the deadline of its first, then by number.
const fn due(run: u32, first: &Standing) -> Key {
    Key { place: first.deadline, then: first.id.0, of: run }
}

/// A run among those ahead: by the start of the first that has not come.
const fn ahead(run: u32, next: &Standing) -> Key {
    Key { place: next.start, then: 0, of: run }
}

impl Run {
    /// The first that has not come.
    fn next(&self) -> Option<&Standing> {
        self.entries.get(self.come)
    }

    /// Whether an entry can go to the end.
    fn fits(&self, standing: &Standing) -> bool {
        let back = self.entries.back();
        back.is_none_or(|last| last.start <= standing.start && !standing.is_due_before(last))
    }

    /// Moves on over what has come: mostly one, and after a jump as many as there are.
    fn pass(&mut self, virtual_time: i128) {
        let mut step = 1;
        while self.entries.get(self.come + step).is_some_and(|at| at.start <= virtual_time) {
            self.come += step;
            step *= 2;
        }
        // The entry at `come` has come, and the one a step further has not, or is beyond the end.
        while step > 1 {
            step /= 2;
            if self.entries.get(self.come + step).is_some_and(|at| at.start <= virtual_time) {
                self.come += step;
            }
        }
        self.come += 1;
    }
}

/// The length of a turn, as far as runs must tell. Rounding makes turns of one weight differ by a
/// unit; lengths are told apart by steps of 256, and those of any two weights are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "two that look alike only share a run where they are in order"
)]
fn length(standing: &Standing) -> u64 {
    (((standing.deadline - standing.start + 128) >> 8) as u64).max(1)
}
