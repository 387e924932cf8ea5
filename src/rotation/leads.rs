//! Which account writes to a lead: bound when the first email goes, kept for all that follow.
//!
//! Knows one campaign's leads. Whether an account is gone is decided elsewhere.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rotation::event::Grant;
use crate::rotation::lookup::{Mix, Nearby};
use crate::rotation::reservation::{Fate, Reservation};
use crate::vocab::{AccountId, LeadId, ReservationId};

/// An account that writes to a lead, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) account: AccountId,
    /// The first reservation for it; later ones belong to it up to the next binding's.
    since: ReservationId,
    /// Reservations that are out.
    open: u32,
    /// Emails that count as sent.
    counted: u32,
    /// Whether the lead was given to it by hand.
    given: bool,
}

impl Binding {
    const fn new(account: AccountId, since: ReservationId) -> Self {
        Self { account, since, open: 0, counted: 0, given: false }
    }

    /// Whether this account wrote, or is taken to have.
    const fn wrote(&self) -> bool {
        self.given || self.counted > 0
    }
}

/// Who writes to one lead: the last binding; those before it, oldest first, if it gives the lead
/// back. Nearly every lead has one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bindings {
    last: Binding,
    earlier: Box<[Binding]>,
}

impl Bindings {
    fn new(binding: Binding) -> Self {
        Self { last: binding, earlier: Box::default() }
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = &Binding> {
        self.earlier.iter().chain([&self.last])
    }

    fn of(mut all: Vec<Binding>) -> Option<Self> {
        Some(Self { last: all.pop()?, earlier: all.into() })
    }
}

/// One part of a campaign's leads grows to so many, then there are [`PARTS`] of them, so that no
/// single call has to move many.
const PART_MAX: usize = 4_096;
const PARTS: usize = 256;

/// A campaign's leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads {
    parts: Vec<Nearby<LeadId, Bindings>>,
}

impl Leads {
    /// The account that writes to a lead, if one does.
    pub(crate) fn account(&self, lead: LeadId) -> Option<AccountId> {
        Some(self.get(lead)?.last.account)
    }

    /// Gives a lead to an account, as if it had written.
    pub(crate) fn bind(&mut self, lead: LeadId, account: AccountId, since: ReservationId) {
        let given = Binding { given: true, ..Binding::new(account, since) };
        self.insert(lead, Bindings::new(given));
    }

    /// Notes that room is reserved for an email to a lead.
    pub(crate) fn reserved(&mut self, grant: &Grant<'_>) {
        let lead = grant.request.lead;
        let new = Binding { open: 1, ..Binding::new(grant.account, grant.reservation) };
        self.make_room();
        let Some(part) = self.part(lead) else { return };
        match self.parts[part].entry(lead) {
            Entry::Vacant(vacant) => {
                vacant.insert(Bindings::new(new));
            }
            Entry::Occupied(bindings) => {
                let bindings = bindings.into_mut();
                if bindings.last.account == grant.account {
                    bindings.last.open += 1;
                } else {
                    bindings.earlier = bindings.all().copied().collect();
                    bindings.last = new;
                }
            }
        }
    }

    /// Notes how an email to a lead ended. An account that never wrote gives the lead back.
    pub(crate) fn ended(&mut self, reservation: &Reservation, was: Fate, counts: bool) {
        let Some(bindings) = self.get_mut(reservation.lead) else { return };
        let own = |of: &Binding| of.since <= reservation.id;
        let before = || bindings.earlier.iter().rposition(own);
        // Those before the last are rarely asked for.
        let n = Some(bindings.earlier.len()).filter(|_| own(&bindings.last));
        let Some(n) = n.or_else(before) else { return };
        let Bindings { last, earlier } = bindings;
        let binding = earlier.get_mut(n).unwrap_or(last);
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
                Some(stay) => *bindings = stay,
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
        for bindings in self.parts.iter().flat_map(Nearby::values) {
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
        let bindings = self.parts.iter().flat_map(Nearby::values).flat_map(Bindings::all);
        bindings.map(|lead| lead.open.max(lead.counted)).all(|most| most <= u32::MAX >> 1)
    }

    pub(crate) fn remove(&mut self, lead: LeadId) {
        if let Some(part) = self.part(lead) {
            self.parts[part].remove(&lead);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.parts = Vec::new();
    }

    fn get(&self, lead: LeadId) -> Option<&Bindings> {
        self.parts[self.part(lead)?].get(&lead)
    }

    fn get_mut(&mut self, lead: LeadId) -> Option<&mut Bindings> {
        let part = self.part(lead)?;
        self.parts[part].get_mut(&lead)
    }

    fn insert(&mut self, lead: LeadId, bindings: Bindings) {
        self.make_room();
        if let Some(part) = self.part(lead) {
            self.parts[part].insert(lead, bindings);
        }
    }

    /// Before a lead is added.
    fn make_room(&mut self) {
        match self.parts.as_slice() {
            [] => self.parts.push(Nearby::default()),
            [all] if all.len() >= PART_MAX => self.divide(),
            _ => {}
        }
    }

    #[cold]
    fn divide(&mut self) {
        let all = std::mem::take(&mut self.parts[0]);
        self.parts = vec![Nearby::default(); PARTS];
        for (lead, bindings) in all {
            self.insert(lead, bindings);
        }
    }

    /// In which part a lead is, if there are parts.
    fn part(&self, lead: LeadId) -> Option<usize> {
        match self.parts.len() {
            0 => None,
            1 => Some(0),
            // Leads with numbers nearby stay together; the bits that place them there are others.
            parts => usize::try_from(Mix::of(lead.0 >> 6) >> 40).ok().map(|mixed| mixed % parts),
        }
    }

    /// By lead.
    fn sorted(&self) -> BTreeMap<LeadId, Vec<Binding>> {
        let all = self.parts.iter().flatten();
        all.map(|(lead, bindings)| (*lead, bindings.all().copied().collect())).collect()
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
        for (lead, bindings) in BTreeMap::<LeadId, Vec<Binding>>::deserialize(from)? {
            if let Some(bindings) = Bindings::of(bindings) {
                leads.insert(lead, bindings);
            }
        }
        Ok(leads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_leads_are_found_in_their_parts() {
        let mut leads = Leads::default();
        for lead in 0..20_000 {
            leads.bind(LeadId(lead * 64), AccountId(lead % 7), ReservationId(lead));
        }
        assert_eq!(leads.parts.len(), PARTS);
        for lead in 0..20_000 {
            assert_eq!(leads.account(LeadId(lead * 64)), Some(AccountId(lead % 7)));
        }
        assert!(leads.parts.iter().all(|part| part.len() < 300), "parts are alike");
        let text = serde_json::to_string(&leads).unwrap();
        assert_eq!(serde_json::from_str::<Leads>(&text).unwrap(), leads);
        leads.remove(LeadId(64));
        assert_eq!((leads.account(LeadId(64)), leads.account(LeadId(65))), (None, None));
    }
}
