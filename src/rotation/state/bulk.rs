//! What a log keeps as sums: emails that came in bulk, and days that are remembered as one.
//!
//! An entry stands with all that was sent up to it, so that any stretch of time is counted by two
//! look-ups. Knows no single sends, no limits and no zones.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::vocab::Timestamp;

/// More than anybody sends; what is read from outside stays below, so that sums do not overflow.
const SUM_MAX: u64 = 1 << 62;

const DAY_MS: i64 = 86_400_000;

/// An instant with emails, and how many of them were to new leads: those sent at it or, within
/// [`Sums`], all up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Timestamp, u64, u64)", into = "(Timestamp, u64, u64)")]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) total: u64,
    pub(crate) new_leads: u64,
}

impl Entry {
    fn day(self) -> i64 {
        self.at.unix_ms().div_euclid(DAY_MS)
    }

    /// The last instant of its day.
    pub(crate) fn day_end(self) -> Timestamp {
        Timestamp::from_unix_ms((self.day() + 1) * DAY_MS - 1).unwrap_or(Timestamp::MAX)
    }
}

impl From<(Timestamp, u64, u64)> for Entry {
    fn from((at, total, new_leads): (Timestamp, u64, u64)) -> Self {
        Self { at, total, new_leads }
    }
}

impl From<Entry> for (Timestamp, u64, u64) {
    fn from(entry: Entry) -> Self {
        (entry.at, entry.total, entry.new_leads)
    }
}

/// Entries in order of time, each instant once.
pub(crate) fn merged(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| entry.at);
    let mut sums = Sums::default();
    for entry in entries {
        sums.push(entry);
    }
    sums.counts().collect()
}

/// Instants in order of time, with running totals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    entries: VecDeque<Entry>,
    /// Totals of what was dropped: emails and new leads.
    dropped: (u64, u64),
}

/// What has no place among single sends. No day that is remembered as one ends after a bulk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    days: Sums,
    bulk: Sums,
}

impl Sums {
    /// Adds emails at the end, as an entry of their own even if they are not in order.
    pub(crate) fn append(&mut self, entry: Entry) {
        let (total, new_leads) = self.up_to(self.entries.len());
        let total = total.saturating_add(entry.total);
        let new_leads = new_leads.saturating_add(entry.new_leads);
        self.entries.push_back(Entry { at: entry.at, total, new_leads });
    }

    /// Adds emails at the end; an entry of the same instant is enlarged.
    fn push(&mut self, entry: Entry) {
        self.push_joined(entry, |last| last.at == entry.at);
    }

    /// Adds emails at the end; an entry of the same day moves to their instant.
    fn push_by_day(&mut self, entry: Entry) {
        self.push_joined(entry, |last| last.day() == entry.day());
    }

    fn push_joined(&mut self, entry: Entry, joins: impl FnOnce(&Entry) -> bool) {
        match self.entries.back_mut().filter(|last| joins(last)) {
            Some(last) => {
                last.at = entry.at;
                last.total = last.total.saturating_add(entry.total);
                last.new_leads = last.new_leads.saturating_add(entry.new_leads);
            }
            None => self.append(entry),
        }
    }

    /// Takes back one email of a kind, if there is one at that instant.
    fn take_back(&mut self, unix_ms: i64, new_lead: bool) -> bool {
        let index = self.first_from(unix_ms);
        let Some(entry) = self.count(index).filter(|entry| entry.at.unix_ms() == unix_ms) else {
            return false;
        };
        let others = if new_lead { entry.total - entry.new_leads } else { entry.new_leads };
        if others == entry.total {
            return false;
        }
        for later in self.entries.range_mut(index..) {
            later.total -= 1;
            later.new_leads -= u64::from(new_lead);
        }
        if entry.total == 1 {
            self.entries.remove(index);
        }
        true
    }

    /// Takes out the oldest entry if it is at or before that instant.
    fn pop(&mut self, unix_ms: i64) -> Option<Entry> {
        let entry = self.count(0).filter(|entry| entry.at.unix_ms() <= unix_ms)?;
        let sum = self.entries.pop_front()?;
        self.dropped = (sum.total, sum.new_leads);
        Some(entry)
    }

    /// How many emails, and how many new leads, were sent at or after an instant.
    fn since(&self, unix_ms: i64) -> (u64, u64) {
        // Most ask for what is later than all that is here.
        let Some(all) = self.entries.back().filter(|last| last.at.unix_ms() >= unix_ms) else {
            return (0, 0);
        };
        let before = self.up_to(self.first_from(unix_ms));
        (all.total - before.0, all.new_leads - before.1)
    }

    /// The entries, each with its own count.
    fn counts(&self) -> impl Iterator<Item = Entry> {
        (0..self.entries.len()).filter_map(|index| self.count(index))
    }

    fn count(&self, index: usize) -> Option<Entry> {
        let (Entry { at, total, new_leads }, before) =
            (*self.entries.get(index)?, self.up_to(index));
        Some(Entry { at, total: total - before.0, new_leads: new_leads - before.1 })
    }

    /// What was sent before an entry.
    fn up_to(&self, index: usize) -> (u64, u64) {
        let before = index.checked_sub(1).and_then(|before| self.entries.get(before));
        before.map_or(self.dropped, |before| (before.total, before.new_leads))
    }

    fn first_from(&self, unix_ms: i64) -> usize {
        self.entries.partition_point(|entry| entry.at.unix_ms() < unix_ms)
    }

    fn is_sound(&self) -> bool {
        let sound = |entry: Entry| entry.total > 0 && entry.new_leads <= entry.total;
        self.counts().all(sound)
            && self.up_to(self.entries.len()).0 < SUM_MAX
            && self.entries.iter().is_sorted_by(|a, b| a.at < b.at)
    }
}

impl Rare {
    /// Entries that came in bulk, as they are.
    pub(crate) fn of(bulk: Sums) -> Option<Box<Self>> {
        let any = !bulk.entries.is_empty();
        any.then(|| Box::new(Self { days: Sums::default(), bulk }))
    }

    /// Adds emails that are not before any other.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.bulk.push(entry);
    }

    /// Adds to the days emails that are not before any of them, nor after any bulk.
    pub(crate) fn push_by_day(&mut self, entry: Entry) {
        self.days.push_by_day(entry);
    }

    /// Moves to the days all bulk at or before an instant.
    pub(crate) fn thin(&mut self, unix_ms: i64) {
        while let Some(entry) = self.bulk.pop(unix_ms) {
            self.days.push_by_day(entry);
        }
    }

    /// Forgets what was sent at or before an instant.
    pub(crate) fn forget(&mut self, unix_ms: i64) {
        while self.days.pop(unix_ms).is_some() || self.bulk.pop(unix_ms).is_some() {}
    }

    pub(crate) fn take_back(&mut self, unix_ms: i64, new_lead: bool) -> bool {
        self.bulk.take_back(unix_ms, new_lead) || self.days.take_back(unix_ms, new_lead)
    }

    /// How many emails, and how many new leads, were sent at or after an instant.
    #[inline]
    pub(crate) fn since(&self, unix_ms: i64) -> (u64, u64) {
        let (days, bulk) = (self.days.since(unix_ms), self.bulk.since(unix_ms));
        (days.0 + bulk.0, days.1 + bulk.1)
    }

    /// The last instant here for which a condition holds that never does again once it fails.
    pub(crate) fn last(&self, holds: impl Fn(i64) -> bool) -> Option<Timestamp> {
        [&self.bulk, &self.days].into_iter().find_map(|sums| {
            let end = sums.entries.partition_point(|entry| holds(entry.at.unix_ms()));
            end.checked_sub(1).and_then(|last| sums.entries.get(last)).map(|last| last.at)
        })
    }

    /// Whether emails in bulk are here, which may be later than single ones.
    pub(crate) fn has_bulk(&self) -> bool {
        !self.bulk.entries.is_empty()
    }

    /// The instant of the last emails here.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        self.bulk.entries.back().or(self.days.entries.back()).map(|last| last.at)
    }

    /// Whether there is a day at or before one instant, or bulk at or before another.
    #[inline]
    pub(crate) fn is_older(&self, day: Timestamp, bulk: Timestamp) -> bool {
        let older = |sums: &Sums, at| sums.entries.front().is_some_and(|first| first.at <= at);
        older(&self.days, day) || older(&self.bulk, bulk)
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = Entry> {
        self.days.counts().chain(self.bulk.counts())
    }

    /// Whether times ascend and counts can be computed with.
    pub(crate) fn is_sound(&self) -> bool {
        self.days.is_sound() && self.bulk.is_sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(unix_ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(unix_ms).unwrap()
    }

    fn sums(entries: &[(i64, u64, u64)]) -> Sums {
        let mut sums = Sums::default();
        for (at, total, new_leads) in entries {
            sums.append(Entry { at: t(*at), total: *total, new_leads: *new_leads });
        }
        sums
    }

    #[test]
    fn a_stretch_is_counted_by_running_totals() {
        let mut rare = Rare::of(sums(&[(1, 2, 0), (5, 4, 3), (9, 3, 1)])).unwrap();
        rare.push(Entry { at: t(9), total: 2, new_leads: 1 });
        let expect =
            [(1, (11, 5)), (2, (9, 5)), (5, (9, 5)), (6, (5, 2)), (9, (5, 2)), (10, (0, 0))];
        for (from, count) in expect {
            assert_eq!(rare.since(from), count, "since {from}");
        }
        rare.forget(4);
        assert_eq!((rare.since(0), rare.is_older(t(9), t(4))), ((9, 5), false));
        assert!(rare.is_older(t(0), t(5)));
        rare.thin(5);
        assert_eq!((rare.since(0), rare.is_older(t(4), t(8))), ((9, 5), false));
        assert!(rare.is_older(t(5), t(0)) && rare.is_older(t(0), t(9)));
    }

    #[test]
    fn one_email_of_a_kind_is_taken_back() {
        let mut sums = sums(&[(1, 1, 1), (5, 2, 1), (9, 3, 0)]);
        for (at, new_lead, found) in [
            (0, false, false),
            (1, false, false),
            (1, true, true),
            (1, true, false),
            (5, true, true),
            (5, true, false),
            (5, false, true),
            (9, true, false),
            (9, false, true),
        ] {
            assert_eq!(sums.take_back(at, new_lead), found, "at {at}, new lead {new_lead}");
        }
        assert_eq!((sums.since(0), sums.entries.len()), ((2, 0), 1));
    }

    #[test]
    fn days_are_told_apart_before_the_epoch_too() {
        let day = 86_400_000;
        let mut rare = Rare::default();
        for at in [-day - 1, -day, -1, 0, 1, day - 1, day] {
            rare.push(Entry { at: t(at), total: 1, new_leads: 0 });
        }
        rare.thin(day);
        let days: Vec<_> = rare.counts().map(|entry| (entry.at.unix_ms(), entry.total)).collect();
        assert_eq!(days, [(-day - 1, 1), (-1, 2), (day - 1, 3), (day, 1)]);
    }

    #[test]
    fn what_cannot_be_computed_with_is_not_sound() {
        for (second, sound) in [
            ((2, 1, 1), true),
            ((2, SUM_MAX - 2, 0), true),
            ((2, SUM_MAX - 1, 0), false),
            ((2, u64::MAX, u64::MAX), false),
            ((2, 0, 0), false),
            ((2, 1, 2), false),
            ((1, 1, 0), false),
            ((0, 1, 0), false),
        ] {
            assert_eq!(sums(&[(1, 1, 0), second]).is_sound(), sound, "{second:?}");
        }
    }
}
