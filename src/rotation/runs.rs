//! The order of turns: those whose start has come by deadline, the others by start.
//!
//! Accounts that start at one place and come in the order of their turns stand in one *run*, a
//! linked list. Pools have few different weights, so runs are few and long: only runs stand in
//! heaps, and a run whose start comes moves as a whole. What stands in a heap about a run is a
//! lower bound; the caller says where the first of it truly stands before it is believed. Knows
//! rows and places, not why they are there.

use crate::rotation::heap::Heap;
use crate::rotation::table::Slot;
use crate::vocab::AccountId;

/// Where an account stands: places rounded as they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) start: i128,
    pub(crate) deadline: i128,
    pub(crate) id: AccountId,
}

/// No row, or no run.
const NONE: u32 = u32::MAX;
/// How many of the latest runs are looked at for one that an account can join.
const RECENT: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    run: u32,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    start: i128,
    /// The greatest deadline that came in, with its id.
    last: (i128, AccountId),
    first: u32,
    tail: u32,
}

/// Rows in the order of their turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    links: Vec<Link>,
    all: Vec<Run>,
    unused: Vec<u32>,
    recent: Vec<u32>,
    /// Those whose start has come, by the deadline of their first.
    eligible: Heap<(i128, AccountId, u32)>,
    /// The others, by their start and the deadline of their first.
    ahead: Heap<(Spot, u32)>,
    /// The latest virtual time by which starts were told to have come.
    told_at: i128,
}

impl Runs {
    /// Puts a row in that is not in yet.
    pub(crate) fn insert(&mut self, row: Slot, spot: Spot, virtual_time: i128) {
        let row = row.number();
        if self.links.len() <= row as usize {
            self.links.resize(row as usize + 1, Link { before: NONE, after: NONE, run: NONE });
        }
        let recent = recent(spot.start);
        let run = self.recent.get(recent).copied().unwrap_or(NONE);
        if let Some(of) = self.all.get_mut(run as usize) {
            if of.start == spot.start && of.last <= (spot.deadline, spot.id) {
                let before = of.tail;
                of.last = (spot.deadline, spot.id);
                of.tail = row;
                if before == NONE {
                    of.first = row;
                } else {
                    self.links[before as usize].after = row;
                }
                self.links[row as usize] = Link { before, after: NONE, run };
                return;
            }
        }
        self.open(row, spot, recent, virtual_time);
    }

    /// Opens a run of one.
    fn open(&mut self, row: u32, spot: Spot, recent: usize, virtual_time: i128) {
        if self.all.len() - self.unused.len() > 2 * self.links.len() + 64 {
            self.drop_empty();
        }
        let last = (spot.deadline, spot.id);
        let opened = Run { start: spot.start, last, first: row, tail: row };
        let run = if let Some(run) = self.unused.pop() {
            self.all[run as usize] = opened;
            run
        } else {
            self.all.push(opened);
            u32::try_from(self.all.len() - 1).unwrap_or(NONE)
        };
        if self.recent.is_empty() {
            self.recent = vec![NONE; RECENT];
        }
        self.recent[recent] = run;
        self.links[row as usize] = Link { before: NONE, after: NONE, run };
        if spot.start <= virtual_time {
            self.told_at = self.told_at.max(virtual_time);
            self.eligible.push((spot.deadline, spot.id, run));
        } else {
            self.ahead.push((spot, run));
        }
    }

    /// Takes a row out.
    pub(crate) fn unlink(&mut self, row: Slot) {
        let Link { before, after, run } = self.links[row.index()];
        match self.links.get_mut(before as usize) {
            Some(link) => link.after = after,
            None => self.all[run as usize].first = after,
        }
        match self.links.get_mut(after as usize) {
            Some(link) => link.before = before,
            None => self.all[run as usize].tail = before,
        }
    }

    /// The row that is first by deadline among those whose start has come, as far as is known. It
    /// must be confirmed, or unlinked.
    pub(crate) fn first_eligible(&mut self, virtual_time: i128) -> Option<Slot> {
        self.told_at = self.told_at.max(virtual_time);
        while let Some((spot, run)) = self.ahead.first() {
            if spot.start > virtual_time {
                break;
            }
            self.ahead.pop();
            if self.all[run as usize].first == NONE {
                self.release(run);
            } else {
                // The first of it may be another by now, whose deadline is not less.
                self.eligible.push((spot.deadline, spot.id, run));
            }
        }
        loop {
            let (_, _, run) = self.eligible.first()?;
            let first = self.all[run as usize].first;
            if first != NONE {
                return Some(Slot::from_number(first));
            }
            self.eligible.pop();
            self.release(run);
        }
    }

    /// Whether the row that [`first_eligible`](Self::first_eligible) returned truly is the first,
    /// standing where it stands. If not, it has been put where it belongs.
    pub(crate) fn confirm_eligible(&mut self, row: Slot, spot: Spot, virtual_time: i128) -> bool {
        let Some((deadline, id, run)) = self.eligible.first() else { return false };
        if self.all[run as usize].start != spot.start {
            self.unlink(row);
            self.insert(row, spot, virtual_time);
            return false;
        }
        if spot.start > virtual_time {
            // Virtual time went back.
            self.eligible.pop();
            self.ahead.push((spot, run));
            return false;
        }
        if (deadline, id) == (spot.deadline, spot.id) {
            return true;
        }
        self.eligible.replace_first((spot.deadline, spot.id, run));
        false
    }

    /// The row that is first by start among those whose start has not come, as far as is known. It
    /// must be confirmed, or unlinked.
    pub(crate) fn first_ahead(&mut self, virtual_time: i128) -> Option<Slot> {
        if virtual_time < self.told_at {
            self.go_back(virtual_time);
        }
        loop {
            let (_, run) = self.ahead.first()?;
            let first = self.all[run as usize].first;
            if first != NONE {
                return Some(Slot::from_number(first));
            }
            self.ahead.pop();
            self.release(run);
        }
    }

    /// As [`confirm_eligible`](Self::confirm_eligible), for [`first_ahead`](Self::first_ahead).
    pub(crate) fn confirm_ahead(&mut self, row: Slot, spot: Spot) -> bool {
        let Some((known, run)) = self.ahead.first() else { return false };
        if self.all[run as usize].start != spot.start {
            self.unlink(row);
            // Sends move it back only, so its start has not come.
            self.insert(row, spot, self.told_at.min(known.start - 1));
            return false;
        }
        if known == spot {
            return true;
        }
        self.ahead.replace_first((spot, run));
        false
    }

    /// Virtual time went back, after a turn that was cancelled: starts that had come have not.
    fn go_back(&mut self, virtual_time: i128) {
        let Self { all, eligible, ahead, .. } = self;
        eligible.retain(|(deadline, id, run)| {
            let start = all[*run as usize].start;
            if start > virtual_time {
                ahead.push((Spot { start, deadline: *deadline, id: *id }, *run));
            }
            start <= virtual_time
        });
        self.told_at = virtual_time;
    }

    fn release(&mut self, run: u32) {
        // Nothing joins a run that is in no heap.
        self.all[run as usize].start = i128::MIN;
        self.unused.push(run);
    }

    /// Forgets runs that nobody is in.
    fn drop_empty(&mut self) {
        let Self { all, unused, eligible, ahead, .. } = self;
        let mut stays = |run: u32| {
            let stays = all[run as usize].first != NONE;
            if !stays {
                all[run as usize].start = i128::MIN;
                unused.push(run);
            }
            stays
        };
        eligible.retain(|(_, _, run)| stays(*run));
        ahead.retain(|(_, run)| stays(*run));
    }
}

/// Where a run with that start is looked for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "any bits will do that differ where starts do"
)]
fn recent(start: i128) -> usize {
    let folded = (start ^ (start >> 64)) as u64;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(row: u32) -> Slot {
        Slot::from_number(row)
    }

    fn first_eligible(runs: &mut Runs, spots: &[Option<Spot>], now: i128) -> Option<Spot> {
        loop {
            let row = runs.first_eligible(now)?;
            let spot = spots[row.index()].unwrap();
            if runs.confirm_eligible(row, spot, now) {
                return Some(spot);
            }
        }
    }

    fn first_ahead(runs: &mut Runs, spots: &[Option<Spot>], now: i128) -> Option<Spot> {
        loop {
            let row = runs.first_ahead(now)?;
            let spot = spots[row.index()].unwrap();
            if runs.confirm_ahead(row, spot) {
                return Some(spot);
            }
        }
    }

    /// Rows come, go, move back unnoticed and forward noticed; virtual time runs on and goes back.
    /// The first is always the one that a look at each finds.
    #[test]
    fn the_first_of_the_order_is_the_least_of_all() {
        let mut seed = 1_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % most
        };
        let mut runs = Runs::default();
        let mut spots: Vec<Option<Spot>> = vec![None; 60];
        let mut now = 0_i128;
        for _ in 0..60_000 {
            let row = u32::try_from(draw(60)).unwrap();
            let id = AccountId(u64::from(row * 37 % 60));
            let start = now + i128::from(draw(9)) - 3;
            let spot = Spot { start, deadline: start + 1 + i128::from(draw(3)) * 4, id };
            match (draw(4), spots[row as usize]) {
                (_, None) => {
                    runs.insert(slot(row), spot, now);
                    spots[row as usize] = Some(spot);
                }
                (0, Some(_)) => {
                    runs.unlink(slot(row));
                    spots[row as usize] = None;
                }
                // A send from elsewhere moves it back, and nobody tells.
                (1, Some(old)) if old.start < start && old.deadline <= spot.deadline => {
                    spots[row as usize] = Some(spot);
                }
                (2, Some(_)) => {
                    runs.unlink(slot(row));
                    runs.insert(slot(row), spot, now);
                    spots[row as usize] = Some(spot);
                }
                _ => now += i128::from(draw(4)) - 1,
            }
            let eligible = spots.iter().flatten().filter(|spot| spot.start <= now);
            let least = eligible.min_by_key(|spot| (spot.deadline, spot.id)).copied();
            assert_eq!(first_eligible(&mut runs, &spots, now), least);
            if least.is_none() {
                assert_eq!(
                    first_ahead(&mut runs, &spots, now),
                    spots.iter().flatten().min().copied()
                );
            }
        }
    }
}
