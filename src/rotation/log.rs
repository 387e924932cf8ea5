//! The times at which an account, or a campaign, sent: what every window is counted from.
//!
//! Entries are in order of time and carry running totals, so that any window is counted by two
//! look-ups. Knows no limits and no zones.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::vocab::{Span, Timestamp, Zone};

/// One instant and what was sent up to and including it since the log began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    total: u64,
    new_leads: u64,
}

/// A count of emails, and how many of them were new leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) total: u32,
    pub(crate) new_leads: u32,
}

/// Times of sends, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// Totals of what was dropped.
    dropped: (u64, u64),
    /// How many of the oldest entries stand for a day each.
    thinned: usize,
}

impl Log {
    /// Adds emails sent at `at`, which is not before the last entry.
    pub(crate) fn push(&mut self, at: Timestamp, count: Count) {
        let (total, new_leads) = self.totals();
        let total = total + u64::from(count.total);
        let new_leads = new_leads + u64::from(count.new_leads);
        match self.entries.back_mut() {
            Some(last) if last.at >= at => {
                last.total = total;
                last.new_leads = new_leads;
            }
            Some(_) | None => self.entries.push_back(Entry { at, total, new_leads }),
        }
    }

    /// Takes back one email that was entered at `at`; nothing happens if it was dropped already.
    pub(crate) fn take_back(&mut self, at: Timestamp, new_lead: bool) {
        let first = self.entries.partition_point(|entry| entry.at < at);
        if self.entries.get(first).is_none_or(|entry| entry.at != at) {
            return;
        }
        for entry in self.entries.range_mut(first..) {
            entry.total -= 1;
            entry.new_leads -= u64::from(new_lead);
        }
        if self.entries[first].total == self.total_before(first) {
            self.entries.remove(first);
            self.thinned -= usize::from(first < self.thinned);
        }
    }

    /// Forgets what was sent at or before `gone`, and remembers what was sent at or before `coarse`
    /// by the day only: all of a day as if sent with its last email. A window that is made longer
    /// then still counts what it must, never less.
    pub(crate) fn prune(&mut self, coarse: Timestamp, gone: Timestamp) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.at <= gone) {
            self.dropped = (entry.total, entry.new_leads);
            self.entries.pop_front();
            self.thinned = self.thinned.saturating_sub(1);
        }
        while let Some(entry) = self.entries.get(self.thinned).filter(|entry| entry.at <= coarse) {
            let day = Zone::UTC.civil_day(entry.at);
            let before = self.thinned.checked_sub(1).and_then(|before| self.entries.get(before));
            if before.is_some_and(|before| Zone::UTC.civil_day(before.at) == day) {
                self.entries.remove(self.thinned - 1);
            } else {
                self.thinned += 1;
            }
        }
    }

    /// How many were sent at or after `from`.
    pub(crate) fn since(&self, from: Timestamp) -> Count {
        let (total, new_leads) = self.totals();
        let before = self.entries.partition_point(|entry| entry.at < from);
        let (total_before, new_before) = match before.checked_sub(1) {
            Some(last) => (self.entries[last].total, self.entries[last].new_leads),
            None => self.dropped,
        };
        Count { total: narrow(total - total_before), new_leads: narrow(new_leads - new_before) }
    }

    /// The instant at which a rolling window of that length holds at most `keep` of these sends,
    /// if nothing is added; [`Timestamp::MIN`] if that is so at every instant.
    pub(crate) fn at_most(&self, keep: u32, length: Span) -> Timestamp {
        let (total, _) = self.totals();
        let Some(over) = total.checked_sub(u64::from(keep)).filter(|over| *over > self.dropped.0)
        else {
            return Timestamp::MIN;
        };
        let entry = self.entries.partition_point(|entry| entry.total < over);
        self.entries.get(entry).map_or(Timestamp::MIN, |entry| entry.at.plus(length))
    }

    /// Whether times and totals ascend.
    pub(crate) fn is_sound(&self) -> bool {
        let fields = |entry: &Entry| (entry.total, entry.new_leads);
        let mut before = self.dropped;
        let totals = self.entries.iter().map(fields).all(|(total, new_leads)| {
            let fits = total > before.0 && new_leads >= before.1 && total < u64::MAX / 2;
            before = (total, new_leads);
            fits && new_leads <= total
        });
        let dropped = self.dropped.1 <= self.dropped.0 && self.dropped.0 < u64::MAX / 2;
        totals
            && dropped
            && self.thinned <= self.entries.len()
            && self.entries.iter().is_sorted_by(|a, b| a.at < b.at)
    }

    fn totals(&self) -> (u64, u64) {
        self.entries.back().map_or(self.dropped, |last| (last.total, last.new_leads))
    }

    fn total_before(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(self.dropped.0, |before| self.entries[before].total)
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(minute: i64) -> Timestamp {
        Timestamp::from_unix_ms(minute * 60_000).unwrap()
    }

    fn log(sends: &[(i64, u32)]) -> Log {
        let mut log = Log::default();
        for (minute, total) in sends {
            log.push(t(*minute), Count { total: *total, new_leads: 0 });
        }
        log
    }

    #[test]
    fn a_window_is_counted_from_its_first_instant() {
        let log = log(&[(1, 2), (5, 1), (5, 1), (9, 3)]);
        for (from, count) in [(0, 7), (1, 7), (2, 5), (5, 5), (6, 3), (10, 0)] {
            assert_eq!(log.since(t(from)).total, count, "since minute {from}");
        }
    }

    #[test]
    fn room_comes_back_when_the_oldest_leave() {
        let log = log(&[(1, 2), (5, 2), (9, 3)]);
        let hour = Span::hours(1);
        for (keep, minute) in [(6, 61), (5, 61), (4, 65), (3, 65), (2, 69), (0, 69)] {
            assert_eq!(log.at_most(keep, hour), t(minute), "keep {keep}");
        }
        assert_eq!(log.at_most(7, hour), Timestamp::MIN);
    }

    #[test]
    fn what_is_long_past_is_remembered_by_the_day() {
        let day = 24 * 60;
        let mut log = log(&[(1, 2), (5, 1), (day, 1), (day + 9, 3), (2 * day, 1)]);
        for coarse in [5, day, day + 20] {
            log.prune(t(coarse), t(0));
        }
        let sends = [(0, 8), (2, 8), (5, 8), (6, 5), (day + 9, 5), (day + 10, 1)];
        for (from, count) in sends {
            assert_eq!(log.since(t(from)).total, count, "since minute {from}");
        }
        log.prune(t(2 * day), t(5));
        assert_eq!((log.since(t(0)).total, log.entries.len(), log.thinned), (5, 2, 2));
    }

    #[test]
    fn what_is_dropped_or_taken_back_no_longer_counts() {
        let mut log = log(&[(1, 2), (5, 1), (9, 3)]);
        log.prune(t(1), t(1));
        assert_eq!((log.since(t(0)).total, log.at_most(4, Span::hours(1))), (4, Timestamp::MIN));
        log.take_back(t(5), false);
        log.take_back(t(5), false);
        assert_eq!((log.since(t(0)).total, log.entries.len()), (3, 1));
    }
}
