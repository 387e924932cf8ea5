//! What is sure of an account whose window will close: when it opens again, and until when nothing
//! but a rest holds the account from then on.
//!
//! Known beforehand, nobody has to look at the account when its window closes. Knows one account.

use crate::rotation::rota::outlook::Outlook;
use crate::rotation::rules::{AccountRules, Purpose};
use crate::vocab::Timestamp;

/// What comes after the end of an account's [outlook](Outlook::flips_at), if that is because its
/// window closes. Holds as long as the outlook does, and then until somebody looks again or the
/// account's facts change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The account is away from the end of its outlook until then.
    pub(crate) opens_at: Timestamp,
    /// From the opening until then it takes part, and its outlook tells when it is ready.
    pub(crate) until: Timestamp,
}

impl Closing {
    /// Nothing is sure.
    pub(crate) const UNSURE: Self = Self { opens_at: Timestamp::MIN, until: Timestamp::MIN };

    pub(crate) fn is_sure(self) -> bool {
        self != Self::UNSURE
    }

    /// What is sure of an account. On the next day a ramp allows what is known of it today.
    fn of(rules: AccountRules<'_>, closes_at: Timestamp) -> Self {
        let (settings, usage) = (&rules.account.settings, &rules.account.usage);
        let (false, Some(opens_at)) =
            settings.schedule.at_by(&usage.today, settings.zone, closes_at)
        else {
            return Self::UNSURE;
        };
        // What it may be granted until its window closes leaves room at the opening, if there is
        // any by then: no rule counts more of it there than now.
        let (mut until, mut is_sure) = (Timestamp::MAX, true);
        rules.each(opens_at, Purpose::NewLead, |verdict| match verdict.block {
            None => until = verdict.changes_at.map_or(until, |at| at.min(until)),
            Some(block) => is_sure &= block.reason.is_rest(),
        });
        if is_sure && opens_at < until { Self { opens_at, until } } else { Self::UNSURE }
    }
}

impl Outlook {
    /// What comes after its end.
    pub(crate) fn foresee(&mut self, rules: AccountRules<'_>, now: Timestamp) -> Closing {
        let (settings, usage) = (&rules.account.settings, &rules.account.usage);
        if self.away() || self.flips_at == Timestamp::MAX || settings.schedule.is_always() {
            return Closing::UNSURE;
        }
        let today = usage.today.look(settings.zone, now);
        if settings.ramp.is_some() && !usage.ramp.has_sent_on(today) {
            // The first send of a day changes what a ramp allows on the next: then it is known.
            self.spare(1);
            return Closing::UNSURE;
        }
        Closing::of(rules, self.flips_at)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc, Weekday};

    use crate::policy::{Account, Campaign, Limit, Pace, Ramp, Schedule};
    use crate::rotation::containers::table::Slot;
    use crate::rotation::{Config, Engine, Outcome, Request};
    use crate::vocab::{
        AccountId, CampaignId, LeadId, OwnerId, Reputation, ReservationId, Span, Timestamp, Weight,
    };

    const STEPS: u64 = 2_000;

    struct Draw(u64);

    impl Draw {
        fn below(&mut self, most: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (self.0 >> 33) % most
        }

        fn small(&mut self, most: u64) -> u32 {
            u32::try_from(self.below(most)).unwrap()
        }

        fn once_in(&mut self, most: u64) -> bool {
            self.below(most) == 0
        }

        /// In two of three histories all windows close at one instant.
        fn schedule(&mut self, kind: u64) -> Schedule {
            let day = |start, end| Schedule::working_days(start, end).unwrap();
            let lunch = [Weekday::Mon, Weekday::Tue, Weekday::Wed].into_iter();
            let lunch = lunch.fold(Schedule::closed(), |week, day| {
                let week = week.open(day, "09:00", "12:00").unwrap();
                week.open(day, "12:30", "17:00").unwrap()
            });
            match self.below(if kind == 2 { 12 } else { 8 }) {
                6 => day("10:00", "17:00"),
                7 => day("08:00", "17:00").holiday("1970-01-06".parse().unwrap()),
                8 => day("09:00", "17:00").open(Weekday::Sat, "08:00", "17:00").unwrap(),
                9 => day("22:00", "06:00"),
                10 => day("09:00", "12:00"),
                11 => Schedule::always(),
                _ => lunch,
            }
        }

        fn account(&mut self, id: u64, kind: u64) -> Account {
            let account = Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"))
                .daily_cap(1 + self.small(12))
                .spacing(Span::minutes(self.below(4) * 10))
                .weight(Weight::new(1 + u8::try_from(self.below(4)).unwrap()).unwrap());
            if kind == 0 {
                return account.schedule(Schedule::working_days("09:00", "17:00").unwrap());
            }
            let mut account = account.schedule(self.schedule(kind));
            if kind == 2 && self.once_in(3) {
                account = account.zone("Europe/Madrid".parse().unwrap());
            }
            if self.once_in(4) {
                let length = Span::hours(if self.once_in(2) { 1 } else { 24 });
                account = account.limit(Limit::rolling(1 + self.small(6), length).unwrap());
            }
            if self.once_in(4) {
                let rows = if self.once_in(2) { [3, 9, 2, 12, 0] } else { [4, 0, 2, 9, 1] };
                account = account.ramp(Ramp::table(rows).unwrap());
            }
            if self.once_in(5) {
                account = account.pace(Pace::Even).jitter(Span::minutes(self.below(9)));
            }
            if self.once_in(6) {
                let measured_at = Timestamp::EPOCH.minus(Span::hours(self.below(80)));
                account = account.reputation(Reputation::new(95).unwrap(), measured_at);
            }
            account
        }
    }

    /// Two campaigns of the same accounts, most of them or few. Closings are foreseen from so many
    /// accounts on.
    fn engine(foreseen_min: usize, (seed, accounts): (u64, u64), now: DateTime<Utc>) -> Engine {
        let mut engine = Engine::new(Config::default());
        (engine.index.foreseen_min, engine.index.scanned_max) = (foreseen_min, 0);
        // In two of three histories what was foreseen holds for long.
        engine.index.looks_max = usize::try_from(seed / 3 % 3).unwrap() * 8;
        let mut draw = Draw(seed);
        for id in 0..accounts {
            engine.add_account(draw.account(id, seed % 3), now).unwrap();
        }
        let most = accounts - 3 * draw.below(2);
        for (campaign, from) in [(0, 0), (1, if draw.once_in(2) { 0 } else { most - 2 })] {
            engine.add_campaign(Campaign::new(CampaignId(campaign), OwnerId(1)), now).unwrap();
            let ids: Vec<_> = (from..most).map(AccountId).collect();
            engine.attach(CampaignId(campaign), &ids, now).unwrap();
        }
        engine
    }

    /// A command that is no turn, to one account and perhaps in one campaign.
    fn change(
        engine: &mut Engine,
        (what, by): (u64, u32),
        (campaign, account, new): (CampaignId, AccountId, &Account),
        now: DateTime<Utc>,
    ) -> String {
        let found = engine.account(account).unwrap().clone();
        match what {
            0 => format!("{:?}", engine.change_account(new.clone(), now)),
            1 => {
                let suspended = !found.suspended;
                format!("{:?}", engine.change_account(found.suspended(suspended), now))
            }
            2 => format!("{:?}", engine.detach(campaign, &[account], now)),
            3 | 4 => format!("{:?}", engine.attach(campaign, &[account], now)),
            5 => {
                let day = found.zone.civil_day(engine.index.now).plus_days(1);
                format!("{:?}", engine.declare_follow_ups(account, day, by * 5, now))
            }
            6 => {
                let until = now + TimeDelta::hours(i64::from(by) * 4);
                format!("{:?}", engine.hold_account(account, Some(until), now))
            }
            7 => {
                let request = Request::follow_up(LeadId(u64::from(by)));
                format!("{:?}", engine.reserve(campaign, &request, now))
            }
            _ => String::new(),
        }
    }

    /// One history on two engines, of which one foresees when windows close and the other looks at
    /// each account. Says how often some were shut, and open again, that nobody looked at.
    fn both_answer_alike(seed: u64) -> [u32; 2] {
        let mut draw = Draw(seed);
        let accounts = 18 + draw.below(30);
        let mut now = DateTime::UNIX_EPOCH + TimeDelta::days(3) + TimeDelta::hours(9);
        let mut engines = [0, usize::MAX].map(|min| engine(min, (seed, accounts), now));
        let (mut out, mut counts) = (Vec::<ReservationId>::new(), [0, 0]);
        for lead in 0..STEPS {
            let what = if draw.once_in(3) { 0 } else { draw.below(100) };
            let account = AccountId(draw.below(accounts));
            let chosen = out.len().checked_sub(1 + usize::try_from(draw.below(9)).unwrap());
            let ended = chosen.filter(|_| (40..82).contains(&what)).map(|n| out.remove(n));
            let most = draw.below(accounts);
            let excluded = match draw.below(18) {
                0 => vec![account, AccountId(0)],
                1 => (0..most).map(AccountId).collect(),
                _ => Vec::new(),
            };
            let campaign = CampaignId(u64::from(draw.once_in(9)));
            let (by, new) = (draw.small(8), draw.account(account.0, seed % 3));
            let (mut granted, mut until) = (None, None);
            let answers = engines.each_mut().map(|engine| match (what, ended) {
                (0..40, _) => {
                    let request = Request::new_lead(LeadId(lead)).excluding(excluded.clone());
                    let pick = engine.reserve(campaign, &request, now).unwrap();
                    (granted, until) = (pick.reserved().map(|of| of.id), pick.until());
                    format!("{pick:?}")
                }
                (40..80, Some(id)) => format!("{:?}", engine.settle(id, Outcome::Sent, now)),
                (80..82, Some(id)) => format!("{:?}", engine.cancel(id, now)),
                (40..82, None) => String::new(),
                _ => change(engine, (what - 82, by), (campaign, account, &new), now),
            });
            assert_eq!(answers[0], answers[1], "seed {seed}, step {lead}, {what} at {now}");
            out.extend(granted);
            for campaign in [0, 1].map(Slot::from_number) {
                let [shut, open] = engines[0].index.check_shut(campaign);
                counts = [counts[0] + u32::from(shut > 0), counts[1] + u32::from(open > 0)];
            }
            now = match until {
                Some(until) if excluded.is_empty() && !draw.once_in(3) => until,
                _ if draw.once_in(40) => now + TimeDelta::minutes(draw.small(300).into()),
                _ if draw.once_in(4) => now + TimeDelta::seconds(draw.small(100).into()),
                _ => now,
            };
        }
        let [foreseen, looked_at] = engines;
        assert!(foreseen.state == looked_at.state, "seed {seed}: what is known is not the same");
        counts
    }

    /// Twenty accounts in a campaign on a Monday morning, nobody of whom is looked at again because
    /// its window opened.
    fn twenty(account: impl Fn(Account) -> Account) -> (Engine, DateTime<Utc>) {
        let morning = DateTime::UNIX_EPOCH + TimeDelta::days(4) + TimeDelta::hours(9);
        let mut engine = Engine::new(Config::default());
        (engine.index.foreseen_min, engine.index.looks_max) = (0, 0);
        for id in 0..20 {
            let plain = Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"));
            engine.add_account(account(plain), morning).unwrap();
        }
        engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), morning).unwrap();
        let all: Vec<_> = (0..20).map(AccountId).collect();
        engine.attach(CampaignId(1), &all, morning).unwrap();
        (engine, morning)
    }

    fn day(end: &str) -> Schedule {
        Schedule::working_days("09:00", end).unwrap()
    }

    /// Who sends an email at once, if anybody may.
    fn send(engine: &mut Engine, lead: u64, now: DateTime<Utc>) -> Option<AccountId> {
        let pick = engine.reserve(CampaignId(1), &Request::new_lead(LeadId(lead)), now).unwrap();
        let granted = pick.reserved()?.clone();
        engine.settle(granted.id, Outcome::Sent, now).unwrap();
        Some(granted.account)
    }

    /// The next opening is the same, and so is what ends it: only the closing is later.
    #[test]
    fn who_closes_later_than_before_is_not_shut_with_the_others() {
        let measured_at = Timestamp::EPOCH.minus(Span::hours(36));
        let reputation = Reputation::new(95).unwrap();
        let (mut engine, morning) =
            twenty(|of| of.reputation(reputation, measured_at).schedule(day("16:00")));
        let one = engine.account(AccountId(7)).unwrap().clone();
        engine.change_account(one.schedule(day("17:00")), morning).unwrap();
        let evening = morning + TimeDelta::minutes(7 * 60 + 30);
        assert_eq!(send(&mut engine, 1, evening), Some(AccountId(7)));
    }

    /// Until it has sent, today's row of a ramp is tomorrow's, too; then tomorrow's is the next.
    #[test]
    fn the_first_send_of_a_day_changes_what_is_foreseen_of_a_ramp() {
        let ramp = Ramp::table([4, 0]).unwrap();
        let (mut engine, morning) = twenty(|of| {
            let of = of.daily_cap(4).spacing(Span::hours(1)).schedule(day("17:00"));
            if of.id == AccountId(7) { of.ramp(ramp.clone()) } else { of }
        });
        let mut leads = 0..;
        let mut twenty_send = |engine: &mut Engine, now| -> Vec<_> {
            leads.by_ref().take(20).map(|lead| send(engine, lead, now)).collect()
        };
        assert!(twenty_send(&mut engine, morning).contains(&Some(AccountId(7))));
        assert_eq!(send(&mut engine, 100, morning + TimeDelta::hours(8)), None);
        let tuesday = twenty_send(&mut engine, morning + TimeDelta::days(1));
        assert!(!tuesday.contains(&Some(AccountId(7))), "{tuesday:?}");
        assert_eq!(tuesday.iter().flatten().count(), 19);
    }

    #[test]
    fn those_that_are_shut_together_are_asked_like_those_that_are_looked_at() {
        let counts: Vec<_> = (0..45).map(both_answer_alike).collect();
        let often = |of: usize| counts.iter().filter(|counts| counts[of] > 9).count();
        assert!(often(0) > 15 && often(1) > 9, "shut and open again: {counts:?}");
    }
}
