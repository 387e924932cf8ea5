//! Which account writes to a lead: bound when the first email goes, kept for all that follow, and
//! forgotten long after the last.
//!
//! Knows one campaign's leads. Whether an account is gone is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rotation::event::Reserved;
use crate::rotation::lookup::{Mix, Nearby};
use crate::rotation::reservation::{Fate, Reservation};
use crate::vocab::{AccountId, LeadId, ReservationId, Span, Timestamp};

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
    /// The day on which an email to the lead was last reserved or ended, or it was given away.
    touched: Day,
    /// Whether the lead was given to it by hand.
    given: bool,
}

/// A day of universal time. The first of the year 1 is 1, and nothing was ever touched on day 0.
type Day = u32;

fn day(at: Timestamp) -> Day {
    let days = at.since(Timestamp::MIN).as_ms() / Span::days(1).as_ms();
    Day::try_from(days + 1).unwrap_or(Day::MAX)
}

impl Binding {
    fn new(account: AccountId, since: ReservationId, at: Timestamp) -> Self {
        Self { account, since, open: 0, counted: 0, touched: day(at), given: false }
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

    /// Whether nothing of the lead was touched on that day or later, and nothing is out.
    fn is_older(&self, than: Day) -> bool {
        self.last.touched < than && self.all().all(|binding| binding.open == 0)
    }

    fn of(mut all: Vec<Binding>) -> Option<Self> {
        Some(Self { last: all.pop()?, earlier: all.into() })
    }
}

/// One part of a campaign's leads grows to so many, then there are [`PARTS`] of them, so that no
/// single call has to move many.
const PART_MAX: usize = 4_096;
const PARTS: usize = 256;

/// How many leads one email may make a campaign look at, to forget those that are due.
const LOOKS: usize = 4;

/// A campaign's leads.
///
/// A lead is forgotten when an email of its campaign is reserved, or a lead given away, that many
/// days after it was last touched. That is told by the days alone; when its memory is freed is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads {
    parts: Vec<Part>,
    /// What was last touched before this day is forgotten, unless something is out.
    kept_from: Day,
    /// The part that was looked at last.
    hand: usize,
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
    /// Adds a lead, or writes over what is there.
    fn insert(&mut self, lead: LeadId, bindings: Bindings, on: Day) {
        if self.leads.insert(lead, bindings).is_none() {
            self.enqueue(lead, on);
        }
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
    /// is put there again.
    fn sweep(&mut self, kept_from: Day, today: Day) {
        for _ in 0..LOOKS {
            if self.queued.front().is_none_or(|(day, _)| *day >= kept_from) {
                return;
            }
            let Some((lead, _)) = self.dequeue() else { return };
            if self.leads.get(&lead).is_some_and(|bindings| !bindings.is_older(kept_from)) {
                self.enqueue(lead, today);
            } else {
                self.leads.remove(&lead);
            }
        }
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
    pub(crate) fn reserved(&mut self, reserved: &Reserved, at: Timestamp, memory: Span) {
        let lead = reserved.request.lead;
        let new = Binding::new(reserved.account, reserved.reservation, at);
        let new = Binding { open: 1, ..new };
        match self.get_mut(lead) {
            None => self.insert(lead, Bindings::new(new), day(at)),
            Some(bindings) if bindings.last.account == reserved.account => {
                bindings.last.open += 1;
                bindings.last.touched = day(at);
            }
            Some(bindings) => {
                bindings.earlier = bindings.all().copied().collect();
                bindings.last = new;
            }
        }
        self.forget(at, memory);
    }

    /// Forgets what is due, and frees some of it in the part whose turn it is.
    fn forget(&mut self, at: Timestamp, memory: Span) {
        let days = memory.as_ms().div_ceil(Span::days(1).as_ms());
        let days = Day::try_from(days).unwrap_or(Day::MAX);
        self.kept_from = self.kept_from.max(day(at).saturating_sub(days));
        self.hand = if self.hand + 1 < self.parts.len() { self.hand + 1 } else { 0 };
        if let Some(part) = self.parts.get_mut(self.hand) {
            part.sweep(self.kept_from, day(at));
        }
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
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        } else if self.parts.len() == 1 && self.parts[0].leads.len() >= PART_MAX {
            let mut all = std::mem::take(&mut self.parts[0]);
            self.parts = vec![Part::default(); PARTS];
            while let Some((lead, on)) = all.dequeue() {
                if let Some(bindings) = all.leads.remove(&lead) {
                    self.insert(lead, bindings, on);
                }
            }
        }
        if let Some(part) = self.part(lead) {
            self.parts[part].insert(lead, bindings, on);
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
        assert_eq!(leads.parts.len(), PARTS);
        for lead in 0..20_000 {
            assert_eq!(leads.account(LeadId(lead * 64)), Some(AccountId(lead % 7)));
        }
        assert!(leads.parts.iter().all(|part| part.leads.len() < 300), "parts are alike");
        let text = serde_json::to_string(&leads).unwrap();
        assert_eq!(serde_json::from_str::<Leads>(&text).unwrap(), leads);
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
            most = most.max(leads.parts.iter().map(|part| part.leads.len()).sum());
            let parts = leads.parts.iter();
            assert!(parts.clone().take(1).all(|part| part.queue.len() == part.leads.len()));
        }
        // Four days are kept at most, and a little more until it is looked at.
        assert!(most < 4 * 1_440 + PARTS * 4, "{most}");
        assert_eq!(leads.account(LeadId(0)), Some(AccountId(1)));
        let kept = (0..100_000).filter(|lead| leads.account(LeadId(*lead)).is_some()).count();
        assert!((3 * 1_440..=4 * 1_440 + 1).contains(&kept), "{kept}");
        let again = serde_json::from_str::<Leads>(&serde_json::to_string(&leads).unwrap());
        assert_eq!(again.unwrap(), leads);
    }
}
