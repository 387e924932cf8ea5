//! What one account has used: its sends, the reservations that are out, and its pauses.
//!
//! Left alone, a reservation lapses and counts as a send at that instant; every question about a
//! later instant is answered as if that happened. Knows no settings but those it is handed.

use std::collections::BTreeMap;

use rand::RngCore;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::policy::{Account, Limit, SILENT_DAYS};
use crate::rotation::containers::mostly_empty::MostlyEmpty;
use crate::rotation::state::log::{Count, Log};
use crate::rotation::state::outstanding::{Open, Outstanding};
use crate::vocab::{AccountId, CivilDay, Span, Timestamp, Today, Zone};

/// How long sends are remembered at least: any civil day, in a former zone too.
pub(crate) const MEMORY_MIN: Span = Span::hours(52);

/// Old sends are put together once in so many milliseconds, and not with every send; those of a
/// campaign with many accounts a few at a time. The instants are the same for every engine, so that
/// those that were restored remember alike.
const TOGETHER: i64 = 6 * 3_600_000;
const TOGETHER_OF_MANY: i64 = 3_600_000;
const MANY: usize = 100;

/// More than anybody counts to; what is read from outside stays below, so that sums do not
/// overflow.
pub(crate) const COUNT_MAX: u64 = 1 << 62;

/// How far a ramp has come: days with a send, and the last of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RampProgress {
    days: u32,
    last: Option<CivilDay>,
}

impl RampProgress {
    pub(crate) const fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Whether the latest day with a send is that one.
    pub(crate) fn has_sent_on(&self, day: CivilDay) -> bool {
        self.last == Some(day)
    }

    /// Which row of the ramp a day has, from 0.
    pub(crate) fn row(self, day: CivilDay) -> u32 {
        match self.last {
            None => 0,
            Some(last) if day <= last => self.days.saturating_sub(1),
            Some(last) if day.days_since(last) > SILENT_DAYS => 0,
            Some(_) => self.days,
        }
    }

    /// The first later day with another row, if no day with a send comes before.
    pub(crate) fn row_ends(self, day: CivilDay) -> Option<CivilDay> {
        let last = self.last?;
        let silent = last.plus_days(SILENT_DAYS + 1);
        [last.plus_days(1), silent].into_iter().find(|next| day < *next)
    }

    /// Notes a send on a day.
    pub(crate) fn sent_on(&mut self, day: CivilDay) {
        if self.last.is_none_or(|last| day > last) {
            self.days = self.row(day) + 1;
            self.last = Some(day);
        }
    }
}

/// The last send that counts for the spacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastSend {
    pub(crate) at: Timestamp,
    pub(crate) number: u64,
}

/// What one account has used, of whichever campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) log: Log,
    pub(crate) open: Outstanding,
    /// The number that the next send gets.
    pub(crate) number: u64,
    pub(crate) last_send: Option<LastSend>,
    pub(crate) ramp: RampProgress,
    /// Before when an even pace sends nothing.
    pub(crate) pace_until: Option<Timestamp>,
    /// Zones it was in, each with the instant until which its days still count.
    pub(crate) former_zones: MostlyEmpty<Vec<(Zone, Timestamp)>>,
    /// Follow-ups that the caller declared due, by civil day.
    pub(crate) due: MostlyEmpty<BTreeMap<CivilDay, u32>>,
    /// The civil day that was asked for last.
    #[serde(skip)]
    pub(crate) today: Today,
}

impl Usage {
    /// Whether its parts fit together, as after reading it from outside.
    pub(crate) fn is_sound(&self) -> bool {
        self.log.is_sound()
            && self.open.iter().is_sorted_by_key(|open| (open.ends_at, open.id))
            && self.open.iter().map(|open| open.number).all(|n| n < COUNT_MAX)
            && self.number < COUNT_MAX
            && u64::from(self.ramp.days) < COUNT_MAX >> 32
    }

    /// Enters a send at `at`, which is not before any other. Days with one are noted apart.
    #[inline]
    pub(crate) fn sent(&mut self, at: Timestamp, new_lead: bool, memory: Span) {
        self.enter(at, new_lead, (memory, TOGETHER));
    }

    /// Enters a send of a campaign with so many accounts.
    #[inline]
    pub(crate) fn sent_by_one_of(&mut self, accounts: usize, at: Timestamp, new_lead: bool) {
        let together = if accounts < MANY { TOGETHER } else { TOGETHER_OF_MANY };
        self.enter(at, new_lead, (MEMORY_MIN, together));
    }

    #[inline]
    fn enter(&mut self, at: Timestamp, new_lead: bool, (memory, together): (Span, i64)) {
        self.log.push(at, Count { total: 1, new_leads: u32::from(new_lead) });
        if self.log.is_since(at.minus(memory)) {
            return;
        }
        // Nothing is that old within the first days that there are.
        if let Some(gone) = at.before(Limit::LENGTH_MAX) {
            self.log.prune(at.minus(memory).floor(together), gone);
        }
    }

    /// Enters emails that were sent without the engine. They make a day one with a send.
    pub(crate) fn reported(&mut self, at: Timestamp, emails: u32, day: CivilDay) {
        self.log.push(at, Count { total: emails, new_leads: 0 });
        self.ramp.sent_on(day);
    }

    /// Adds a reservation to those that are out.
    pub(crate) fn open(&mut self, open: Open) {
        self.number = self.number.max(open.number + 1);
        self.open.add(open);
    }

    /// What counts against the civil day that begins at `start`: sends on it and reservations that
    /// touch it, or a later one.
    pub(crate) fn on_day(&self, start: Timestamp) -> u32 {
        let open = u32::try_from(self.open.since(start)).unwrap_or(u32::MAX);
        self.log.since(start).saturating_add(open)
    }

    /// How much of that is new leads.
    pub(crate) fn new_leads_on_day(&self, start: Timestamp) -> u32 {
        let open = u32::try_from(self.open.new_leads_since(start)).unwrap_or(u32::MAX);
        self.log.new_leads_since(start).saturating_add(open)
    }

    /// What counts in a rolling window that ends at `at`, and the instant at which one more fits
    /// under `max`, if that ever comes.
    pub(crate) fn rolling(
        &self,
        at: Timestamp,
        length: Span,
        max: u32,
    ) -> (u32, Option<Timestamp>) {
        let from = at.before(length).map(|at| at.plus(Span::milliseconds(1)));
        let sent = self.log.since(from.unwrap_or(Timestamp::MIN));
        let lapsed = self.open.iter().take_while(|open| open.ends_at.plus(length) <= at).count();
        let open = self.open.len() - lapsed;
        let used = sent.saturating_add(u32::try_from(open).unwrap_or(u32::MAX));
        let Some(keep) = max.checked_sub(1) else { return (used, None) };
        let keep_all = usize::try_from(keep).unwrap_or(usize::MAX);
        let frees_at = match open.checked_sub(keep_all) {
            None => self.log.at_most(keep - u32::try_from(open).unwrap_or(keep), length),
            Some(0) => self.log.at_most(0, length),
            Some(over) => {
                let open = self.open.iter().nth(lapsed + over - 1);
                open.map_or(at, |open| open.ends_at.plus(length))
            }
        };
        (used, Some(frees_at.max(at)))
    }

    /// The instant before which the spacing holds, and whether a settlement could shorten that.
    ///
    /// Of several that are out, as before a spacing was set, the last to lapse is the last send.
    #[inline]
    pub(crate) fn rest_until(&self, account: &Account, seed: u64) -> Option<(Timestamp, bool)> {
        if account.spacing.is_zero() && account.jitter.is_zero() {
            return None;
        }
        let open = self.open.last().map(|open| (open.ends_at, open.number, true));
        let last = self.last_send.map(|last| (last.at, last.number, false));
        let (at, number, awaited) = open.or(last)?;
        Some((at.plus(gap(account, seed, number)), awaited))
    }

    /// The ramp's progress at `at`, with what lapses until then counted as sent.
    pub(crate) fn ramp_at(&self, zone: Zone, at: Timestamp) -> RampProgress {
        let mut progress = self.ramp;
        let lapsed = self.open.iter().take_while(|open| open.ends_at <= at);
        lapsed.for_each(|open| progress.sent_on(self.today.look(zone, open.ends_at)));
        progress
    }

    /// The first lapse after `at` on a day that has no send by then.
    pub(crate) fn ramp_advances_at(&self, zone: Zone, at: Timestamp) -> Option<Timestamp> {
        let last = self.ramp_at(zone, at).last;
        let mut lapses = self.open.iter().map(|open| open.ends_at).filter(|ends_at| *ends_at > at);
        lapses.find(|ends_at| last.is_none_or(|last| self.today.look(zone, *ends_at) > last))
    }
}

/// The pause after send `number`: the spacing and a jitter that depends on nothing but the seed,
/// the account and the number, so that accounts do not disturb each other.
fn gap(account: &Account, seed: u64, number: u64) -> Span {
    account.spacing.plus(jitter(account.id, account.jitter, seed, number))
}

/// A length from nothing to `most`, drawn for one send of one account.
pub(crate) fn jitter(account: AccountId, most: Span, seed: u64, number: u64) -> Span {
    if most.is_zero() {
        return Span::ZERO;
    }
    let state = u128::from(seed) << 64 | u128::from(account.0);
    let state = state ^ u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let mut generator = Pcg64Mcg::new(state);
    // The first outputs of neighbouring states are alike.
    generator.next_u64();
    generator.next_u64();
    Span::milliseconds(generator.next_u64() % (most.as_ms() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32) -> CivilDay {
        CivilDay::new(2026, 1, n).unwrap()
    }

    #[test]
    fn a_ramp_advances_on_days_with_sends_and_starts_again_after_silence() {
        let mut ramp = RampProgress::default();
        assert_eq!(ramp.row(day(1)), 0);
        ramp.sent_on(day(1));
        ramp.sent_on(day(1));
        assert_eq!((ramp.row(day(1)), ramp.row(day(2)), ramp.row(day(31))), (0, 1, 1));
        ramp.sent_on(day(5));
        assert_eq!((ramp.row(day(5)), ramp.row(day(6))), (1, 2));
        assert_eq!(ramp.row(day(5).plus_days(30)), 2);
        assert_eq!(ramp.row(day(5).plus_days(31)), 0);
        let silent = day(5).plus_days(31);
        assert_eq!([4, 5].map(|n| ramp.row_ends(day(n))), [Some(day(6)); 2]);
        assert_eq!([6, 30].map(|n| ramp.row_ends(day(n))), [Some(silent); 2]);
        assert_eq!((ramp.row_ends(silent), RampProgress::default().row_ends(day(1))), (None, None));
    }

    /// Those of a campaign with many accounts go each hour, and not a quarter of a day's at once;
    /// one that was written down and read again remembers alike.
    #[test]
    fn old_sends_of_many_are_put_together_a_few_at_a_time() {
        for (accounts, most) in [(MANY - 1, 58 * 60), (MANY, 53 * 60)] {
            let (mut usage, mut read) = (Usage::default(), Usage::default());
            let mut longest = 0;
            for minute in 0..5 * 24 * 60 {
                let at = Timestamp::from_unix_ms(minute * 60_000).unwrap();
                usage.sent_by_one_of(accounts, at, minute % 2 == 0);
                read.sent_by_one_of(accounts, at, minute % 2 == 0);
                if minute % 700 == 0 {
                    let text = serde_json::to_string(&read).unwrap();
                    read = serde_json::from_str(&text).unwrap();
                    assert_eq!(usage, read, "at minute {minute}");
                }
                if minute % 60 == 59 {
                    let entries = serde_json::to_value(&usage.log).unwrap();
                    longest = longest.max(entries.as_array().unwrap().len());
                }
            }
            // Days that are remembered as one stand beside them.
            assert!((most - 10..=most + 5).contains(&longest), "{longest} of {accounts}");
        }
    }

    #[test]
    fn a_jitter_is_spread_over_its_range_and_repeats() {
        let draw = |number| jitter(AccountId(7), Span::milliseconds(9), 1, number).as_ms();
        let mut seen = [0; 10];
        for number in 0..10_000 {
            seen[usize::try_from(draw(number)).unwrap()] += 1;
            assert_eq!(draw(number), draw(number));
        }
        assert!(seen.iter().all(|times| (800..1_200).contains(times)), "{seen:?}");
    }
}
