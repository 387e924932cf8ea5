//! The times at which an account, or a campaign, sent: what every window is counted from.
//!
//! Single sends are in `sends.rs`; what came in bulk, or is remembered by the day, is in `bulk.rs`.
//! Knows no limits and no zones.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::rotation::state::bulk::{Entry, Rare, Sums, merged};
use crate::rotation::state::sends::Sends;
use crate::vocab::{Span, Timestamp};

/// Sends that are older, which is more than any window, need no place among the single ones.
const KEPT: Span = Span::days(32);

/// A count of emails, and how many of them were new leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) total: u32,
    pub(crate) new_leads: u32,
}

/// Times of sends. Logs are equal if they count alike, however they keep what they count.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Vec<Entry>")]
pub(crate) struct Log {
    sends: Sends,
    rare: Option<Box<Rare>>,
}

impl Log {
    /// Adds emails sent at `at`; if that is before the last entry, they count as sent with it.
    pub(crate) fn push(&mut self, at: Timestamp, count: Count) {
        let (single, new_lead) = (count.total == 1, count.new_leads > 0);
        // Nearly all are later than all before.
        if single && !self.has_bulk() && self.sends.append(at, new_lead) {
            return;
        }
        let at =
            self.sends.last_at().max(self.rare.as_deref().and_then(Rare::last_at)).max(Some(at));
        let at = at.unwrap_or(Timestamp::MAX);
        if single && !self.sends.is_full() {
            self.write(at, new_lead);
        } else if count.total > 0 {
            let (total, new_leads) = (count.total.into(), count.new_leads.min(count.total).into());
            self.rare.get_or_insert_default().push(Entry { at, total, new_leads });
        }
    }

    /// Takes back one email that was entered at `at`, of the other kind if there is none of this;
    /// nothing happens if it was dropped already.
    pub(crate) fn take_back(&mut self, at: Timestamp, new_lead: bool) {
        if !self.take_back_alike(at.unix_ms(), new_lead) {
            self.take_back_alike(at.unix_ms(), !new_lead);
        }
    }

    /// Forgets what was sent at or before `gone`, and remembers what was sent at or before `coarse`
    /// by the day only: all of a day as if sent with its last email. A window that is made longer
    /// then still counts what it must, never less.
    #[inline]
    pub(crate) fn prune(&mut self, coarse: Timestamp, gone: Timestamp) {
        let old = coarse.max(gone);
        let rare = || self.rare.as_deref().is_some_and(|rare| rare.is_older(gone, old));
        if !self.sends.is_since(old.unix_ms()) || rare() {
            self.prune_old(coarse, gone);
        }
    }

    /// Whether no single send is known.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sends.is_empty()
    }

    /// Whether surely nothing was sent at or before an instant.
    #[inline]
    pub(crate) fn is_since(&self, at: Timestamp) -> bool {
        self.rare.is_none() && self.sends.is_since(at.unix_ms())
    }

    /// How many were sent at or after `from`.
    pub(crate) fn since(&self, from: Timestamp) -> u32 {
        let rare = self.rare.as_deref().map_or(0, |rare| rare.since(from.unix_ms()).0);
        narrow(rare + self.sends.since(from.unix_ms()))
    }

    /// How many of those sent at or after `from` were to new leads. Looks at each.
    pub(crate) fn new_leads_since(&self, from: Timestamp) -> u32 {
        let rare = self.rare.as_deref().map_or(0, |rare| rare.since(from.unix_ms()).1);
        narrow(rare + self.sends.new_leads_since(from.unix_ms()))
    }

    /// The instant at which a rolling window of that length holds at most `keep` of these sends,
    /// if nothing is added; [`Timestamp::MIN`] if that is so at every instant.
    pub(crate) fn at_most(&self, keep: u32, length: Span) -> Timestamp {
        let (mut keep, mut over) = (u64::from(keep), None);
        if let Some(rare) = &self.rare {
            // After the last entry since which there are too many, only sends can be too many.
            over = rare.last(|from| rare.since(from).0 + self.sends.since(from) > keep);
            let after = over.map_or(i64::MIN, |over: Timestamp| over.unix_ms() + 1);
            keep -= rare.since(after).0;
        }
        let send = self.sends.nth_last_at(usize::try_from(keep).unwrap_or(usize::MAX));
        over.max(send).map_or(Timestamp::MIN, |at| at.plus(length))
    }

    /// Whether times ascend and counts can be computed with, as after reading it from outside.
    pub(crate) fn is_sound(&self) -> bool {
        self.rare.as_deref().is_none_or(Rare::is_sound)
    }

    /// A log of entries. Single sends stand apart from an instant on, after which they ascend.
    fn of(entries: &[Entry], single_from: Option<Timestamp>) -> Self {
        let (mut log, mut bulk) = (Self::default(), Sums::default());
        for entry in entries {
            let recent = single_from.is_some_and(|from| entry.at >= from);
            if recent && entry.total == 1 && entry.new_leads <= 1 {
                log.write(entry.at, entry.new_leads == 1);
            } else {
                // As it is, so that what is wrong is found.
                bulk.append(*entry);
            }
        }
        log.rare = Rare::of(bulk);
        log
    }

    /// Adds a single send at an instant that is not before any other.
    fn write(&mut self, at: Timestamp, new_lead: bool) {
        if self.sends.is_beyond(at) {
            *self = Self::of(&self.entries(), Some(at.minus(KEPT)));
        }
        self.sends.push(at, new_lead);
    }

    fn has_bulk(&self) -> bool {
        self.rare.as_deref().is_some_and(Rare::has_bulk)
    }

    fn take_back_alike(&mut self, unix_ms: i64, new_lead: bool) -> bool {
        let of_rare = |rare: &mut Box<Rare>| rare.take_back(unix_ms, new_lead);
        self.sends.take_back(unix_ms, new_lead) || self.rare.as_mut().is_some_and(of_rare)
    }

    #[inline(never)]
    fn prune_old(&mut self, coarse: Timestamp, gone: Timestamp) {
        if let Some(rare) = &mut self.rare {
            rare.forget(gone.unix_ms());
        }
        while self.sends.pop(gone).is_some() {}
        while let Some(send) = self.pop_day(coarse) {
            let rare = self.rare.get_or_insert_default();
            rare.thin(send.at.unix_ms());
            rare.push_by_day(send);
        }
        if let Some(rare) = &mut self.rare {
            rare.thin(coarse.unix_ms());
        }
    }

    /// Takes out the oldest single sends of one day, those at or before that instant.
    fn pop_day(&mut self, until: Timestamp) -> Option<Entry> {
        let mut day = self.sends.pop(until)?;
        // Bulk in between is put among the days first.
        if self.has_bulk() {
            return Some(day);
        }
        let until = until.min(day.day_end());
        while let Some(send) = self.sends.pop(until) {
            day.at = send.at;
            day.total += 1;
            day.new_leads += send.new_leads;
        }
        Some(day)
    }

    /// Every instant with its count, however that is kept.
    fn entries(&self) -> Vec<Entry> {
        let rare = self.rare.iter().flat_map(|rare| rare.counts());
        merged(rare.chain(self.sends.entries()).collect())
    }
}

impl From<Vec<Entry>> for Log {
    fn from(entries: Vec<Entry>) -> Self {
        let last = entries.last().filter(|_| entries.is_sorted_by(|a, b| a.at < b.at));
        Self::of(&entries, last.map(|last| last.at.minus(KEPT)))
    }
}

impl Serialize for Log {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.entries().serialize(to)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl Eq for Log {}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(unix_ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(unix_ms).unwrap()
    }

    fn log(sends: &[(i64, u32)]) -> Log {
        let mut log = Log::default();
        for (at, total) in sends {
            log.push(t(*at), Count { total: *total, new_leads: 0 });
        }
        log
    }

    #[test]
    fn windows_are_counted_by_instants_and_days() {
        let mut some = log(&[(1, 2), (5, 1), (5, 1), (9, 3), (9, 0)]);
        for (from, count) in [(0, 7), (1, 7), (2, 5), (5, 5), (6, 3), (10, 0)] {
            assert_eq!(some.since(t(from)), count, "since {from}");
        }
        for (keep, at) in [(6, 61), (5, 61), (4, 65), (3, 65), (2, 69), (0, 69)] {
            assert_eq!(some.at_most(keep, Span::milliseconds(60)), t(at), "keep {keep}");
        }
        assert_eq!(some.at_most(7, Span::milliseconds(60)), Timestamp::MIN);
        some.prune(t(1), t(1));
        for at in [5, 5, 5, 1] {
            some.take_back(t(at), false);
        }
        assert_eq!(some, log(&[(9, 3)]));
        let day = 86_400_000;
        let mut days = log(&[(1, 2), (5, 1), (day, 1), (day + 9, 3), (2 * day, 1)]);
        days.prune(t(5), t(0));
        days.prune(t(day + 20), t(0));
        assert_eq!(days, log(&[(5, 3), (day + 9, 4), (2 * day, 1)]));
        days.prune(t(2 * day), t(5));
        assert_eq!(days, log(&[(day + 9, 4), (2 * day, 1)]));
    }

    #[test]
    fn a_day_is_small() {
        let day = log(&(0..50).map(|n| (n * 10, 1)).collect::<Vec<_>>());
        assert!(size_of::<Log>() + day.sends.bytes() < 256 && day.rare.is_none());
    }

    #[test]
    fn what_is_not_sound_is_found() {
        let sound = |at, total, new_leads| {
            let entries = [(t(1), 1, 1), (t(at), total, new_leads)];
            Log::from(entries.map(Entry::from).to_vec()).is_sound()
        };
        assert!(sound(2, 1, 0) && sound(2, 5, 5));
        for (at, total, new_leads) in [(2, 0, 0), (2, 1, 2), (2, 1 << 62, 0), (1, 1, 0), (0, 1, 0)]
        {
            assert!(!sound(at, total, new_leads), "{total} emails at {at}");
        }
    }

    /// Emails one by one, each with its instant and whether it is to a new lead.
    #[derive(Default)]
    struct Plain(Vec<(i64, bool)>);

    impl Plain {
        fn push(&mut self, at: i64, total: u32, new_leads: u32) {
            let at = self.0.last().map_or(at, |last| last.0.max(at));
            self.0.extend((0..total).map(|n| (at, n < new_leads)));
        }

        fn take_back(&mut self, at: i64, new_lead: bool) {
            let alike = self.0.iter().position(|send| *send == (at, new_lead));
            let found = alike.or_else(|| self.0.iter().position(|send| send.0 == at));
            found.map(|index| self.0.remove(index));
        }

        fn prune(&mut self, coarse: i64, gone: i64) {
            self.0.retain(|send| send.0 > gone);
            let (day, mut end) = (|at: i64| at.div_euclid(86_400_000), None);
            for send in self.0.iter_mut().rev().filter(|send| send.0 <= coarse) {
                end = end.filter(|end| day(*end) == day(send.0)).or(Some(send.0));
                send.0 = end.unwrap_or(send.0);
            }
        }

        fn since(&self, from: i64) -> (u32, u32) {
            let sends = self.0.iter().filter(|send| send.0 >= from);
            sends.fold((0, 0), |sum, send| (sum.0 + 1, sum.1 + u32::from(send.1)))
        }
    }

    #[test]
    fn it_counts_as_a_plain_list_does_and_is_equal_when_restored() {
        for seed in 0..1_000_u64 {
            let mut state = seed;
            let mut draw = |below: i64| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                i64::try_from(state >> 33).unwrap() % below
            };
            let pace = 3 * 1_000_i64.pow(u32::try_from(seed % 4).unwrap());
            let (mut logs, mut plain) = ([Log::default(), Log::default()], Plain::default());
            let mut now = draw(2) * 4_000_000_000_000;
            for step in 0..60 {
                let (before, kind, new_lead) = (now - draw(pace * 12), draw(12), draw(2) == 1);
                let act: Box<dyn Fn(&mut Log)> = if kind == 0 {
                    let gone = before - draw(pace * 30) + pace;
                    plain.prune(before, gone);
                    Box::new(move |log| log.prune(t(before), t(gone)))
                } else if kind < 3 {
                    let index = usize::try_from(draw(90)).unwrap();
                    let at = plain.0.get(index).map_or(before, |send| send.0);
                    plain.take_back(at, new_lead);
                    Box::new(move |log| log.take_back(t(at), new_lead))
                } else {
                    now += draw(pace);
                    let (at, total) = (now - draw(3), [1, 1, 1, 1, 2, 9_u32][step % 6]);
                    let new_leads = u32::from(new_lead) * total.div_ceil(2);
                    plain.push(at, total, new_leads);
                    let count = Count { total, new_leads };
                    Box::new(move |log| log.push(t(at), count))
                };
                for log in &mut logs {
                    act(log);
                }
                let text = serde_json::to_string(&logs[1]).unwrap();
                logs[1] = serde_json::from_str(&text).unwrap();
                let case = format!("seed {seed}, step {step}");
                assert!(logs[0] == logs[1] && logs[0].is_sound(), "{case}: {logs:?}");
                let (from, keep) = (now - draw(pace * 14), u8::try_from(draw(40)).unwrap());
                let over = plain.0.iter().rev().nth(keep.into());
                let over = over.map_or(Timestamp::MIN, |send| t(send.0));
                for log in &logs {
                    let count = (log.since(t(from)), log.new_leads_since(t(from)));
                    assert_eq!(count, plain.since(from), "{case}");
                    assert_eq!(log.at_most(keep.into(), Span::ZERO), over, "{case}");
                }
            }
        }
    }
}
