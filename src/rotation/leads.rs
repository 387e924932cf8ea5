//! Which account writes to a lead: bound when the first email goes, kept for all that follow, and
//! forgotten long after the last.
//!
//! Knows one campaign's leads. Whether an account is gone is decided elsewhere.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rotation::binding::{Binding, Bindings, Day, day};
use crate::rotation::event::Grant;
use crate::rotation::lookup::{Mix, Nearby};
use crate::rotation::reservation::{Fate, Reservation};
use crate::vocab::{AccountId, LeadId, ReservationId, Span, Timestamp};

/// When a lead comes to a part that has so many, the next part is divided, so that no single call
/// has to move many.
const PART_MAX: usize = 256;

/// Parts have so many leads at least on the whole, whatever numbers the leads have.
const PART_MIN: usize = 32;

/// One of so many emails makes a campaign look at some leads, up to so many, to free what is due.
const SWEEP_EVERY: usize = 8;
const LOOKS: usize = 32;

/// A campaign's leads.
///
/// A lead is forgotten when an email of its campaign is reserved, or a lead given away, that many
/// days after it was last touched. That is told by the days alone; when its memory is freed is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads {
    /// Divided one after the other, as in linear hashing (Litwin, 1980).
    parts: Vec<Part>,
    /// How many leads the parts have, those that are forgotten and not freed yet too.
    count: usize,
    /// What was last touched before this day is forgotten, unless something is out.
    kept_from: Day,
    /// The day by which that was found.
    today: Day,
    /// The part that is looked at next, and after how many emails.
    hand: usize,
    looks_in: usize,
}

/// Some of the leads, and in which order they are looked at to forget them.
#[derive(Clone, Debug, Default)]
struct Part {
    leads: Nearby<LeadId, Bindings>,
    /// Each of them once.
    queue: VecDeque<LeadId>,
    /// On which day so many of the queue, from its front on, were put there.
    queued: VecDeque<(Day, u32)>,
}

impl Part {
    /// Adds a lead, or writes over what is there. Returns whether it is new.
    fn insert(&mut self, lead: LeadId, bindings: Bindings, on: Day) -> bool {
        let is_new = self.leads.insert(lead, bindings).is_none();
        if is_new {
            self.enqueue(lead, on);
        }
        is_new
    }

    fn enqueue(&mut self, lead: LeadId, on: Day) {
        self.queue.push_back(lead);
        match self.queued.back_mut() {
            Some((day, count)) if *day >= on && *count < u32::MAX => *count += 1,
            Some(_) | None => self.queued.push_back((on, 1)),
        }
    }

    /// The first of the queue and the day on which it was put there.
    fn dequeue(&mut self) -> Option<(LeadId, Day)> {
        let (day, count) = self.queued.front_mut()?;
        let day = *day;
        *count -= 1;
        if *count == 0 {
            self.queued.pop_front();
        }
        self.queue.pop_front().map(|lead| (lead, day))
    }

    /// Frees what is forgotten, a few at a time. Who was touched since it was put into the queue
    /// is put there again. Returns how many were freed.
    fn sweep(&mut self, kept_from: Day, today: Day) -> usize {
        let mut freed = 0;
        for _ in 0..LOOKS {
            if self.queued.front().is_none_or(|(day, _)| *day >= kept_from) {
                break;
            }
            let Some((lead, _)) = self.dequeue() else { break };
            if self.leads.get(&lead).is_some_and(|bindings| !bindings.is_older(kept_from)) {
                self.enqueue(lead, today);
            } else {
                freed += usize::from(self.leads.remove(&lead).is_some());
            }
        }
        freed
    }
}

impl Leads {
    /// The account that writes to a lead, if one does.
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
        self.insert(lead, Bindings::new(given), day(at));
        self.forget(at, memory);
    }

    /// Notes that room is reserved for an email to a lead. Leads that were not written to for as
    /// long as they are remembered are forgotten, this one is not.
    pub(crate) fn reserved(&mut self, grant: &Grant<'_>, at: Timestamp, memory: Span) {
        let lead = grant.request.lead;
        let new = Binding { open: 1, ..Binding::new(grant.account, grant.reservation, at) };
        let part = self.room_for(lead);
        let Some(part) = self.parts.get_mut(part) else { return };
        match part.leads.entry(lead) {
            Entry::Vacant(vacant) => {
                vacant.insert(Bindings::new(new));
                part.enqueue(lead, day(at));
                self.count += 1;
            }
            Entry::Occupied(bindings) => {
                let bindings = bindings.into_mut();
                if bindings.is_older(self.kept_from) {
                    *bindings = Bindings::new(new);
                } else if bindings.last.account == grant.account {
                    bindings.last.open += 1;
                    bindings.last.touched = day(at);
                } else {
                    bindings.earlier = bindings.all().copied().collect();
                    bindings.last = new;
                }
            }
        }
        self.forget(at, memory);
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
        self.looks_in = match self.looks_in.checked_sub(1) {
            Some(fewer) => fewer,
            None => {
                self.sweep(today);
                SWEEP_EVERY - 1
            }
        };
    }

    #[inline(never)]
    fn sweep(&mut self, today: Day) {
        if let Some(part) = self.parts.get_mut(self.hand) {
            self.count -= part.sweep(self.kept_from, today);
        }
        self.hand = if self.hand + 1 < self.parts.len() { self.hand + 1 } else { 0 };
    }

    /// Notes how an email to a lead ended. An account that never wrote gives the lead back.
    pub(crate) fn ended(&mut self, reservation: &Reservation, was: Fate, counts: bool) {
        let Some(bindings) = self.get_mut(reservation.lead) else { return };
        let today = day(reservation.decided_at);
        bindings.last.touched = today;
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

    /// Unbinds a lead. Its place is freed when it is looked at.
    pub(crate) fn remove(&mut self, lead: LeadId) {
        let nobody = Binding::new(AccountId(0), ReservationId(0), Timestamp::MIN);
        let nobody = Binding { touched: 0, ..nobody };
        if let Some(bindings) = self.get_mut(lead) {
            *bindings = Bindings::new(nobody);
        }
        self.kept_from = self.kept_from.max(1);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn get(&self, lead: LeadId) -> Option<&Bindings> {
        let bindings = self.parts[self.part(lead)?].leads.get(&lead);
        bindings.filter(|bindings| !bindings.is_older(self.kept_from))
    }

    fn get_mut(&mut self, lead: LeadId) -> Option<&mut Bindings> {
        let part = self.part(lead)?;
        let bindings = self.parts[part].leads.get_mut(&lead);
        bindings.filter(|bindings| !bindings.is_older(self.kept_from))
    }

    /// Those that are not forgotten, in any order.
    fn all(&self) -> impl Iterator<Item = (&LeadId, &Bindings)> {
        let all = self.parts.iter().flat_map(|part| &part.leads);
        all.filter(|(_, bindings)| !bindings.is_older(self.kept_from))
    }

    fn insert(&mut self, lead: LeadId, bindings: Bindings, on: Day) {
        let part = self.room_for(lead);
        self.count += usize::from(self.parts[part].insert(lead, bindings, on));
    }

    /// The part that a lead comes to.
    fn room_for(&mut self, lead: LeadId) -> usize {
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        }
        let part = self.part(lead).unwrap_or_default();
        if self.parts[part].leads.len() < PART_MAX || self.count < PART_MIN * self.parts.len() {
            return part;
        }
        self.divide();
        self.part(lead).unwrap_or_default()
    }

    /// Divides the next part: some of its leads go to a new one.
    #[cold]
    fn divide(&mut self) {
        let parts = self.parts.len();
        // Before it all are divided since there were a power of two of them.
        let next = parts - (1 << parts.ilog2());
        let mut new = Part::default();
        new.leads.reserve(PART_MAX / 2);
        self.parts.push(new);
        let mut old = std::mem::take(&mut self.parts[next]);
        self.parts[next].leads = std::mem::take(&mut old.leads);
        while let Some((lead, on)) = old.dequeue() {
            let part = self.part(lead).unwrap_or(next);
            if part == next {
                self.parts[next].enqueue(lead, on);
            } else if let Some(bindings) = self.parts[next].leads.remove(&lead) {
                self.parts[part].insert(lead, bindings, on);
            }
        }
    }

    /// In which part a lead is, if there are parts.
    fn part(&self, lead: LeadId) -> Option<usize> {
        let parts = self.parts.len();
        // Leads with numbers nearby stay together; the bits that place them there are others.
        let mixed = usize::try_from(Mix::of(lead.0 >> 6) >> 40).unwrap_or_default();
        let all = parts.checked_next_power_of_two().filter(|_| parts > 0)?;
        let part = mixed & (all - 1);
        // Those of a part that is not there yet are in the one that will be divided.
        Some(if part < parts { part } else { part - all / 2 })
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
        // As they would have come into the queue.
        all.sort_by_key(|(lead, bindings)| (bindings.last.touched, *lead));
        for (lead, bindings) in all {
            let on = bindings.last.touched;
            leads.insert(lead, bindings, on);
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
            let given = (LeadId(lead * 64), AccountId(lead % 7));
            leads.bind(given, ReservationId(lead), (Timestamp::EPOCH, Span::days(400)));
        }
        assert!(leads.parts.len() > 40, "{} parts", leads.parts.len());
        for lead in 0..20_000 {
            assert_eq!(leads.account(LeadId(lead * 64)), Some(AccountId(lead % 7)));
        }
        assert!(leads.parts.iter().all(|part| part.leads.len() < 2 * PART_MAX), "parts are alike");
        let text = serde_json::to_string(&leads).unwrap();
        assert_eq!(serde_json::from_str::<Leads>(&text).unwrap(), leads);
        assert_eq!(leads.count, 20_000);
        leads.remove(LeadId(64));
        assert_eq!((leads.account(LeadId(64)), leads.account(LeadId(65))), (None, None));
    }

    #[test]
    fn what_is_not_written_to_is_forgotten_and_freed() {
        assert_eq!(size_of::<Binding>(), 32, "the day costs nothing");
        let mut leads = Leads::default();
        let mut now = Timestamp::EPOCH;
        let mut most = 0;
        for lead in 0..100_000 {
            now = now.plus(Span::minutes(1));
            leads.bind((LeadId(lead), AccountId(1)), ReservationId(0), (now, Span::days(3)));
            // One lead is written to again and again.
            leads.bind((LeadId(0), AccountId(1)), ReservationId(0), (now, Span::days(3)));
            most = most.max(leads.count);
            let parts = leads.parts.iter();
            assert!(parts.clone().take(1).all(|part| part.queue.len() == part.leads.len()));
        }
        // Four days are kept at most, and a little more until it is looked at.
        assert!(most < 4 * 1_440 + leads.parts.len() * 4, "{most}, {} parts", leads.parts.len());
        assert_eq!(leads.count, leads.parts.iter().map(|part| part.leads.len()).sum::<usize>());
        assert_eq!(leads.account(LeadId(0)), Some(AccountId(1)));
        let kept = (0..100_000).filter(|lead| leads.account(LeadId(*lead)).is_some()).count();
        assert!((3 * 1_440..=4 * 1_440 + 1).contains(&kept), "{kept}");
        let again = serde_json::from_str::<Leads>(&serde_json::to_string(&leads).unwrap());
        assert_eq!(again.unwrap(), leads);
    }
}
