//! Which account writes to a lead: bound when the first email goes, kept for all that follow, and
//! forgotten long after the last.
//!
//! Knows one campaign's leads, and until when they are remembered. Where their records are is told
//! elsewhere, and whether an account is gone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rotation::containers::table::{Hint, Slot};
use crate::rotation::state::binding::{Binding, Bindings, Day, day};
use crate::rotation::state::event::Grant;
use crate::rotation::state::lead_records::LeadRecords;
use crate::rotation::state::reservation::{Fate, Reservation};
use crate::vocab::{AccountId, LeadId, ReservationId, Span, Timestamp};

/// One of so many emails makes a campaign look at some leads, to free what is due.
const SWEEP_EVERY: u32 = 8;

/// A campaign's leads.
///
/// A lead is forgotten when an email of its campaign is reserved, or a lead given away, that many
/// days after it was last touched. That is told by the days alone; when its memory is freed is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads {
    records: LeadRecords,
    /// What was last touched before this day is forgotten, unless something is out.
    kept_from: Day,
    /// The day by which that was found.
    today: Day,
    /// After how many emails some are looked at.
    sweep_after: u32,
}

impl Leads {
    /// The account that writes to a lead, if one does.
    pub(crate) fn account(&self, lead: LeadId) -> Option<AccountId> {
        self.account_at(self.place(lead)?)
    }

    /// Where the record of a lead is, which may be forgotten.
    #[inline]
    pub(crate) fn place(&self, lead: LeadId) -> Option<u32> {
        self.records.place(lead)
    }

    /// The account that writes to the lead whose record is there, if it is not forgotten.
    #[inline]
    pub(crate) fn account_at(&self, place: u32) -> Option<AccountId> {
        let bindings = self.records.at(place)?;
        Some(bindings.last.account).filter(|_| !bindings.is_older(self.kept_from))
    }

    /// Gives a lead to an account, as if it had written.
    pub(crate) fn bind(
        &mut self,
        (lead, account): (LeadId, AccountId),
        since: ReservationId,
        (at, memory): (Timestamp, Span),
    ) {
        let given = Binding { given: true, ..Binding::new(account, since, at) };
        self.records.remove(lead);
        self.records.insert(lead, Bindings::new(given));
        self.forget(at, memory);
    }

    /// Notes that room is reserved for an email to a lead. Leads that were not written to for as
    /// long as they are remembered are forgotten, this one is not. A lead that surely has no record
    /// is not looked for. Returns where its record is.
    pub(crate) fn reserved(
        &mut self,
        grant: &Grant<'_>,
        is_new: bool,
        (at, memory): (Timestamp, Span),
    ) -> Hint {
        let lead = grant.request.lead;
        debug_assert!(!is_new || self.place(lead).is_none(), "{lead} has a record");
        let new = Binding { open: 1, ..Binding::new(grant.account, grant.reservation, at) };
        let kept_from = self.kept_from;
        let found = if is_new { None } else { self.place(lead) };
        let place = match found.and_then(|place| Some((place, self.records.at_mut(place)?))) {
            None => self.records.insert(lead, Bindings::new(new)),
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
        if self.sweep_after == 0 {
            self.sweep_after = SWEEP_EVERY;
            self.records.sweep(self.kept_from);
        }
        self.sweep_after -= 1;
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
                None => self.records.remove(reservation.lead),
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

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn get_mut(&mut self, lead: LeadId, hint: Hint) -> Option<&mut Bindings> {
        let bindings = self.records.at_mut(self.records.find(lead, hint)?)?;
        Some(bindings).filter(|bindings| !bindings.is_older(self.kept_from))
    }

    /// Those that are not forgotten, in any order.
    fn all(&self) -> impl Iterator<Item = (&LeadId, &Bindings)> {
        self.records.all().filter(|(_, bindings)| !bindings.is_older(self.kept_from))
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
            leads.records.insert(lead, bindings);
        }
        Ok(leads)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::policy::{Account, Campaign};
    use crate::rotation::engine::Engine;
    use crate::rotation::state::config::Config;
    use crate::rotation::state::reservation::{EmailKind, Outcome, Request};
    use crate::vocab::{CampaignId, CivilDay, OwnerId};

    #[test]
    fn many_leads_are_found_and_written_down() {
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
        leads.records.remove(LeadId(64));
        assert_eq!((leads.account(LeadId(64)), leads.account(LeadId(65))), (None, None));
        assert_ne!(serde_json::from_str::<Leads>(&text).unwrap(), leads);
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
            let (taken, free) = leads.records.taken_and_free();
            assert!(taken + free < 4 * 1_440 + 2 * 1_024, "{taken} and {free} after {lead}");
        }
        assert_eq!(leads.account(LeadId(0)), Some(AccountId(1)));
        // What was written to before the first minute of the third day that has gone by.
        let forgotten = (100_000 / 1_440 - 3) * 1_440 - 1;
        let is_kept = |lead: u64| leads.account(LeadId(lead)).is_some();
        assert!((1..100_000).all(|lead| is_kept(lead) == (lead >= forgotten)));
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
                assert!(leads.records.is_none_older_than_it_says(97), "day {days}");
                leads.records.taken_and_free().0
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

    /// Its record is there until it is swept, and is used again.
    #[test]
    fn a_forgotten_lead_that_is_written_to_again_has_one_record() {
        let config = Config { lead_memory: Span::days(2), ..Config::default() };
        let (mut engine, mut now) = (Engine::new(config), DateTime::UNIX_EPOCH);
        let (account, campaign) = (AccountId(1), CampaignId(1));
        let owned = Account::new(account, OwnerId(1), "a@acme.example");
        engine.add_account(owned, now).unwrap();
        engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
        engine.attach(campaign, &[account], now).unwrap();
        for round in 0..3 {
            // With the first email of a day is known what was forgotten until then.
            for lead in [100 + round, 7].map(LeadId) {
                let granted = engine.reserve(campaign, &Request::new_lead(lead), now).unwrap();
                engine.settle(granted.reserved().unwrap().id, Outcome::Sent, now).unwrap();
            }
            let leads = &engine.state.campaign(campaign).unwrap().leads;
            let records = usize::try_from(round).unwrap() + 2;
            assert_eq!(leads.records.taken_and_free(), (records, 0));
            now += TimeDelta::days(4);
        }
    }

    /// A reservation that ended remembers a place that another lead has taken.
    #[test]
    fn an_end_is_noted_of_its_own_lead_only() {
        let at = |days| Timestamp::EPOCH.plus(Span::days(days));
        let (a, b) = (Request::new_lead(LeadId(1)), Request::new_lead(LeadId(2)));
        let mut leads = Leads::default();
        let mut first = reservation(0, a.lead);
        first.hints.2 = leads.reserved(&grant(0, &a), true, (at(0), Span::days(400)));
        leads.ended(&first, Fate::Open, false);
        assert_eq!(leads.account(a.lead), None);
        let hint = leads.reserved(&grant(1, &b), true, (at(0), Span::days(400)));
        assert_eq!(hint.slot(), first.hints.2.slot(), "the place was free");
        let before = leads.clone();
        for fate in [Fate::Cancelled, Fate::Lapsed, Fate::Open] {
            for (days, counts) in [(1, true), (2, false)] {
                first.decided_at = at(days);
                leads.ended(&first, fate, counts);
                assert_eq!(leads, before, "after {fate:?} on day {days}");
            }
        }
        // Its own lead is found wherever it is by now.
        leads.reserved(&grant(2, &a), false, (at(3), Span::days(400)));
        first.id = ReservationId(2);
        leads.ended(&first, Fate::Open, false);
        assert_eq!(leads, before);
    }

    fn grant(id: u64, request: &Request) -> Grant<'_> {
        let day = CivilDay::new(1970, 1, 1).unwrap();
        Grant {
            reservation: ReservationId(id),
            campaign: CampaignId(1),
            account: AccountId(1),
            request,
            ends_at: Timestamp::EPOCH,
            number: id,
            weight: 1,
            days: (day, day),
            pace_until: None,
            jumped_to: None,
            moved_from: None,
        }
    }

    fn reservation(id: u64, lead: LeadId) -> Reservation {
        Reservation {
            id: ReservationId(id),
            campaign: CampaignId(1),
            account: AccountId(1),
            lead,
            kind: EmailKind::NewLead,
            reserved_at: Timestamp::EPOCH,
            ends_at: Timestamp::EPOCH,
            begun_at: None,
            moved_from: None,
            fate: Fate::Open,
            decided_at: Timestamp::EPOCH,
            number: id,
            charged_at: None,
            in_rotation: true,
            hints: Default::default(),
        }
    }
}
