//! Small campaigns whose accounts are shared: everybody is gone through, and no order is kept.
//!
//! What an account sends elsewhere moves it here, too, and makes it pause. In an order each of
//! those that moved has to come up and be put where it belongs before it is sure whose turn it is;
//! where they are few, going through their outlooks is far cheaper. Gives the answers that the
//! order gives.

use crate::rotation::containers::table::Slot;
use crate::rotation::rota::Rota;
use crate::rotation::rota::lens::{Lens, spot};
use crate::rotation::rota::seat::{Place, Seat};
use crate::rotation::state::exclusion::Exclusion;
use crate::rotation::turns::standing::{Spot, Ticket};
use crate::vocab::{AccountId, Timestamp};

/// Up to so many accounts are gone through.
pub(crate) const SCANNED_MAX: usize = 128;

impl Rota {
    /// Whether everybody should be gone through, and is not, or the other way about.
    #[inline]
    pub(crate) fn is_to_change(&self, is_small: impl FnOnce() -> bool) -> bool {
        (self.shared > 0 && is_small()) != self.scans
    }

    /// Goes through accounts from now on, or keeps them in order again.
    #[cold]
    pub(crate) fn change(&mut self, lens: &mut Lens<'_>) {
        self.scans = !self.scans;
        (self.turns, self.waiting, self.out) = Default::default();
        self.forget_closings();
        for row in (0..self.seats.len()).filter_map(|row| u32::try_from(row).ok()) {
            let row = Slot::from_number(row);
            let Some(Some(seat)) = self.seats.get_mut(row.index()) else { continue };
            match seat.place {
                Place::Asleep { .. } | Place::Scanned | Place::Turns | Place::Waiting(_) => {
                    (seat.place, seat.ticket) = (Place::Nowhere, Ticket::NONE);
                    self.parts -= 1;
                    self.sit(lens, row);
                }
                Place::Absent { .. } | Place::Leaving { .. } | Place::Nowhere => {}
            }
        }
    }

    /// Those that take part and go on doing so.
    fn scanned(&self) -> impl Iterator<Item = (Slot, &Seat)> {
        let seats = (0..).zip(&self.seats).filter_map(|(row, seat)| Some((row, seat.as_ref()?)));
        let scanned = seats.filter(|(_, seat)| seat.place == Place::Scanned);
        scanned.map(|(row, seat)| (Slot::from_number(row), seat))
    }

    /// Those of them that may send now, and where they stand.
    fn ready(&self, lens: &Lens<'_>) -> impl Iterator<Item = (Slot, Spot)> {
        self.scanned().filter_map(|(row, seat)| {
            let outlook = lens.outlooks.get(seat.account.index())?;
            let attachment = lens.attached.at(row)?;
            outlook.is_ready(lens.now).then(|| (row, spot(seat.id, outlook, attachment)))
        })
    }

    /// Of those whose start has come the one with the earliest deadline.
    #[inline(never)]
    pub(super) fn scan_eligible(&self, lens: &Lens<'_>) -> Option<Slot> {
        let eligible = self.ready(lens).filter(|(_, spot)| spot.start <= lens.virtual_time);
        let first = eligible.min_by_key(|(_, spot)| (spot.deadline, spot.id));
        first.map(|(row, _)| row)
    }

    /// Of those whose start has not come the one whose start comes first.
    #[inline(never)]
    pub(super) fn scan_ahead(&self, lens: &Lens<'_>) -> Option<Slot> {
        let ahead = self.ready(lens).filter(|(_, spot)| spot.start > lens.virtual_time);
        let first = ahead.min_by_key(|(_, spot)| *spot);
        first.map(|(row, _)| row)
    }

    /// The first that may send of those that are not excluded, and when.
    #[inline(never)]
    pub(super) fn scan_waiting(
        &self,
        lens: &Lens<'_>,
        excluded: Exclusion<'_>,
    ) -> Option<(Timestamp, AccountId)> {
        let allowed = self.scanned().filter(|(_, seat)| !excluded.has(seat.id));
        allowed.map(|(_, seat)| (lens.outlooks[seat.account.index()].ready_at, seat.id)).min()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, TimeDelta, Utc};

    use crate::policy::{Account, Campaign, Schedule};
    use crate::rotation::{Config, Engine, Mode, Outcome, Request};
    use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, ReservationId, Span};

    const ACCOUNTS: u64 = 24;
    const CAMPAIGNS: u64 = 3;

    /// An engine that goes through up to so many accounts.
    fn engine(scanned_max: usize, now: DateTime<Utc>) -> Engine {
        let mut engine = Engine::new(Config::default());
        engine.index.scanned_max = scanned_max;
        let office = Schedule::working_days("08:00", "20:00").unwrap();
        for id in 0..ACCOUNTS {
            let account = Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"))
                .daily_cap(u32::try_from(8 + id % 3 * 20).unwrap())
                .spacing(Span::minutes(id % 4 * 7));
            let account = if id % 5 == 0 { account.schedule(office.clone()) } else { account };
            engine.add_account(account, now).unwrap();
        }
        for id in 0..CAMPAIGNS {
            engine.add_campaign(Campaign::new(CampaignId(id), OwnerId(1)), now).unwrap();
        }
        engine
    }

    /// One history on two engines, of which one keeps everybody in order and the other goes through
    /// campaigns that are shared and have few accounts.
    fn both_answer_alike(seed: u64) {
        let mut drawn = seed;
        let mut draw = |most: u64| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (drawn >> 33) % most
        };
        let mut now = DateTime::UNIX_EPOCH + TimeDelta::days(4);
        let mut engines = [0, 10].map(|scanned_max| engine(scanned_max, now));
        let (mut open, mut lead): (Vec<ReservationId>, u64) = (Vec::new(), 0);
        let (mut scanned, mut changes) = (BTreeMap::new(), 0);
        for step in 0..3_000 {
            now += TimeDelta::seconds(i64::try_from(draw(4) * draw(200)).unwrap());
            let (campaign, account) = (CampaignId(draw(CAMPAIGNS)), AccountId(draw(ACCOUNTS)));
            let what = draw(40);
            let chosen = draw(1 + open.len() as u64);
            let chosen = usize::try_from(chosen).ok().filter(|n| *n < open.len());
            let ended =
                if (20..32).contains(&what) { chosen.map(|n| open.remove(n)) } else { None };
            let excluded =
                if draw(3) == 0 { vec![account, AccountId(draw(ACCOUNTS))] } else { vec![] };
            lead += 1;
            let answers = engines.each_mut().map(|engine| match (what, ended) {
                (0..20, _) => {
                    let request = Request::new_lead(LeadId(lead)).excluding(excluded.clone());
                    format!("{:?}", engine.reserve(campaign, &request, now))
                }
                (20..30, Some(id)) => format!("{:?}", engine.settle(id, Outcome::Sent, now)),
                (30..32, Some(id)) => format!("{:?}", engine.cancel(id, now)),
                (32..36, _) => {
                    format!(
                        "{:?}",
                        engine.attach_with(campaign, &[account], Mode::EachThatCan, now)
                    )
                }
                (36..38, _) => format!("{:?}", engine.detach(campaign, &[account], now)),
                (38, _) => {
                    let found = engine.account(account).unwrap().clone();
                    let cap = if found.daily_cap > 20 { 3 } else { 40 };
                    format!("{:?}", engine.change_account(found.daily_cap(cap), now))
                }
                (39, _) => {
                    let found = engine.account(account).unwrap().clone();
                    let suspended = !found.suspended;
                    format!("{:?}", engine.change_account(found.suspended(suspended), now))
                }
                (_, _) => String::new(),
            });
            assert_eq!(answers[0], answers[1], "seed {seed}, step {step}, {campaign:?}, {what}");
            let granted = engines[0].state.reservations.last().map(|granted| granted.id);
            open.extend(
                granted.filter(|id| answers[0].contains("Reserved(") && !open.contains(id)),
            );
            let slot = engines[1].state.campaigns.slot(&campaign).unwrap();
            let scans = engines[1].index.rota(slot).scans;
            let before = scanned.insert(campaign, scans);
            changes += u32::from(before.is_some_and(|before| before != scans));
        }
        assert!(changes > 4, "seed {seed} changed {changes} times between the two ways");
    }

    #[test]
    fn who_are_gone_through_are_asked_like_those_in_order() {
        for seed in 0..40 {
            both_answer_alike(seed);
        }
    }
}
