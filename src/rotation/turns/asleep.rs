//! Rows that are left out of the order of turns until an instant, when all of them come in at once.
//!
//! Accounts that serve at one time mostly rest for as long, and may send again in the same
//! millisecond. They lie in runs of their own, each where it will stand, and at that instant the
//! runs come in as they are: nobody is looked at before it is its turn. Knows instants and who is
//! the first by number, not why they rest.

use crate::rotation::containers::pile::Pile;
use crate::rotation::turns::run::Run;
use crate::rotation::turns::standing::Member;
use crate::vocab::Timestamp;

/// So many rest until one instant, of those that came lately, before the next lie together.
const ALIKE: u32 = 16;

/// For so many instants rows lie together at a time.
const GROUPS_MAX: usize = 8;

/// A run should have so many rows on the whole, once there are many runs.
const PER_RUN: usize = 2;
const RUNS_MANY: usize = 64;

/// Those that lie until one instant.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) until: Timestamp,
    pub(super) runs: Vec<u32>,
    /// The least is the first by number, if it still lies here.
    pub(super) by_number: Pile<Member>,
}

impl Group {
    /// Drops what rows left behind that lay down again and again.
    #[cold]
    pub(super) fn count_anew(&mut self, all: &[Run]) {
        self.by_number = Pile::default();
        for number in &self.runs {
            let run = all.get(*number as usize).into_iter();
            run.flat_map(Run::iter).for_each(|at| self.by_number.push((at.id, at.row())));
        }
    }
}

/// Those that lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asleep {
    /// By instant.
    pub(super) groups: Vec<Group>,
    /// How many entries they have.
    pub(super) count: usize,
}

/// Until when the last rows rest that were put aside, and how many of them until each instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alike {
    /// Those of an account's spacing mostly follow each other, and there are a few spacings.
    lately: [(Timestamp, u32); 4],
    oldest: u8,
}

impl Default for Alike {
    fn default() -> Self {
        Self { lately: [(Timestamp::MIN, 0); 4], oldest: 0 }
    }
}

impl Alike {
    /// Takes in until when another rests; says whether many do until then.
    #[inline]
    pub(crate) fn is_many(&mut self, until: Timestamp) -> bool {
        if let Some((_, rows)) = self.lately.iter_mut().find(|(at, _)| *at == until) {
            *rows = rows.saturating_add(1);
            return *rows >= ALIKE;
        }
        self.lately[usize::from(self.oldest)] = (until, 1);
        self.oldest = (self.oldest + 1) % 4;
        false
    }
}

impl Asleep {
    /// Whether rows lie together until then, or may from now on.
    pub(super) fn opens(&self, until: Timestamp) -> bool {
        if let Some(group) = self.groups.iter().rev().find(|group| group.until == until) {
            return has_room(group.runs.len(), group.by_number.len());
        }
        self.groups.len() < GROUPS_MAX && until < Timestamp::MAX
    }

    pub(super) fn group(&mut self, until: Timestamp) -> &mut Group {
        let at = self.groups.partition_point(|group| group.until < until);
        if self.groups.get(at).is_none_or(|group| group.until > until) {
            let group = Group { until, runs: Vec::new(), by_number: Pile::default() };
            self.groups.insert(at, group);
        }
        &mut self.groups[at]
    }
}

/// Whether another run may be opened for so many rows.
pub(super) const fn has_room(runs: usize, rows: usize) -> bool {
    runs < RUNS_MANY || rows >= PER_RUN * runs
}

#[cfg(test)]
impl Asleep {
    /// How many entries there are, and how many notes of them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.count, self.groups.iter().map(|group| group.by_number.len()).sum())
    }
}
