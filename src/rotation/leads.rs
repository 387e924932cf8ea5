//! Which account writes to a lead: bound when the first email goes, kept for all that follow, and
//! forgotten long after the last.
//!
//! Knows one campaign's leads. Whether an account is gone is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rotation::binding::{Binding, Bindings, Day, day};
use crate::rotation::event::Grant;
use crate::rotation::lead_index::LeadIndex;
use crate::rotation::reservation::{Fate, Reservation};
use crate::rotation::segments::Segments;
use crate::rotation::table::{Hint, Slot};
use crate::vocab::{AccountId, LeadId, ReservationId, Span, Timestamp};

/// One of so many emails makes a campaign look at some leads, up to so many, to free what is due.
const SWEEP_EVERY: u32 = 8;
const LOOKS: u32 = 32;

/// How many leads stand side by side, with one day before which none of them is due.
const SEGMENT: u32 = 1_024;

/// A campaign's leads.
///
/// A lead is forgotten when an email of its campaign is reserved, or a lead given away, that many
/// days after it was last touched. That is told by the days alone; when its memory is freed is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads {
    records: Segments<Option<Record>, { SEGMENT as usize }>,
    /// Places of records that are free.
    free: Vec<u32>,
    index: LeadIndex,
    /// Of each segment a day that none of its leads was touched before.
    oldest: Vec<Day>,
    /// What was last touched before this day is forgotten, unless something is out.
    kept_from: Day,
    /// The day by which that was found.
    today: Day,
    hand: Hand,
}

/// A lead and who writes to it.
#[derive(Clone, Debug)]
struct Record {
    lead: LeadId,
    bindings: Bindings,
}

/// What is looked at next for what is due.
#[derive(Clone, Copy, Debug)]
struct Hand {
    /// After how many emails.
    after: u32,
    segment: usize,
    /// Which place of the segment, and the oldest day of those before it.
    at: u32,
    oldest: Day,
}

impl Default for Hand {
    fn default() -> Self {
        Self { after: 0, segment: 0, at: 0, oldest: Day::MAX }
    }
}

impl Leads {
    /// The account that writes to a lead, if one does.
    #[inline]
    pub(crate) fn account(&self, lead: LeadId) -> Option<AccountId> {
        Some(self.get(lead)?.last.account)
    }

    /// Gives a lead to an account, as if it had written.
    pub(crate) fn bind(
        &mut self,
        (lead, account): (LeadId, AccountId),
        since: ReservationId,
        (at, memory): (Timestamp, Span),
    ) {
        let given = Binding { given: true, ..Binding::new(account, since, at) };
        self.remove(lead);
        self.insert(lead, Bindings::new(given));
        self.forget(at, memory);
    }

    /// Notes that room is reserved for an email to a lead. Leads that were not written to for as
    /// long as they are remembered are forgotten, this one is not. Returns where its record is.
    pub(crate) fn reserved(&mut self, grant: &Grant<'_>, at: Timestamp, memory: Span) -> Hint {
        let lead = grant.request.lead;
        let new = Binding { open: 1, ..Binding::new(grant.account, grant.reservation, at) };
        let kept_from = self.kept_from;
        let found = self.place(lead);
        let place = match found.and_then(|place| Some((place, self.at_mut(place)?))) {
            None => self.insert(lead, Bindings::new(new)),
            Some((place, bindings)) => {
                if bindings.is_older(kept_from) {
                    *bindings = Bindings::new(new);
                } else if bindings.last.account == grant.account {
                    bindings.last.open += 1;
                    bindings.last.touched = new.touched;
                } else {
                    bindings.push(new);
                }
                place
            }
        };
        self.forget(at, memory);
        Slot::from_number(place).into()
    }

    /// Forgets what is due, and frees some of it in the part whose turn it is.
    fn forget(&mut self, at: Timestamp, memory: Span) {
        let today = day(at);
        if self.today != today {
            self.today = today;
            let days = memory.as_ms().div_ceil(Span::days(1).as_ms());
            let days = Day::try_from(days).unwrap_or(Day::MAX);
            self.kept_from = self.kept_from.max(today.saturating_sub(days));
        }
        match self.hand.after.checked_sub(1) {
            Some(fewer) => self.hand.after = fewer,
            None => self.sweep(),
        }
    }

    /// Frees what is forgotten, a few at a time, where the hand is. A segment in which nothing is
    /// due is passed.
    #[inline(never)]
    fn sweep(&mut self) {
        self.hand.after = SWEEP_EVERY - 1;
        let Hand { segment, at, .. } = self.hand;
        let Some(oldest) = self.oldest.get(segment).copied() else {
            self.hand = Hand { after: self.hand.after, ..Hand::default() };
            return;
        };
        let end = if oldest < self.kept_from { (at + LOOKS).min(SEGMENT) } else { SEGMENT };
        if oldest < self.kept_from {
            let first = u32::try_from(segment).unwrap_or(u32::MAX).saturating_mul(SEGMENT);
            (at..end).for_each(|at| self.look(first + at));
        }
        self.hand.at = end;
        if end == SEGMENT {
            if oldest < self.kept_from {
                self.oldest[segment] = self.hand.oldest;
            }
            self.hand = Hand { segment: segment + 1, at: 0, oldest: Day::MAX, ..self.hand };
        }
    }

    /// Frees a record if its lead is forgotten.
    fn look(&mut self, place: u32) {
        let Some(found) = self.records.get_mut(place) else { return };
        let Some(record) = found else { return };
        if record.bindings.is_older(self.kept_from) {
            self.index.remove(record.lead, place);
            *found = None;
            self.free.push(place);
        } else {
            self.hand.oldest = self.hand.oldest.min(record.bindings.last.touched);
        }
    }

    /// Notes how an email to a lead ended. An account that never wrote gives the lead back.
    pub(crate) fn ended(&mut self, reservation: &Reservation, was: Fate, counts: bool) {
        let Some(bindings) = self.get_mut(reservation.lead, reservation.hints.2) else { return };
        let today = day(reservation.decided_at);
        bindings.last.touched = today;
        let own = |of: &Binding| of.since <= reservation.id;
        let before = || bindings.earlier().iter().rposition(own);
        // Those before the last are rarely asked for.
        let n = Some(bindings.earlier().len()).filter(|_| own(&bindings.last));
        let Some(n) = n.or_else(before) else { return };
        let binding = bindings.nth_mut(n);
        if binding.account != reservation.account {
            return;
        }
        match was {
            Fate::Open => binding.open = binding.open.saturating_sub(1),
            Fate::Lapsed => binding.counted = binding.counted.saturating_sub(1),
            Fate::Cancelled | Fate::Settled(_) => {}
        }
        binding.counted += u32::from(counts);
        if binding.open == 0 && !binding.wrote() {
            let mut stay: Vec<Binding> = bindings.all().copied().collect();
            stay.remove(n);
            match Bindings::of(stay) {
                Some(mut stay) => {
                    stay.last.touched = today;
                    *bindings = stay;
                }
                None => self.remove(reservation.lead),
            }
        }
    }

    /// How many leads each of these accounts wrote to.
    pub(crate) fn written_to_by(
        &self,
        accounts: &BTreeSet<AccountId>,
    ) -> BTreeMap<AccountId, usize> {
        let mut counts = BTreeMap::new();
        // Counts are the same in any order.
        for bindings in self.all().map(|(_, bindings)| bindings) {
            let account = bindings.last.account;
            let wrote = |binding: &&Binding| binding.account == account && binding.wrote();
            if accounts.contains(&account) && bindings.all().rev().any(|b| wrote(&b)) {
                *counts.entry(account).or_insert(0) += 1;
            }
        }
        counts
    }

    /// Whether counts are such as can be counted on.
    pub(crate) fn is_sound(&self) -> bool {
        let bindings = self.all().flat_map(|(_, bindings)| bindings.all());
        bindings.map(|lead| lead.open.max(lead.counted)).all(|most| most <= u32::MAX >> 1)
    }

    /// Unbinds a lead.
    pub(crate) fn remove(&mut self, lead: LeadId) {
        let Some(place) = self.place(lead) else { return };
        self.index.remove(lead, place);
        if let Some(record) = self.records.get_mut(place) {
            *record = None;
            self.free.push(place);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn get(&self, lead: LeadId) -> Option<&Bindings> {
        let record = self.records.get(self.place(lead)?)?.as_ref()?;
        Some(&record.bindings).filter(|bindings| !bindings.is_older(self.kept_from))
    }

    fn get_mut(&mut self, lead: LeadId, hint: Hint) -> Option<&mut Bindings> {
        let kept_from = self.kept_from;
        let place = Some(hint.slot().number()).filter(|place| self.is_there(lead, *place));
        let bindings = self.at_mut(place.or_else(|| self.place(lead))?)?;
        Some(bindings).filter(|bindings| !bindings.is_older(kept_from))
    }

    /// Where the record of a lead is, if it was not freed.
    #[inline]
    fn place(&self, lead: LeadId) -> Option<u32> {
        self.index.find(lead, |place| self.is_there(lead, place))
    }

    #[inline]
    fn is_there(&self, lead: LeadId, place: u32) -> bool {
        let record = self.records.get(place).and_then(Option::as_ref);
        record.is_some_and(|record| record.lead == lead)
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Bindings> {
        let record = self.records.get_mut(place)?.as_mut();
        record.map(|record| &mut record.bindings)
    }

    /// Those that are not forgotten, in any order.
    fn all(&self) -> impl Iterator<Item = (&LeadId, &Bindings)> {
        let all = self.records.iter().flatten().map(|record| (&record.lead, &record.bindings));
        all.filter(|(_, bindings)| !bindings.is_older(self.kept_from))
    }

    /// Adds a lead that has no record, and returns where it is.
    fn insert(&mut self, lead: LeadId, bindings: Bindings) -> u32 {
        let touched = bindings.last.touched;
        let record = Some(Record { lead, bindings });
        let place = match self.free.pop() {
            None => self.records.push(record),
            Some(place) => {
                if let Some(free) = self.records.get_mut(place) {
                    *free = record;
                }
                place
            }
        };
        self.index.insert(lead, place);
        let segment = (place / SEGMENT) as usize;
        if segment == self.oldest.len() {
            self.oldest.push(touched);
        }
        if let Some(oldest) = self.oldest.get_mut(segment) {
            *oldest = touched.min(*oldest);
        }
        if self.hand.segment == segment {
            self.hand.oldest = touched.min(self.hand.oldest);
        }
        place
    }

    /// By lead.
    fn sorted(&self) -> BTreeMap<LeadId, Vec<Binding>> {
        self.all().map(|(lead, bindings)| (*lead, bindings.all().copied().collect())).collect()
    }
}

impl PartialEq for Leads {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Eq for Leads {}

impl Serialize for Leads {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.sorted().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Leads {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut leads = Self::default();
        let all = BTreeMap::<LeadId, Vec<Binding>>::deserialize(from)?;
        let all = all.into_iter().filter_map(|(lead, of)| Some((lead, Bindings::of(of)?)));
        let mut all: Vec<(LeadId, Bindings)> = all.collect();
        // In about the order in which they would have come.
        all.sort_by_key(|(lead, bindings)| (bindings.last.touched, *lead));
        for (lead, bindings) in all {
            leads.insert(lead, bindings);
        }
        Ok(leads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_leads_are_found_and_written_down() {
        assert_eq!(size_of::<Option<Record>>(), 48, "that it is there costs nothing");
        let mut leads = Leads::default();
        for lead in 0..20_000 {
            let given = (LeadId(lead * 64), AccountId(lead % 7));
            leads.bind(given, ReservationId(lead), (Timestamp::EPOCH, Span::days(400)));
        }
        for lead in 0..20_000 {
            assert_eq!(leads.account(LeadId(lead * 64)), Some(AccountId(lead % 7)));
        }
        let text = serde_json::to_string(&leads).unwrap();
        assert_eq!(serde_json::from_str::<Leads>(&text).unwrap(), leads);
        leads.remove(LeadId(64));
        assert_eq!(leads.index.len(), 19_999);
        assert_eq!((leads.account(LeadId(64)), leads.account(LeadId(65))), (None, None));
    }

    #[test]
    fn what_is_not_written_to_is_forgotten_and_freed() {
        let (mut leads, mut now) = (Leads::default(), Timestamp::EPOCH);
        for lead in 0..100_000 {
            now = now.plus(Span::minutes(1));
            leads.bind((LeadId(lead), AccountId(1)), ReservationId(0), (now, Span::days(3)));
            // One lead is written to again and again.
            leads.bind((LeadId(0), AccountId(1)), ReservationId(0), (now, Span::days(3)));
            // Four days are kept at most, and a little more until it is looked at.
            let records = leads.records.len();
            assert!(records < 4 * 1_440 + 2 * SEGMENT as usize, "{records} after {lead}");
            assert_eq!(leads.index.len() + leads.free.len(), records);
        }
        assert_eq!(leads.account(LeadId(0)), Some(AccountId(1)));
        let kept = (0..100_000).filter(|lead| leads.account(LeadId(*lead)).is_some()).count();
        assert!((3 * 1_440..=4 * 1_440 + 1).contains(&kept), "{kept}");
    }

    /// Freed places are taken again, while others of their segment are freed and after, and are
    /// freed in their time. No segment ever has an older lead than it says.
    #[test]
    fn what_takes_a_free_place_is_freed_too() {
        for meanwhile in [false, true] {
            let (mut leads, mut bound) = (Leads::default(), 0);
            let mut bind = |days: u64, is_new: bool| {
                bound += 1;
                // Now and then an older one is written to.
                let lead = if is_new { bound - bound % 7 / 6 * 2_000.min(bound) } else { 0 };
                let at = (Timestamp::EPOCH.plus(Span::days(days)), Span::days(3));
                leads.bind((LeadId(lead), AccountId(1)), ReservationId(0), at);
                for (place, record) in leads.records.iter().enumerate().step_by(97) {
                    let touched = record.as_ref().map_or(Day::MAX, |of| of.bindings.last.touched);
                    assert!(leads.oldest[place / SEGMENT as usize] <= touched, "day {days}");
                }
                leads.index.len()
            };
            (0..3_000).for_each(|n| assert!(bind(n / 1_000, true) > 0));
            for days in [10, 60, 110] {
                (0..8_000).for_each(|n| assert!(bind(days + n / 200, meanwhile) > 0));
                (0..2_000).for_each(|_| assert!(bind(days + 40, true) > 0));
            }
            let left = (0..24_000).map(|_| bind(160, false)).last();
            assert_eq!(left, Some(1), "with new leads meanwhile: {meanwhile}");
        }
    }
}
