//! Rows of a large pool that rest until different instants: they lie in slices of time.
//!
//! Brought up one by one, all of them would come up in the first call after a long silence. So
//! those of one weight whose rest ends in one slice of time lie in a run, each where it will stand.
//! Once the slice is over its runs come in as they are; while it lasts, who may send again comes up
//! alone. Knows instants, not why they rest.

use std::collections::VecDeque;

use crate::rotation::containers::pile::Pile;
use crate::rotation::turns::asleep::has_room;
use crate::rotation::turns::standing::Member;
use crate::vocab::{Span, Timestamp};

/// A rest of any length ends in one of so many slices at least, and of twice as many at most.
const FINENESS: u64 = 64;

/// There are so many slices at a time.
const SLICES_MAX: usize = 256;

/// Those whose rest ends in one slice of time.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// Its last instant.
    pub(super) until: Timestamp,
    pub(super) runs: Vec<u32>,
    /// The least is the next to come up, if it still lies here.
    pub(super) by_instant: Pile<(Timestamp, Member)>,
}

/// Slices of one length, which is a power of two milliseconds, by time.
#[derive(Clone, Debug)]
struct Lane {
    bits: u32,
    slices: VecDeque<Slice>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slices {
    lanes: Vec<Lane>,
    count: usize,
    /// How often it is noted that somebody lies.
    pub(super) noted: usize,
}

/// In which slice a rest ends: its length and its last instant.
pub(super) fn slice_of(ready_at: Timestamp, now: Timestamp) -> (u32, Timestamp) {
    let bits = (ready_at.since(now).as_ms() / FINENESS).checked_ilog2().unwrap_or(0);
    let length = 1_i64 << bits;
    let last = Span::milliseconds(length.unsigned_abs() - 1);
    (bits, ready_at.floor(length).plus(last))
}

impl Slices {
    /// When the first of them comes up, about; the last instant if nobody lies.
    #[inline]
    pub(super) fn ends_at(&self) -> Timestamp {
        if self.noted == 0 { Timestamp::MAX } else { self.first_end() }
    }

    fn first_end(&self) -> Timestamp {
        let firsts = self.lanes.iter().filter_map(|lane| {
            lane.slices.iter().find_map(|slice| Some(slice.by_instant.first()?.0))
        });
        firsts.min().unwrap_or(Timestamp::MAX)
    }

    /// The slice, if there is one or may be.
    pub(super) fn slice(&mut self, bits: u32, until: Timestamp) -> Option<&mut Slice> {
        let lane = self.lanes.iter().position(|lane| lane.bits == bits);
        let lane = lane.unwrap_or_else(|| {
            self.lanes.push(Lane { bits, slices: VecDeque::new() });
            self.lanes.len() - 1
        });
        let slices = &mut self.lanes[lane].slices;
        let nth = slices.partition_point(|slice| slice.until < until);
        if slices.get(nth).is_none_or(|slice| slice.until > until) {
            if self.count == SLICES_MAX || until == Timestamp::MAX {
                return None;
            }
            self.count += 1;
            slices.insert(nth, Slice { until, runs: Vec::new(), by_instant: Pile::default() });
        }
        let slice = slices.get_mut(nth)?;
        has_room(slice.runs.len(), slice.by_instant.len()).then_some(slice)
    }

    /// Takes out a slice that is over by now.
    pub(super) fn take_over(&mut self, now: Timestamp) -> Option<Slice> {
        if self.count == 0 {
            return None;
        }
        let over = |lane: &&mut Lane| lane.slices.front().is_some_and(|slice| slice.until <= now);
        let slice = self.lanes.iter_mut().find(over)?.slices.pop_front()?;
        self.count -= 1;
        self.noted -= slice.by_instant.len();
        Some(slice)
    }

    /// Takes out one that may send by now, if it still lies here.
    pub(super) fn pop_by(&mut self, now: Timestamp) -> Option<(Timestamp, Member)> {
        if self.noted == 0 {
            return None;
        }
        let found = self.lanes.iter_mut().find_map(|lane| {
            let of = &mut lane.slices.front_mut()?.by_instant;
            of.first().is_some_and(|(at, _)| *at <= now).then(|| of.pop())?
        });
        self.noted -= usize::from(found.is_some());
        found
    }

    /// The first by instant, then by number.
    #[inline]
    pub(super) fn first(
        &mut self,
        lies: impl Fn(Timestamp, Member) -> bool,
    ) -> Option<(Timestamp, Member)> {
        if self.noted == 0 { None } else { self.first_noted(lies) }
    }

    fn first_noted(
        &mut self,
        lies: impl Fn(Timestamp, Member) -> bool,
    ) -> Option<(Timestamp, Member)> {
        let Self { lanes, noted, .. } = self;
        let firsts = lanes.iter_mut().filter_map(|lane| {
            lane.slices.iter_mut().find_map(|Slice { by_instant, .. }| {
                while by_instant.first().is_some_and(|(at, member)| !lies(*at, *member)) {
                    by_instant.pop();
                    *noted -= 1;
                }
                by_instant.first().copied()
            })
        });
        firsts.min()
    }

    /// Drops notes of rows that lie no longer, if they are many.
    pub(super) fn drop_unrested(&mut self, most: usize, lies: impl Fn(Timestamp, Member) -> bool) {
        if self.noted <= most {
            return;
        }
        self.noted = 0;
        for slice in self.lanes.iter_mut().flat_map(|lane| &mut lane.slices) {
            slice.by_instant.retain(|(at, member)| lies(*at, *member));
            self.noted += slice.by_instant.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::policy::{Account, Campaign};
    use crate::rotation::rota::Rota;
    use crate::rotation::rota::seat::Place;
    use crate::rotation::{Config, Engine, Outcome, Request};
    use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, Weight};

    const ACCOUNTS: u64 = 400;

    /// An account's spacing is ten to twenty minutes, and each has another. From the four
    /// thousandth on they have the first turns.
    fn engine(now: DateTime<Utc>) -> Engine {
        let mut engine = engine_of(ACCOUNTS, now);
        rota(&mut engine).sliced_min = 0;
        engine
    }

    fn engine_of(accounts: u64, now: DateTime<Utc>) -> Engine {
        let mut engine = Engine::new(Config::default());
        let all: Vec<_> = (0..accounts).map(AccountId).collect();
        for id in &all {
            let account = Account::new(*id, OwnerId(1), format!("a{id}@acme.example"));
            let spacing = Span::seconds(600 + id.0 * 7 % 600);
            let cap = if id.0 < 4_000 { 900 } else { 901 };
            engine.add_account(account.daily_cap(cap).spacing(spacing), now).unwrap();
        }
        engine.add_campaign(Campaign::new(CampaignId(0), OwnerId(1)), now).unwrap();
        engine.attach(CampaignId(0), &all, now).unwrap();
        engine
    }

    fn rota(engine: &mut Engine) -> &mut Rota {
        let slot = engine.state.campaigns.slot(&CampaignId(0)).unwrap();
        engine.index.rota(slot)
    }

    fn send(engine: &mut Engine, lead: u64, now: DateTime<Utc>) -> Option<AccountId> {
        let pick = engine.reserve(CampaignId(0), &Request::new_lead(LeadId(lead)), now).unwrap();
        let granted = pick.reserved()?.clone();
        engine.settle(granted.id, Outcome::Sent, now).unwrap();
        Some(granted.account)
    }

    /// How many lie in the order, and how many came into it as they lay.
    fn lie(engine: &mut Engine) -> (usize, usize) {
        let now = engine.index.now;
        let seats = rota(engine).seats.iter().flatten();
        let until = seats.filter_map(|seat| match seat.place {
            Place::Asleep { until, .. } => Some(until),
            Place::Absent { .. }
            | Place::Leaving { .. }
            | Place::Nowhere
            | Place::Scanned
            | Place::Turns
            | Place::Waiting(_) => None,
        });
        let (up, lying): (Vec<_>, Vec<_>) = until.partition(|until| *until <= now);
        (lying.len(), up.len())
    }

    #[test]
    fn after_a_silence_those_that_rested_come_up_as_they_lie() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut engine = engine(now);
        for round in 0..3 {
            let leads = (0..ACCOUNTS).map(|lead| round * 1_000 + lead);
            let sent = leads.filter(|lead| send(&mut engine, *lead, now).is_some()).count();
            assert!(sent > 390, "round {round}: {sent} sent");
            let (lying, _) = lie(&mut engine);
            assert!(lying > 350, "round {round}: {lying} lie");
            // Some of them have rested by now, and come up one by one.
            now += TimeDelta::minutes(15);
            assert!(send(&mut engine, round * 1_000 + 900, now).is_some());
            let (lying, up) = lie(&mut engine);
            assert!(lying < 220 && (150..220).contains(&up), "round {round}: {lying}, {up}");
            now += TimeDelta::hours(1);
            assert!(send(&mut engine, round * 1_000 + 901, now).is_some());
            let (lying, up) = lie(&mut engine);
            assert!(lying <= 1 && up > 350, "round {round}: {lying} lie and {up} came up");
        }
    }

    /// They often rest anew before they are up: what lies there would be looked at in vain.
    #[test]
    fn accounts_of_several_campaigns_lie_in_no_slices() {
        let now = DateTime::UNIX_EPOCH;
        for (shared, lies) in [(ACCOUNTS / 4, true), (ACCOUNTS, false)] {
            let mut engine = engine(now);
            let shared: Vec<_> = (0..shared).map(AccountId).collect();
            engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
            engine.attach(CampaignId(1), &shared, now).unwrap();
            let sent = (0..ACCOUNTS).filter(|lead| send(&mut engine, *lead, now).is_some()).count();
            assert!(sent > 390, "{sent} sent");
            assert_eq!(lie(&mut engine).0 > 300, lies, "{} shared", shared.len());
            assert!(send(&mut engine, 900, now + TimeDelta::hours(1)).is_some());
        }
    }

    /// As in the engine that was written down, those of several campaigns lie in none.
    #[test]
    fn a_restored_engine_lets_those_lie_that_lay() {
        let now = DateTime::UNIX_EPOCH;
        for (shared, lies) in [(1, true), (5_000, false)] {
            let mut engine = engine_of(5_000, now);
            let shared: Vec<_> = (0..shared).map(AccountId).collect();
            engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
            engine.attach(CampaignId(1), &shared, now).unwrap();
            let sent = (0..900).filter(|lead| send(&mut engine, *lead, now).is_some()).count();
            let mut again = Engine::restore(engine.snapshot()).unwrap();
            let lying = [&mut engine, &mut again].map(|engine| lie(engine).0);
            let most = lying.map(|lying| lying > 800);
            assert_eq!((sent, most), (900, [lies; 2]), "{lying:?} of {} shared", shared.len());
        }
    }

    #[test]
    fn slices_are_left_as_time_goes_by_and_nobody_is_noted_for_long() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut engine = engine(now);
        let mut lead = 0;
        for _ in 0..5_000 {
            lead += 1;
            if send(&mut engine, lead, now).is_none() {
                let request = Request::new_lead(LeadId(lead));
                let pick = engine.reserve(CampaignId(0), &request, now).unwrap();
                now = pick.until().unwrap();
            }
        }
        let runs = rota(&mut engine).turns.many.as_ref().unwrap();
        let (slices, noted, open) = (runs.slices.count, runs.slices.noted, runs.count());
        assert!(slices < 200 && noted <= 400 && open < 300, "{slices}, {noted}, {open}");
        // An account that rests is noted again with each change.
        let present = engine.index.now;
        let lies = |place| matches!(place, Place::Asleep { until, .. } if until > present);
        let seats = rota(&mut engine).seats.iter().flatten();
        let lying = seats.filter(|seat| lies(seat.place)).map(|seat| seat.id).next().unwrap();
        let account = engine.account(lying).unwrap().clone();
        let account = account.weight(Weight::new(7).unwrap());
        for n in 0..3_000_u32 {
            let spacing = Span::seconds(4_000 - u64::from(n));
            engine.change_account(account.clone().spacing(spacing), now).unwrap();
        }
        let runs = rota(&mut engine).turns.many.as_ref().unwrap();
        assert!(runs.slices.noted <= 2 * 400 + 64, "{} notes", runs.slices.noted);
    }
}
