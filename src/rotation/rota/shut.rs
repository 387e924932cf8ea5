//! Accounts of one campaign whose windows close at one instant: nobody of them is looked at when
//! they do while all of the campaign are shut, and a few at a time once they are open again.
//!
//! At the end of a working day everybody is shut at once. That is known beforehand, so the campaign
//! as a whole is, until the first window opens. Somebody is looked at only to tell who may send
//! first. If others may send meanwhile, those that are shut have to leave, each by itself. Knows
//! instants and members; what is sure of an account is found elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::rotation::containers::table::Slot;
use crate::rotation::rota::Rota;
use crate::rotation::rota::closing::Closing;
use crate::rotation::rota::lens::Lens;
use crate::rotation::rota::seat::are_few;
use crate::rotation::turns::standing::Member;
use crate::vocab::{AccountId, Timestamp};

/// More instants at which windows close are not kept together; those accounts are looked at.
const INSTANTS_MAX: usize = 64;

/// So many are looked at in one call once their windows are open again, unless told otherwise.
pub(crate) const LOOKS_MAX: usize = 16;

/// Those whose windows close at one instant.
#[derive(Clone, Debug)]
struct Group {
    /// When the first of their windows opens again, and the last.
    opens_at: Timestamp,
    all_open_at: Timestamp,
    /// From the last opening until then all take part, as far as is sure.
    until: Timestamp,
    members: BTreeSet<Member>,
}

/// What a group is at an instant after its windows closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody may send.
    Shut,
    /// All take part, as before.
    Open,
    /// Each has to be looked at.
    Over,
}

impl Group {
    fn phase(&self, now: Timestamp) -> Phase {
        if now < self.opens_at {
            Phase::Shut
        } else if (self.all_open_at..self.until).contains(&now) {
            Phase::Open
        } else {
            Phase::Over
        }
    }
}

/// All that take part in a rotation and whose closing is sure, by when it is.
#[derive(Clone, Debug)]
pub(crate) struct Shut {
    groups: BTreeMap<Timestamp, Group>,
    first_at: Timestamp,
}

impl Default for Shut {
    fn default() -> Self {
        Self { groups: BTreeMap::new(), first_at: Timestamp::MAX }
    }
}

impl Shut {
    /// When the first windows close that nobody has looked at since.
    pub(crate) fn first_at(&self) -> Timestamp {
        self.first_at
    }

    /// Takes a member in. Says whether it is in.
    fn add(
        &mut self,
        closes_at: Timestamp,
        Closing { opens_at, until }: Closing,
        member: Member,
    ) -> bool {
        if self.groups.len() >= INSTANTS_MAX && !self.groups.contains_key(&closes_at) {
            return false;
        }
        let group = self.groups.entry(closes_at).or_insert_with(|| Group {
            opens_at,
            all_open_at: opens_at,
            until,
            members: BTreeSet::new(),
        });
        group.opens_at = group.opens_at.min(opens_at);
        group.all_open_at = group.all_open_at.max(opens_at);
        group.until = group.until.min(until);
        group.members.insert(member);
        self.first_at = self.first_at.min(closes_at);
        true
    }

    fn remove(&mut self, closes_at: Timestamp, member: Member) {
        let Some(group) = self.groups.get_mut(&closes_at) else { return };
        group.members.remove(&member);
        self.drop_empty(closes_at);
    }

    fn drop_empty(&mut self, closes_at: Timestamp) {
        if self.groups.get(&closes_at).is_some_and(|group| group.members.is_empty()) {
            self.groups.remove(&closes_at);
            self.first_at =
                self.groups.first_key_value().map_or(Timestamp::MAX, |(closes_at, _)| *closes_at);
        }
    }

    /// Those whose windows have closed, and how far they are since.
    fn closed(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, &Group, Phase)> {
        let closed = self.groups.range(..=now);
        closed.map(move |(closes_at, group)| (*closes_at, group, group.phase(now)))
    }

    /// How many are shut.
    fn count(&self, now: Timestamp) -> usize {
        let shut = self.closed(now).filter(|(_, _, phase)| *phase == Phase::Shut);
        shut.map(|(_, group, _)| group.members.len()).sum()
    }

    /// The first of them that are that far, and how far.
    fn find(&self, now: Timestamp, is: impl Fn(Phase) -> bool) -> Option<(Timestamp, Phase)> {
        let mut closed = self.closed(now).map(|(closes_at, _, phase)| (closes_at, phase));
        closed.find(|(_, phase)| is(*phase))
    }

    fn take(&mut self, closes_at: Timestamp) -> Option<Member> {
        let member = self.groups.get_mut(&closes_at)?.members.pop_first();
        self.drop_empty(closes_at);
        member
    }
}

impl Rota {
    /// Notes until when an account that takes part needs no look.
    #[inline]
    pub(super) fn note_outlook(&mut self, lens: &Lens<'_>, row: Slot, flips_at: Timestamp) {
        if lens.closings.is_empty() || !self.note_closing(lens, row, flips_at) {
            self.note_flip(row, flips_at);
        }
    }

    /// Keeps an account together with others whose windows close then, if its window does. Says
    /// whether it is.
    #[inline(never)]
    fn note_closing(&mut self, lens: &Lens<'_>, row: Slot, flips_at: Timestamp) -> bool {
        let stands_apart = self.scans || are_few(&self.seats);
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return false };
        let closing = lens.closings.get(seat.account.index()).copied().unwrap_or(Closing::UNSURE);
        let (member, closes) = ((seat.id, row), closing.is_sure() && !stands_apart);
        if seat.shuts && !(closes && seat.flips_at == flips_at) {
            self.forget_closing(row);
        }
        if !closes || !self.shut.add(flips_at, closing, member) {
            return false;
        }
        if let Some(Some(seat)) = self.seats.get_mut(row.index()) {
            (seat.shuts, seat.flips_at) = (true, flips_at);
        }
        self.calm_until = self.calm_until.min(flips_at);
        true
    }

    /// Forgets when the window of an account closes that takes no part any more.
    pub(super) fn forget_closing(&mut self, row: Slot) {
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return };
        if std::mem::take(&mut seat.shuts) {
            self.shut.remove(seat.flips_at, (seat.id, row));
            seat.flips_at = Timestamp::MAX;
        }
    }

    /// Forgets that of everybody.
    pub(super) fn forget_closings(&mut self) {
        self.shut = Shut::default();
        for seat in self.seats.iter_mut().flatten() {
            if std::mem::take(&mut seat.shuts) {
                seat.flips_at = Timestamp::MAX;
            }
        }
    }

    /// Whether everybody who takes part is shut, and nobody was looked at for that.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn is_shut(&self, now: Timestamp) -> bool {
        self.shut.first_at <= now && self.all_are_shut(now)
    }

    #[cold]
    fn all_are_shut(&self, now: Timestamp) -> bool {
        self.shut.count(now) == self.parts
    }

    /// Whose outlook has to be looked at because its window has closed: of those that are shut
    /// nobody while all are, and of those that are open again a `few`.
    pub(crate) fn shut_by_now(&mut self, now: Timestamp, few: &mut usize) -> Option<(Slot, Slot)> {
        if self.shut.first_at > now {
            return None;
        }
        let all = self.is_shut(now);
        let (closes_at, phase) = self.shut.find(now, |phase| match phase {
            Phase::Shut => !all,
            Phase::Open => *few > 0,
            Phase::Over => true,
        })?;
        if phase == Phase::Open {
            *few -= 1;
        }
        self.take_shut(closes_at)
    }

    /// One of those that are shut, if there are any.
    pub(crate) fn next_shut(&mut self, now: Timestamp) -> Option<(Slot, Slot)> {
        let (closes_at, _) = self.shut.find(now, |phase| phase == Phase::Shut)?;
        self.take_shut(closes_at)
    }

    /// Where everybody is shut, the one who may be able to send before the one that was found.
    pub(crate) fn shut_before(
        &mut self,
        found: Option<(Timestamp, AccountId)>,
        now: Timestamp,
    ) -> Option<(Slot, Slot)> {
        if !self.is_shut(now) {
            return None;
        }
        let shut = self.shut.closed(now).filter(|(_, _, phase)| *phase == Phase::Shut);
        let firsts = shut.filter_map(|(closes_at, group, _)| {
            Some(((group.opens_at, group.members.first()?.0), closes_at))
        });
        let (first, closes_at) = firsts.min()?;
        if found.is_some_and(|found| found < first) {
            return None;
        }
        self.take_shut(closes_at)
    }

    /// Takes the first by number out of those whose windows closed together. It must be looked at.
    fn take_shut(&mut self, closes_at: Timestamp) -> Option<(Slot, Slot)> {
        let (_, row) = self.shut.take(closes_at)?;
        let seat = self.seats.get_mut(row.index())?.as_mut()?;
        (seat.shuts, seat.flips_at) = (false, Timestamp::MAX);
        Some((row, seat.account))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::policy::{Account, Campaign, Schedule};
    use crate::rotation::index::Index;
    use crate::rotation::{Config, Engine, Outcome, Request};
    use crate::vocab::{CampaignId, LeadId, OwnerId, Span};

    impl Index {
        /// Sees that what is noted of those that are shut, or will be, is what is known of each.
        /// Says how many are shut and looked at by nobody, and how many are open again.
        pub(crate) fn check_shut(&mut self, campaign: Slot) -> [usize; 2] {
            let now = self.now;
            let (outlooks, closings) = (self.outlooks.clone(), self.closings.clone());
            let rota = self.rota(campaign);
            let seats = || rota.seats.iter().flatten();
            assert_eq!(rota.parts, seats().filter(|seat| seat.place.takes_part()).count());
            let members = rota.shut.groups.values().map(|group| group.members.len());
            assert_eq!(members.sum::<usize>(), seats().filter(|seat| seat.shuts).count());
            for seat in seats().filter(|seat| seat.shuts) {
                let group = &rota.shut.groups[&seat.flips_at];
                assert!(group.members.iter().any(|(id, _)| *id == seat.id));
                assert!(seat.place.takes_part(), "{seat:?}");
                let closing = closings[seat.account.index()];
                assert!(closing.is_sure(), "{seat:?}");
                assert_eq!(outlooks[seat.account.index()].flips_at, seat.flips_at);
                assert!((group.opens_at..=group.all_open_at).contains(&closing.opens_at));
                assert!(group.until <= closing.until);
            }
            [Phase::Shut, Phase::Open].map(|phase| {
                let groups = rota.shut.closed(now).filter(|(_, _, of)| *of == phase);
                groups.map(|(_, group, _)| group.members.len()).sum()
            })
        }
    }

    #[test]
    fn at_the_end_of_the_day_one_is_looked_at_and_in_the_morning_a_few() {
        let accounts = 1_200;
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(4);
        let mut engine = Engine::new(Config::default());
        for id in 0..accounts {
            let account = Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"))
                .spacing(Span::minutes(5))
                .schedule(Schedule::working_days("09:00", "17:00").unwrap());
            engine.add_account(account, start).unwrap();
        }
        engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), start).unwrap();
        let all: Vec<_> = (0..accounts).map(AccountId).collect();
        engine.attach(CampaignId(1), &all, start).unwrap();
        let mut lead = 0;
        let mut ask = |engine: &mut Engine, now| {
            lead += 1;
            engine.reserve(CampaignId(1), &Request::new_lead(LeadId(lead)), now).unwrap()
        };
        let campaign = engine.state.campaigns.slot(&CampaignId(1)).unwrap();
        for day in 0..3 {
            let morning = start + TimeDelta::days(day) + TimeDelta::hours(9);
            for nth in 0..accounts {
                let granted = ask(&mut engine, morning).reserved().unwrap().id;
                engine.settle(granted, Outcome::Sent, morning).unwrap();
                if nth % 50 > 0 {
                    continue;
                }
                let [shut, open] = engine.index.check_shut(campaign);
                assert_eq!(shut, 0);
                let looked_at = LOOKS_MAX * usize::try_from(nth + 1).unwrap() + 1;
                if day > 0 {
                    assert!(open >= 1_200_usize.saturating_sub(2 * looked_at), "{nth}: {open}");
                }
            }
            let evening = morning + TimeDelta::hours(8);
            for _ in 0..3 {
                let wait = ask(&mut engine, evening).until().unwrap();
                assert_eq!(wait, morning + TimeDelta::days(1));
                assert_eq!(engine.index.check_shut(campaign), [1_199, 0]);
            }
        }
    }
}
