//! An engine in the middle of its work, each call of which is timed.
//!
//! Knows how emails are sent, not which history that makes.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Pick,
    Request, Reservation, ReservationId, Span,
};

use crate::calls::Calls;

const OWNER: OwnerId = OwnerId(1);
/// The mean of the usual caps, in emails a day.
const CAP_MEAN: u64 = 48;
/// Midnight before a Monday.
const START: i64 = 1_795_392_000;

/// An account as most are: a cap from 24 to 72, a spacing from 10 to 28 minutes.
pub(crate) fn usual(id: u64) -> Account {
    let cap = u32::try_from(CAP_MEAN - 24 + id * 37 % 49).expect("a small number");
    let spacing = Span::seconds(600 + id % 1_080);
    Account::new(AccountId(id), OWNER, format!("a{id}@acme.example"))
        .daily_cap(cap)
        .spacing(spacing)
}

/// The same where everybody rests for as long.
pub(crate) fn alike(id: u64) -> Account {
    usual(id).spacing(Span::minutes(10))
}

/// The first so many accounts' numbers.
pub(crate) fn first(accounts: u64) -> Vec<AccountId> {
    (0..accounts).map(AccountId).collect()
}

/// An engine, its time, and its calls.
pub(crate) struct Pool {
    pub(crate) engine: Engine,
    pub(crate) now: DateTime<Utc>,
    pub(crate) calls: Calls,
    /// How many emails are on their way at once.
    pub(crate) on_the_way: usize,
    /// Between two emails that are spread over the day.
    pub(crate) step: TimeDelta,
    out: VecDeque<ReservationId>,
    leads: u64,
}

impl Pool {
    /// Accounts without a campaign. Emails that are spread take two thirds of usual caps.
    pub(crate) fn new(accounts: u64, account: impl Fn(u64) -> Account) -> Self {
        let now = DateTime::from_timestamp(START, 0).expect("an instant of this century");
        let mut engine = Engine::new(Config::default());
        for id in 0..accounts {
            engine.add_account(account(id), now).expect("a new account");
        }
        let day = i32::try_from(accounts * CAP_MEAN).expect("a few million a day");
        Self {
            engine,
            now,
            calls: Calls::default(),
            on_the_way: 0,
            step: TimeDelta::days(1) * 3 / 2 / day,
            out: VecDeque::new(),
            leads: 0,
        }
    }

    /// One campaign of everybody.
    pub(crate) fn of(accounts: u64, account: impl Fn(u64) -> Account) -> Self {
        let mut pool = Self::new(accounts, account);
        pool.campaign(0, &first(accounts));
        pool
    }

    pub(crate) fn campaign(&mut self, id: u64, members: &[AccountId]) {
        let campaign = Campaign::new(CampaignId(id), OWNER);
        self.engine.add_campaign(campaign, self.now).expect("a new campaign");
        self.engine.attach(CampaignId(id), members, self.now).expect("all in order");
    }

    /// What is done before the history that is told.
    pub(crate) fn quietly(&mut self, work: impl FnOnce(&mut Self)) {
        let told = self.calls.len();
        work(self);
        self.calls.truncate(told);
    }

    pub(crate) fn reserve(&mut self, campaign: u64) -> Pick {
        let request = Request::new_lead(LeadId(self.leads));
        let (engine, now) = (&mut self.engine, self.now);
        let pick = self.calls.time(
            now,
            || engine.reserve(CampaignId(campaign), &request, now),
            |pick| match pick {
                Ok(Pick::Reserved(_)) => "reserve: granted",
                Ok(Pick::Wait(_)) => "reserve: wait",
                Ok(Pick::Unavailable(_)) => "reserve: unavailable",
                Ok(Pick::Ended(_)) => "reserve: ended",
                Err(_) => "reserve: refused",
            },
        );
        self.leads += 1;
        pick.expect("a good request")
    }

    pub(crate) fn settle(&mut self, id: ReservationId) {
        let (engine, now) = (&mut self.engine, self.now);
        let done = self.calls.time(now, || engine.settle(id, Outcome::Sent, now), |_| "settle");
        done.expect("it is out");
    }

    /// Asks for an email; whether or not it may go, settles the oldest if too many are on their
    /// way.
    pub(crate) fn turn(&mut self, campaign: u64) -> Option<Reservation> {
        let granted = self.reserve(campaign).reserved().cloned();
        self.out.extend(granted.as_ref().map(|granted| granted.id));
        while self.out.len() > self.on_the_way {
            self.settle_oldest();
        }
        granted
    }

    pub(crate) fn settle_oldest(&mut self) {
        if let Some(oldest) = self.out.pop_front() {
            self.settle(oldest);
        }
    }

    /// Settles one of those on their way, far from the last for a place that is.
    pub(crate) fn settle_at(&mut self, place: usize) {
        let place = place % self.out.len().max(1);
        if let Some(one) = self.out.swap_remove_back(place) {
            self.settle(one);
        }
    }

    /// Turns at one instant, all of which somebody may take.
    pub(crate) fn burst(&mut self, campaign: u64, turns: u64) {
        for _ in 0..turns {
            self.turn(campaign).expect("somebody may send");
        }
    }

    /// Turns as the day goes by.
    pub(crate) fn spread(&mut self, campaign: u64, turns: u64) {
        for _ in 0..turns {
            self.now += self.step;
            self.turn(campaign);
        }
    }

    /// Asks while nobody may, and lets time pass until somebody does.
    pub(crate) fn wait(&mut self, campaign: u64) {
        let Pick::Wait(wait) = self.reserve(campaign) else { panic!("somebody may send") };
        self.now = wait.until();
    }
}
