//! Where each account of a campaign is: what its rota notes of it.
//!
//! Knows one row at a time, and no order.

use crate::rotation::containers::table::Slot;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::turns::few::FEW;
use crate::rotation::turns::standing::{Rows, Standing, Ticket};
use crate::vocab::{AccountId, Timestamp};

/// Where an attached account is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not part of the rotation: when it may send, and when it may come back. The least instant
    /// there is stands for at once.
    Absent { ready_at: Timestamp, back_at: Timestamp },
    /// Part of the rotation until the next grant only: when it may send.
    Leaving { ready_at: Timestamp },
    /// Nowhere.
    Nowhere,
    /// Part of a rotation in which everybody is gone through.
    Scanned,
    /// In the order of turns: ready, as far as is known, or among a few that are all there.
    Turns,
    /// Not ready before an instant, in a row of the order that is left out until the same or a
    /// later one, and a part of it from then on.
    Asleep { run: u32, until: Timestamp, ready_at: Timestamp },
    /// Not ready before an instant.
    Waiting(Timestamp),
}

impl Place {
    /// Whether the account takes part and goes on doing so.
    #[inline]
    pub(crate) const fn takes_part(self) -> bool {
        match self {
            Self::Absent { .. } | Self::Leaving { .. } | Self::Nowhere => false,
            Self::Asleep { .. } | Self::Scanned | Self::Turns | Self::Waiting(_) => true,
        }
    }
}

/// What is derived about one attached account: a line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Seat {
    pub(crate) account: Slot,
    pub(crate) id: AccountId,
    pub(crate) place: Place,
    /// Of its entry in the order, if it has one.
    pub(crate) ticket: Ticket,
    /// How often the account's own place had changed when it was put into the order of turns. What
    /// else makes where it stands puts it anew when it changes.
    pub(crate) moves: u32,
    /// When it may leave by itself, as far as that is noted.
    pub(crate) flips_at: Timestamp,
    /// Whether it is then because its window closes, and it is kept with others of that instant.
    pub(crate) shuts: bool,
    /// Where its entry is among those that are absent or leave; the last instant if there is none.
    pub(crate) noted_at: Timestamp,
}

/// What the order of turns is told of its rows.
pub(crate) struct Present<'a> {
    pub(crate) seats: &'a [Option<Seat>],
    pub(crate) outlooks: &'a [Outlook],
    pub(crate) now: Timestamp,
}

impl Present<'_> {
    #[inline]
    pub(crate) fn find(&self, row: Slot) -> Option<(&Seat, &Outlook)> {
        let seat = self.seats.get(row.index())?.as_ref()?;
        Some((seat, self.outlooks.get(seat.account.index())?))
    }
}

impl Rows for Present<'_> {
    #[inline]
    fn stands(&self, at: &Standing) -> bool {
        stands(self.seats, at)
    }

    #[inline]
    fn is_ready(&self, row: Slot) -> bool {
        // Of more than a few, who is not ready is found out when it comes up, and put elsewhere.
        !are_few(self.seats)
            || self.find(row).is_some_and(|(_, outlook)| outlook.is_ready(self.now))
    }
}

/// Whether those that are not ready stand among the others: so few are gone through each time.
pub(crate) fn are_few(seats: &[Option<Seat>]) -> bool {
    seats.len() <= FEW
}

/// Whether an entry of the order is the present one of its row.
pub(crate) fn stands(seats: &[Option<Seat>], at: &Standing) -> bool {
    let seat = seats.get(at.row().index()).and_then(Option::as_ref);
    seat.is_some_and(|seat| seat.ticket == at.ticket)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::Place;
    use crate::policy::{Account, Campaign};
    use crate::rotation::rota::Rota;
    use crate::rotation::{Config, Engine, Outcome, Pick, Request};
    use crate::vocab::{
        AccountId, CampaignId, LeadId, OwnerId, ReservationId, Span, Timestamp, Weight,
    };

    /// Two campaigns of the same accounts, of which the second sends rarely.
    fn engine(accounts: u64, scanned_max: usize, now: DateTime<Utc>) -> Engine {
        let mut engine = Engine::new(Config::default());
        engine.index.scanned_max = scanned_max;
        let all: Vec<_> = (0..accounts).map(AccountId).collect();
        for id in &all {
            let account = Account::new(*id, OwnerId(1), format!("a{id}@acme.example"))
                .daily_cap(u32::try_from(5 + id.0 % 3 * 20).unwrap())
                .spacing(Span::minutes(if id.0 % 7 == 0 { 7 } else { 10 }))
                .weight(Weight::new(1 + u8::try_from(id.0 % 4).unwrap()).unwrap());
            engine.add_account(account, now).unwrap();
        }
        for campaign in [0, 1].map(CampaignId) {
            engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
            engine.attach(campaign, &all, now).unwrap();
        }
        engine
    }

    fn rota(engine: &mut Engine) -> &mut Rota {
        let slot = engine.state.campaigns.slot(&CampaignId(0)).unwrap();
        engine.index.rota(slot)
    }

    /// How many lie in the first campaign, and how often that is noted.
    fn lie(engine: &mut Engine) -> (usize, usize) {
        let many = rota(engine).turns.many.as_ref();
        many.map_or((0, 0), |runs| runs.asleep.counts())
    }

    /// One history on two engines, of which one keeps everybody in order and lets those that rest
    /// lie together, and the other goes through all accounts for every answer.
    fn both_answer_alike(seed: u64) -> usize {
        let mut drawn = seed;
        let mut draw = |most: u64| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (drawn >> 33) % most
        };
        let accounts = 30 + seed % 5 * 20;
        let mut now = DateTime::UNIX_EPOCH + TimeDelta::days(4);
        let mut engines = [0, usize::MAX].map(|scanned_max| engine(accounts, scanned_max, now));
        if seed % 2 == 1 {
            // Those that rest until different instants lie, too.
            rota(&mut engines[0]).sliced_min = 0;
        }
        let (mut open, mut most): (Vec<ReservationId>, usize) = (Vec::new(), 0);
        for lead in 0..4_000 {
            let account = AccountId(draw(accounts));
            let what = draw(100);
            let chosen = open.len().checked_sub(1 + usize::try_from(draw(9)).unwrap());
            let ended = chosen.filter(|_| (40..82).contains(&what)).map(|n| open.remove(n));
            let excluded = if draw(9) == 0 { vec![account, AccountId(0)] } else { vec![] };
            let campaign = CampaignId(u64::from(what == 0));
            let mut until = None;
            let answers = engines.each_mut().map(|engine| match (what, ended) {
                (0..40, _) => {
                    let request = Request::new_lead(LeadId(lead)).excluding(excluded.clone());
                    let pick = engine.reserve(campaign, &request, now);
                    until = pick.as_ref().ok().and_then(Pick::until);
                    format!("{pick:?}")
                }
                (40..80, Some(id)) => format!("{:?}", engine.settle(id, Outcome::Sent, now)),
                (80..82, Some(id)) => format!("{:?}", engine.cancel(id, now)),
                (82..85, _) => {
                    let found = engine.account(account).unwrap().clone();
                    let weight = Weight::new(1 + u8::try_from(lead % 3).unwrap()).unwrap();
                    format!("{:?}", engine.change_account(found.weight(weight), now))
                }
                (85, _) => {
                    let found = engine.account(account).unwrap().clone();
                    let suspended = !found.suspended;
                    format!("{:?}", engine.change_account(found.suspended(suspended), now))
                }
                (89..91, _) => {
                    let found = engine.account(account).unwrap().clone();
                    let spacing = Span::minutes(lead % 4 * 3);
                    format!("{:?}", engine.change_account(found.spacing(spacing), now))
                }
                (86, _) => format!("{:?}", engine.detach(CampaignId(0), &[account], now)),
                (87..89, _) => format!("{:?}", engine.attach(CampaignId(0), &[account], now)),
                (_, _) => String::new(),
            });
            assert_eq!(answers[0], answers[1], "seed {seed}, step {lead}, {what}");
            let granted = engines[0].state.reservations.last().map(|granted| granted.id);
            open.extend(
                granted.filter(|id| answers[0].contains("Reserved(") && !open.contains(id)),
            );
            most = most.max(lie(&mut engines[0]).0);
            match until {
                Some(until) if excluded.is_empty() && draw(3) > 0 => now = until,
                _ if draw(50) == 0 => now += TimeDelta::seconds(i64::try_from(draw(400)).unwrap()),
                _ => {}
            }
        }
        most
    }

    #[test]
    fn those_that_lie_are_asked_like_those_that_are_gone_through() {
        // In the last of them a row is given to another account that waits until the same instant.
        let most: Vec<_> = (0..30).chain([257]).map(both_answer_alike).collect();
        assert!(most.iter().filter(|most| **most > 12).count() > 10, "so many lay: {most:?}");
    }

    /// All rest until one instant and are up again at it, whoever lay down in between again.
    #[test]
    fn who_lies_down_again_and_again_is_noted_a_few_times_only() {
        let mut now = DateTime::UNIX_EPOCH;
        let mut engine = engine(60, 0, now);
        let mut lead = 0;
        let mut reserve = |engine: &mut Engine, now| {
            lead += 1;
            engine.reserve(CampaignId(0), &Request::new_lead(LeadId(lead)), now).unwrap()
        };
        while let Some(id) = reserve(&mut engine, now).reserved().map(|granted| granted.id) {
            engine.settle(id, Outcome::Sent, now).unwrap();
        }
        assert!(lie(&mut engine).0 > 30, "{:?}", lie(&mut engine));
        for n in 0..2_000_u16 {
            let account = engine.account(AccountId(1)).unwrap().clone();
            let weight = Weight::new(if n % 2 == 0 { 1 } else { 2 }).unwrap();
            engine.change_account(account.weight(weight), now).unwrap();
        }
        let (_, noted) = lie(&mut engine);
        assert!(noted <= 4 * 60 + 128, "{noted} of sixty accounts");
        // Of those that rest as long, all that do not lie leave: nothing else brings the others up.
        // Two are up in between, one after the other, and the next instant is looked for again.
        let start = DateTime::UNIX_EPOCH;
        let (mut lying, mut waiting) = (Vec::new(), Vec::new());
        for seat in rota(&mut engine).seats.iter().flatten() {
            match seat.place {
                Place::Asleep { .. } => lying.push(seat.id),
                Place::Waiting(at) if at == Timestamp::EPOCH.plus(Span::minutes(10)) => {
                    waiting.push(seat.id);
                }
                Place::Absent { .. }
                | Place::Leaving { .. }
                | Place::Nowhere
                | Place::Scanned
                | Place::Turns
                | Place::Waiting(_) => {}
            }
        }
        engine.detach(CampaignId(0), &waiting, now).unwrap();
        for (minutes, up) in [(7, 9), (8, 1), (9, 1), (10, lying.len() - 2)] {
            if up == 1 {
                let early = engine.account(lying.pop().unwrap()).unwrap().clone();
                engine.change_account(early.spacing(Span::minutes(minutes)), now).unwrap();
            }
            now = reserve(&mut engine, now).until().unwrap();
            assert_eq!(now, start + TimeDelta::minutes(i64::try_from(minutes).unwrap()));
            for _ in 0..up {
                assert!(reserve(&mut engine, now).reserved().is_some());
            }
            assert!(reserve(&mut engine, now).until().is_some());
        }
        assert_eq!(lie(&mut engine).0, 0);
    }
}
