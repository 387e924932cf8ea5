//! Answers that told to wait, kept for whoever asks again.
//!
//! To find the first instant at which a campaign and one of its accounts let an email through
//! together, each account may have to be asked. Left alone, that instant stays what it is until it
//! has come, so it is kept until something happens to the campaign or to one of its accounts. Knows
//! whom a fact is about, and no rule.

use std::collections::BTreeMap;

use crate::rotation::containers::table::Slot;
use crate::rotation::index::Index;
use crate::rotation::state::State;
use crate::vocab::{AccountId, Timestamp};

/// Of so many campaigns it is looked up whether a fact concerns them.
const LOOKED_UP_MAX: usize = 64;

/// When somebody may send for a campaign at the earliest, and who.
pub(crate) type Answer = (Timestamp, AccountId);

/// The answers that are kept, by campaign.
pub(crate) type Answers = BTreeMap<Slot, Answer>;

impl Index {
    /// The answer that was given for a campaign, if it is the same by now.
    pub(crate) fn answer(&self, campaign: Slot) -> Option<Answer> {
        self.answers.get(&campaign).copied().filter(|(at, _)| *at > self.now)
    }

    /// Keeps an answer for a campaign.
    pub(crate) fn keep_answer(&mut self, campaign: Slot, answer: Answer) {
        self.answers.insert(campaign, answer);
    }

    /// Takes in that something happened to a campaign.
    pub(crate) fn forget_answer(&mut self, campaign: Slot) {
        self.answers.remove(&campaign);
    }

    /// Takes in that something happened to an account.
    #[inline]
    pub(super) fn forget_answers(&mut self, state: &State, account: Slot) {
        if !self.answers.is_empty() {
            self.forget_answers_of(state, account);
        }
    }

    #[inline(never)]
    fn forget_answers_of(&mut self, state: &State, account: Slot) {
        let Some((id, record)) = state.accounts.row(account) else { return };
        let kept = &mut self.answers;
        if kept.len().min(record.campaigns.len()) > LOOKED_UP_MAX {
            kept.clear();
        } else if kept.len() <= record.campaigns.len() {
            let concerns = |of: Slot| {
                state.campaigns.at(of).is_some_and(|campaign| campaign.attached.contains_key(id))
            };
            kept.retain(|of, _| !concerns(*of));
        } else {
            let slots = record.campaigns.iter().filter_map(|id| state.campaigns.slot(id));
            slots.for_each(|slot| {
                kept.remove(&slot);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use crate::policy::{Account, Campaign, CampaignState, Limit, Ramp, Schedule};
    use crate::rotation::{Config, Engine, Mode, Outcome, Pick, Request};
    use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, ReservationId, Span};

    const ACCOUNTS: u64 = 20;
    const CAMPAIGNS: u64 = 4;

    struct Draw(u64);

    impl Draw {
        fn below(&mut self, most: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_889);
            (self.0 >> 33) % most
        }

        fn small(&mut self, most: u64) -> u32 {
            u32::try_from(self.below(most)).unwrap()
        }

        fn office(&mut self) -> Schedule {
            let (start, end) = [("09:00", "17:00"), ("15:00", "21:00"), ("22:00", "03:00")]
                [usize::try_from(self.below(3)).unwrap()];
            Schedule::working_days(start, end).unwrap()
        }

        fn account(&mut self, id: u64) -> Account {
            let of = Account::new(AccountId(id), OwnerId(1), format!("a{id}@b{}.example", id % 3));
            let mut of = of.daily_cap(2 + self.small(9)).spacing(Span::minutes(self.below(40)));
            if self.below(2) == 0 {
                of = of.schedule(self.office());
            }
            if self.below(4) == 0 {
                of = of.limit(Limit::rolling(1 + self.small(4), Span::hours(24)).unwrap());
            }
            if self.below(4) == 0 {
                of = of.ramp(Ramp::table([1, 6, 0, 9]).unwrap());
            }
            of
        }

        fn campaign(&mut self, id: u64) -> Campaign {
            let of = Campaign::new(CampaignId(id), OwnerId(1)).daily_cap(self.small(12));
            let of = of.new_lead_cap(1 + self.small(8));
            if self.below(2) == 0 { of.schedule(self.office()) } else { of }
        }
    }

    fn engine(draw: &mut Draw, now: DateTime<Utc>) -> Engine {
        let mut engine = Engine::new(Config::default());
        for id in 0..ACCOUNTS {
            engine.add_account(draw.account(id), now).unwrap();
        }
        for id in 0..CAMPAIGNS {
            engine.add_campaign(draw.campaign(id), now).unwrap();
            let ids = (0..ACCOUNTS).filter(|_| draw.below(3) > 0).map(AccountId);
            engine.attach(CampaignId(id), &ids.collect::<Vec<_>>(), now).unwrap();
        }
        engine
    }

    /// A command that is no turn. Any of them may bring an answer forward.
    fn change(engine: &mut Engine, draw: &mut Draw, now: DateTime<Utc>) -> String {
        let (id, campaign) = (draw.below(ACCOUNTS), CampaignId(draw.below(CAMPAIGNS)));
        let account = AccountId(id);
        let found = engine.account(account).cloned();
        match draw.below(12) {
            0 => format!("{:?}", engine.change_account(draw.account(id), now)),
            1 => format!("{:?}", engine.change_campaign(draw.campaign(campaign.0), now)),
            2 => format!("{:?}", engine.detach(campaign, &[account], now)),
            3 | 4 => format!("{:?}", engine.attach(campaign, &[account], now)),
            5 => format!("{:?}", found.map(|of| engine.change_account(of.suspended(true), now))),
            6 => format!("{:?}", found.map(|of| engine.change_account(of.suspended(false), now))),
            7 => {
                let until = (draw.below(3) > 0).then(|| now + TimeDelta::hours(30));
                format!("{:?}", engine.hold_domain(OwnerId(1), "b1.example", until, now))
            }
            8 => {
                let (day, due) = (engine.index.now, draw.small(9));
                let day = found.map(|of| of.zone.civil_day(day).plus_days(1));
                format!("{:?}", day.map(|day| engine.declare_follow_ups(account, day, due, now)))
            }
            9 => {
                let state =
                    [CampaignState::Active, CampaignState::Paused][usize::from(id % 3 == 0)];
                let found = engine.campaign(campaign).unwrap().clone();
                format!("{:?}", engine.change_campaign(found.state(state), now))
            }
            10 if draw.below(9) == 0 => format!("{:?}", engine.delete_account(account, now)),
            _ => format!("{:?}", engine.cancel(ReservationId(draw.below(400)), now)),
        }
    }

    /// One history on two engines, of which one forgets every answer at once. Says how often a kept
    /// one was given again.
    fn both_answer_alike(seed: u64) -> u32 {
        let mut now = DateTime::UNIX_EPOCH + TimeDelta::days(4);
        let mut engines = [0; 2].map(|_| engine(&mut Draw(seed), now));
        let (mut draw, mut again) = (Draw(!seed), 0);
        let mut out: Vec<ReservationId> = Vec::new();
        for lead in 0..2_500 {
            engines[1].index.answers.clear();
            let what = draw.below(20);
            let campaign = CampaignId(draw.below(CAMPAIGNS));
            let last = out.len().checked_sub(1 + usize::try_from(draw.below(3)).unwrap());
            let ended = last.filter(|_| what < 5).map(|nth| out.swap_remove(nth));
            let slot = engines[0].state.campaigns.slot(&campaign).unwrap();
            let (kept, at_first) = (engines[0].index.answers.get(&slot).copied(), Draw(draw.0));
            let mut answered = None;
            let answers = engines.each_mut().map(|engine| match (what, ended) {
                (0..5, Some(id)) => format!("{:?}", engine.settle(id, Outcome::Sent, now)),
                (0..17, _) => {
                    let request = match what {
                        5..7 => Request::follow_up(LeadId(lead / 2)),
                        _ => Request::new_lead(LeadId(lead)),
                    };
                    let pick = engine.reserve(campaign, &request, now);
                    answered = pick.as_ref().ok().cloned();
                    format!("{pick:?}")
                }
                _ => {
                    draw = Draw(at_first.0);
                    change(engine, &mut draw, now)
                }
            });
            assert_eq!(answers[0], answers[1], "seed {seed}, step {lead}, {what} at {now}");
            match answered {
                Some(Pick::Reserved(granted)) => out.push(granted.id),
                Some(Pick::Wait(wait)) => {
                    again += u32::from(kept == Some((wait.until_at, wait.account)));
                    if draw.below(4) == 0 {
                        now = wait.until();
                    }
                }
                Some(Pick::Ended(_) | Pick::Unavailable(_)) | None => {}
            }
            now += TimeDelta::minutes(i64::from(draw.small(25)) * i64::from(draw.below(9) == 0));
        }
        assert!(engines[0].state == engines[1].state, "seed {seed}");
        again
    }

    /// It is no longer an account of the campaign whose cap it used up.
    #[test]
    fn who_has_left_gives_back_what_its_campaign_may_send_today() {
        let at = |hour| DateTime::UNIX_EPOCH + TimeDelta::days(4) + TimeDelta::hours(hour);
        let mut engine = Engine::new(Config::default());
        let ids = [1, 2, 3].map(AccountId);
        for id in ids {
            engine.add_account(Account::new(id, OwnerId(1), "a@b.example"), at(0)).unwrap();
        }
        let twice = Schedule::working_days("09:00", "10:00").unwrap();
        let twice = twice.open(chrono::Weekday::Mon, "20:00", "21:00").unwrap();
        let campaign = Campaign::new(CampaignId(1), OwnerId(1)).daily_cap(1).schedule(twice);
        engine.add_campaign(campaign, at(0)).unwrap();
        engine.attach(CampaignId(1), &ids, at(0)).unwrap();
        let mut leads = 0..;
        let mut ask = |engine: &mut Engine, hour| {
            let lead = LeadId(leads.next().unwrap());
            engine.reserve(CampaignId(1), &Request::new_lead(lead), at(hour)).unwrap()
        };
        let granted = ask(&mut engine, 9).reserved().unwrap().clone();
        engine.detach(CampaignId(1), &[granted.account], at(9)).unwrap();
        for _ in 0..2 {
            assert_eq!(ask(&mut engine, 12).until(), Some(at(24 + 9)));
        }
        engine.settle(granted.id, Outcome::Deferred, at(12)).unwrap();
        assert_eq!(ask(&mut engine, 12).until(), Some(at(20)));
    }

    /// Of several that may send at one instant the first by number is told.
    #[test]
    fn who_is_waited_for_is_the_first_by_number() {
        let at = |hour| DateTime::UNIX_EPOCH + TimeDelta::days(4) + TimeDelta::hours(hour);
        let mut engine = Engine::new(Config::default());
        // The first opens later than the others, and two that come later open sooner.
        let starts = [(1, "10:00"), (4, "09:00"), (7, "09:00"), (8, "08:00"), (9, "08:00")];
        for (id, start) in starts {
            let account = Account::new(AccountId(id), OwnerId(1), "a@b.example");
            let account = account.schedule(Schedule::working_days(start, "17:00").unwrap());
            engine.add_account(account, at(0)).unwrap();
        }
        let campaign = Campaign::new(CampaignId(1), OwnerId(1)).new_lead_cap(1);
        engine.add_campaign(campaign, at(0)).unwrap();
        let ids = starts.map(|(id, _)| AccountId(id));
        for (count, hour, first) in [(3, 9, 4), (5, 8, 8)] {
            let _ = engine.attach_with(CampaignId(1), &ids[..count], Mode::EachThatCan, at(0));
            let mut ask = |lead| {
                engine.reserve(CampaignId(1), &Request::new_lead(LeadId(lead)), at(11)).unwrap()
            };
            // The cap is used up.
            let _ = ask(1);
            let pick = ask(hour);
            let Pick::Wait(wait) = pick else { panic!("{pick:?}") };
            let opens = at(24 + i64::try_from(hour).unwrap());
            assert_eq!((wait.until(), wait.account), (opens, AccountId(first)));
        }
    }

    #[test]
    fn an_answer_that_is_kept_is_the_one_that_would_be_found() {
        let again: Vec<_> = (0..24).map(both_answer_alike).collect();
        assert!(again.iter().filter(|again| **again > 50).count() > 12, "{again:?}");
    }
}
