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

use crate::rotation::heap::{Entry, Heap};
use crate::rotation::lookup::Lookup;
use crate::rotation::order::{Standing, Ticket};
use crate::vocab::AccountId;

/// No run.
const NONE: u32 = u32::MAX;

/// Entries in ascending order, by start and by deadline.
#[derive(Clone, Debug, Default)]
struct Run {
    length: u64,
    entries: VecDeque<Standing>,
    come: usize,
}

/// A run by the deadline of its first.
#[derive(Clone, Copy, Debug)]
struct Due {
    deadline: i128,
    id: AccountId,
    run: u32,
}

impl Due {
    const fn new(first: &Standing, run: u32) -> Self {
        Self { deadline: first.deadline, id: first.id, run }
    }
}

impl Entry for Due {
    fn is_before(&self, other: &Self) -> bool {
        self.deadline < other.deadline || (self.deadline == other.deadline && self.id < other.id)
    }
}

/// A run by the start of the first that has not come.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    start: i128,
    deadline: i128,
    id: AccountId,
    ticket: Ticket,
    run: u32,
}

impl Ahead {
    const fn new(next: &Standing, run: u32) -> Self {
        let Standing { start, deadline, id, ticket, .. } = *next;
        Self { start, deadline, id, ticket, run }
    }
}

impl Entry for Ahead {
    fn is_before(&self, other: &Self) -> bool {
        self.start < other.start
            || (self.start == other.start && (self.deadline, self.id) < (other.deadline, other.id))
    }
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
    eligible: Heap<Due>,
    ahead: Heap<Ahead>,
    /// No start that was told to have come is later.
    told_at: i128,
    len: usize,
}

impl Runs {
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
            self.push_ahead(Ahead::new(&standing, number));
            return;
        }
        run.come += 1;
        if run.come == 1 {
            self.eligible.push(Due::new(&standing, number));
        }
    }

    /// Takes an entry out if it is the first; otherwise it goes when it comes up.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some(first) = self.eligible.first() else { return };
        let front = self.all[first.run as usize].entries.front();
        if front.is_some_and(|front| front.ticket == ticket) {
            self.drop_eligible();
        }
    }

    pub(crate) fn first_eligible(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<Standing> {
        self.told_at = self.told_at.max(virtual_time);
        while self.ahead.first().is_some_and(|first| first.start <= virtual_time) {
            self.pass(virtual_time);
        }
        loop {
            let Due { run, .. } = *self.eligible.first()?;
            let first = *self.all[run as usize].entries.front()?;
            if !stands(&first) {
                self.drop_eligible();
            } else if first.start > virtual_time {
                // Virtual time went back.
                self.eligible.pop();
                self.all[run as usize].come = 0;
                self.push_ahead(Ahead::new(&first, run));
            } else {
                return Some(first);
            }
        }
    }

    pub(crate) fn first_ahead(
        &mut self,
        virtual_time: i128,
        stands: impl Fn(&Standing) -> bool,
    ) -> Option<Standing> {
        if virtual_time < self.told_at {
            self.told_at = virtual_time;
            self.tell();
        }
        loop {
            let ahead = *self.ahead.first()?;
            if ahead.start <= virtual_time {
                self.told_at = self.told_at.max(virtual_time);
                self.pass(virtual_time);
                continue;
            }
            match self.holds(&ahead) {
                Some(next) if stands(&next) => return Some(next),
                Some(_) => self.drop_ahead(ahead.run),
                None => {
                    self.ahead.pop();
                }
            }
        }
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
        let [first, second] = self.entered.get(&length).copied().unwrap_or([NONE; 2]);
        for run in [first, second] {
            if self.all.get(run as usize).is_some_and(|of| of.length == length && of.fits(standing))
            {
                return run;
            }
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

    /// Takes in that the first start ahead has come.
    fn pass(&mut self, virtual_time: i128) {
        let Some(ahead) = self.ahead.first().copied() else { return };
        let Some(at) = self.holds(&ahead) else {
            self.ahead.pop();
            return;
        };
        let run = &mut self.all[ahead.run as usize];
        if run.come == 0 {
            self.eligible.push(Due::new(&at, ahead.run));
        }
        run.pass(virtual_time);
        self.renew_ahead(ahead.run);
    }

    /// The entry of a run that is told among those ahead, if it is still that one.
    fn holds(&self, ahead: &Ahead) -> Option<Standing> {
        let run = &self.all[ahead.run as usize];
        run.entries.get(run.come).copied().filter(|entry| entry.ticket == ahead.ticket)
    }

    /// Tells of the first of those ahead what is so now.
    fn renew_ahead(&mut self, number: u32) {
        let run = &self.all[number as usize];
        match run.entries.get(run.come) {
            Some(next) => self.ahead.replace_first(Ahead::new(next, number)),
            None => {
                self.ahead.pop();
            }
        }
    }

    fn drop_eligible(&mut self) {
        let Some(number) = self.eligible.first().map(|first| first.run) else { return };
        let run = &mut self.all[number as usize];
        run.entries.pop_front();
        self.len -= 1;
        run.come -= 1;
        match run.entries.front() {
            Some(next) if run.come > 0 => {
                self.eligible.replace_first(Due::new(next, number));
            }
            Some(_) | None => {
                self.eligible.pop();
            }
        }
    }

    /// Drops the first entry of a run that has not come.
    fn drop_ahead(&mut self, number: u32) {
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

    fn push_ahead(&mut self, entry: Ahead) {
        if self.ahead.len() > 2 * self.all.len() + 64 {
            // Virtual time went back often, and each time left an entry behind.
            self.tell();
        } else {
            self.ahead.push(entry);
        }
    }

    /// Looks at every run to tell what has come.
    #[cold]
    fn tell(&mut self) {
        self.eligible.clear();
        self.ahead.clear();
        for (number, run) in (0..).zip(&mut self.all) {
            run.come = run.entries.partition_point(|at| at.start <= self.told_at);
            if let Some(first) = run.entries.front().filter(|_| run.come > 0) {
                self.eligible.push(Due::new(first, number));
            }
            if let Some(next) = run.entries.get(run.come) {
                self.ahead.push(Ahead::new(next, number));
            }
        }
    }
}

impl Run {
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
