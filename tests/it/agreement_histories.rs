//! Random histories: a small world and one command after another, drawn from a seed.
//!
//! Looks at the model to draw commands that mean something. Knows no answer but the last wait.

use mailrota::{
    Account, AccountId, Campaign, CampaignId, CampaignState, Connection, Fate, LeadId, Limit, Link,
    Mode, Outcome, OwnerId, Ramp, Reputation, Request, Span, Timestamp, Warmup, Weight,
};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::agreement_commands::Command;
use crate::agreement_zones::{SCHEDULES, ZONES, at, day};
use crate::model_commands::TRUST;
use crate::model_state::{Minute, Model};

/// Evenings before clocks change somewhere, and a dull one.
const BEGINNINGS: [&str; 6] = [
    "2026-03-27T20:00:00Z",
    "2026-04-03T09:00:00Z",
    "2026-09-04T21:30:00Z",
    "2026-10-02T08:00:00Z",
    "2026-10-23T16:00:00Z",
    "2026-06-10T09:00:00Z",
];
const DAY: Minute = 1_440;

pub(crate) struct History {
    rng: Pcg64Mcg,
    /// Commands that come before any other, the last of them next.
    opening: Vec<Command>,
    now: Minute,
    last: Minute,
    /// Few rules, so that the rotation is what is tried.
    plain: bool,
    accounts: u64,
    campaigns: u64,
    leads: u64,
    /// When the last request may be asked again.
    pub(crate) wait: Option<Minute>,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let plain = rng.random_ratio(1, 3);
        let beginning = BEGINNINGS[rng.random_range(0..BEGINNINGS.len())];
        let now = crate::model::minute(Timestamp::parse(beginning).unwrap());
        // More than come back to a campaign before one grant, now and then.
        let most = [7, 7, 7, 7, 7, 7, 16, 40][rng.random_range(0..8)];
        let accounts = rng.random_range(2..=most);
        let campaigns = if plain { rng.random_range(1..=2) } else { rng.random_range(1..=4) };
        let last = now + 100 * DAY;
        let opening = Vec::new();
        let mut history =
            Self { rng, opening, now, last, plain, accounts, campaigns, leads: 0, wait: None };
        history.open();
        history
    }

    fn open(&mut self) {
        let all: Vec<AccountId> = (1..=self.accounts).map(AccountId).collect();
        for id in 1..=self.campaigns {
            let campaign = self.campaign(id);
            self.opening.push(Command::Attach(campaign.id, all.clone(), Mode::EachThatCan));
            self.opening.push(Command::AddCampaign(campaign));
        }
        for id in 1..=self.accounts {
            let account = self.account(id);
            self.opening.push(Command::AddAccount(Box::new(account)));
        }
        // Members first join after their campaign was added.
        self.opening.sort_by_key(|command| !matches!(command, Command::Attach(..)));
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_ratio(1, n)
    }

    fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    fn some_account(&mut self) -> AccountId {
        let stranger = u64::from(self.one_in(20));
        AccountId(self.rng.random_range(1..=self.accounts + stranger))
    }

    fn some_campaign(&mut self) -> CampaignId {
        CampaignId(self.rng.random_range(1..=self.campaigns))
    }

    fn account(&mut self, id: u64) -> Account {
        let owner = OwnerId(if self.one_in(25) { 2 } else { 1 });
        let mut account = Account::new(AccountId(id), owner, format!("a{id}@d{}.example", id % 3));
        account.daily_cap = self.any(&[2, 3, 4, 5, 8, 12, 20]);
        account.reputation = account.reputation.map(|mut standpoint| {
            standpoint.value = Reputation::new(3).unwrap();
            standpoint
        });
        if self.plain {
            account.daily_cap = self.any(&[60, 120, 180, 240]);
        }
        for _ in 0..3 {
            self.alter(&mut account);
        }
        account
    }

    /// Sets one thing otherwise.
    fn alter(&mut self, account: &mut Account) {
        let most = if self.plain { 4 } else { 11 };
        if !self.plain {
            // Past the longest window sends are known by the day only, which the model does not
            // follow: it forgets nothing. So each account always has the longest here, a week.
            account.limits.retain(|limit| *limit != Limit::per_week(9_999));
            account.limits.push(Limit::per_week(9_999));
        }
        match self.rng.random_range(0..most) {
            0 => account.spacing = Span::minutes(self.any(&[0, 0, 1, 5, 10, 120])),
            1 => {
                let max = self.rng.random_range(1..4);
                let limit = self.any(&[Limit::per_minute(max), Limit::per_hour(2 * max)]);
                account.limits.retain(|limit| limit.length() >= Span::days(1));
                if self.one_in(2) {
                    account.limits.push(limit);
                }
            }
            2 => account.weight = Weight::new(self.any(&[0, 1, 1, 1, 1, 1, 2, 2, 3])).unwrap(),
            3 if self.plain => account.daily_cap = self.any(&[60, 120, 180, 240]),
            3 => account.daily_cap = self.any(&[0, 1, 2, 2, 3, 3, 4, 5, 8, 12, 20]),
            4 => account.zone = self.any(&ZONES).parse().unwrap(),
            5 => account.schedule = self.schedule(),
            6 => {
                let max = self.rng.random_range(2..8);
                let limit = self.any(&[Limit::per_24_hours(max), Limit::per_week(2 * max)]);
                account
                    .limits
                    .retain(|limit| limit.length() < Span::days(1) || limit.emails() > 99);
                account.limits.push(limit);
            }
            7 => {
                account.ramp = match self.rng.random_range(0..6) {
                    5 => Some(Ramp::table([5, 1, 0, 2]).unwrap()),
                    0 => Some(Ramp::table([1, 2, 5]).unwrap()),
                    1 => Some(Ramp::step(1, 2)),
                    2 => Some(Ramp::factor(2, 150).unwrap()),
                    _ => None,
                }
            }
            8 => {
                let value = self.any(&[TRUST - 1, TRUST, 3, 3, 3, 6, 6, 6]);
                let ago = self.rng.random_range(-DAY..9 * DAY);
                let measured = at(self.now - ago).try_into().unwrap();
                let measured =
                    account.clone().reputation(Reputation::new(value).unwrap(), measured);
                *account = if self.one_in(6) { measured.reputation_unknown() } else { measured };
            }
            9 => {
                let ago = self.rng.random_range(0..20 * DAY);
                let warmup = Warmup::started(at(self.now - ago).try_into().unwrap());
                let blocked = self.one_in(4);
                account.warmup = Some(if blocked { warmup.blocked("spam") } else { warmup });
                if self.one_in(2) {
                    account.warmup = None;
                }
            }
            _ if self.one_in(6) => account.owner = OwnerId(self.rng.random_range(1..=2)),
            _ => account.suspended = self.one_in(8),
        }
    }

    fn schedule(&mut self) -> mailrota::Schedule {
        let number = self.any(&[0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 6]);
        let number = if self.one_in(60) { 7 } else { number };
        SCHEDULES[number].clone()
    }

    fn campaign(&mut self, id: u64) -> Campaign {
        let owner = OwnerId(if self.one_in(25) { 2 } else { 1 });
        let mut campaign = Campaign::new(CampaignId(id), owner);
        if self.plain {
            return campaign;
        }
        if self.one_in(3) {
            campaign = campaign.zone(self.any(&ZONES).parse().unwrap());
        }
        if self.one_in(4) {
            campaign = campaign.schedule(self.schedule());
        }
        if self.one_in(4) {
            campaign = campaign.daily_cap(self.any(&[0, 3, 6, 10, 15]));
        }
        if self.one_in(5) {
            campaign = campaign.new_lead_cap(self.any(&[0, 2, 4, 8]));
        }
        if self.one_in(10) {
            let states = [CampaignState::Draft, CampaignState::Paused, CampaignState::Paused];
            campaign = campaign.state(self.any(&states));
        }
        campaign
    }

    /// Where the clock goes: mostly on a little, at times far, back, or to where something ends.
    fn tick(&mut self) -> Minute {
        let wait = self.wait.take();
        if let Some(until) = wait.filter(|until| *until < self.last) {
            match self.rng.random_range(0..10) {
                0..3 => self.now = until,
                3 => self.now = until - 1,
                _ => {}
            }
        }
        let zone = self.any(&ZONES).parse().unwrap();
        let step = match self.rng.random_range(0..100) {
            0..55 => 0,
            55..76 => self.rng.random_range(1..=5),
            76..86 => self.rng.random_range(6..=60),
            86..91 => self.rng.random_range(61..=DAY / 2),
            91..94 => {
                let night = (0..DAY).find(|step| day(zone, self.now + step) != day(zone, self.now));
                night.unwrap_or(DAY) + self.rng.random_range(-12..=12)
            }
            94 | 95 if self.now < self.last => {
                let days = self.any(&[1, 1, 2, 3, 8]);
                self.rng.random_range(DAY..=days * DAY)
            }
            96 if self.now < self.last && self.one_in(3) => {
                self.rng.random_range(29 * DAY..=33 * DAY)
            }
            97 => return self.now - self.rng.random_range(1..=30),
            98 => return self.now - self.rng.random_range(1..=3 * DAY),
            _ => 1,
        };
        self.now += step;
        self.now
    }

    /// The next command and its instant.
    pub(crate) fn next(&mut self, model: &Model) -> (Minute, Command) {
        if let Some(command) = self.opening.pop() {
            return (self.now, command);
        }
        if self.one_in(800) {
            return (self.now + self.any(&[401, 500]) * DAY, self.any_leap());
        }
        if self.now < self.last && self.one_in(3_000) {
            self.last = self.now;
            self.now += 401 * DAY;
            return (self.now, Command::ConfirmClock);
        }
        let minute = self.tick();
        let command = match self.rng.random_range(0..100) {
            0..40 => self.reserve(model),
            40..66 => self.settle(model),
            66 | 67 => {
                // At times several in a row, not in the order in which they were reserved.
                let more = self.any(&[0, 0, 0, 2, 7]);
                self.opening = (0..more).map(|_| Command::Cancel(self.some_email(model))).collect();
                Command::Cancel(self.some_email(model))
            }
            68 => self.begin(model),
            69..73 => self.look(model),
            73 => Command::Restart,
            74..88 => self.about_account(model),
            88..96 => self.about_membership(model),
            96..99 => self.about_campaign(model),
            _ if self.one_in(3) => Command::ConfirmClock,
            _ => Command::Tick,
        };
        (minute, command)
    }

    /// A command for a step that is too far to be believed.
    fn any_leap(&mut self) -> Command {
        match self.rng.random_range(0..3) {
            0 => Command::Tick,
            1 => Command::Reserve(CampaignId(1), vec![Request::new_lead(LeadId(1))]),
            _ => Command::Usage(AccountId(1), 1),
        }
    }

    fn some_email(&mut self, model: &Model) -> u64 {
        let all = model.emails.len() as u64;
        let open = model.emails.iter().enumerate();
        let open = open.filter(|(_, email)| email.fate == Fate::Open).map(|(n, _)| n as u64);
        let open: Vec<u64> = open.collect();
        if open.is_empty() || self.one_in(8) {
            return all.saturating_sub(self.rng.random_range(0..12));
        }
        self.any(&open)
    }

    fn settle(&mut self, model: &Model) -> Command {
        let outcomes = [
            Outcome::Sent,
            Outcome::Sent,
            Outcome::Sent,
            Outcome::Deferred,
            Outcome::Rejected,
            Outcome::Unknown,
        ];
        Command::Settle(self.some_email(model), self.any(&outcomes))
    }

    fn begin(&mut self, model: &Model) -> Command {
        if self.one_in(12) { Command::GiveBack } else { Command::Begin(self.some_email(model)) }
    }

    fn look(&mut self, model: &Model) -> Command {
        if self.one_in(3) {
            let lead = LeadId(self.rng.random_range(0..=self.leads));
            if let Some(email) = model.emails.last().filter(|_| !self.one_in(4)) {
                return Command::LookLead(email.campaign, email.request.lead);
            }
            return Command::LookLead(self.some_campaign(), lead);
        }
        let ahead = self.any(&[0, 0, 0, 1, 15, 60, 600, 1_500, 4_000]);
        Command::Look(self.some_account(), ahead)
    }

    fn reserve(&mut self, model: &Model) -> Command {
        let mut id = self.some_campaign();
        if model.stream(id).is_none() || model.stream(id).unwrap().members.is_empty() {
            id = self.some_campaign();
        }
        let many = if self.one_in(6) { self.rng.random_range(2..=4) } else { 1 };
        let known = model.emails.len();
        if known > 0 && self.one_in(15) {
            // A key that was used before, at times for something else.
            let email = &model.emails[self.rng.random_range(known.saturating_sub(10)..known)];
            let mut request = email.request.clone();
            if self.one_in(4) {
                request.lead = LeadId(1);
            }
            return Command::Reserve(email.campaign, vec![request]);
        }
        Command::Reserve(id, (0..many).map(|_| self.request(id, model)).collect())
    }

    fn request(&mut self, id: CampaignId, model: &Model) -> Request {
        let written = model.emails.iter().filter(|email| email.campaign == id);
        let written: Vec<LeadId> = written.map(|email| email.request.lead).collect();
        let mut old = LeadId(self.rng.random_range(0..=self.leads));
        if !written.is_empty() && !self.one_in(8) {
            old = self.any(&written[written.len().saturating_sub(12)..]);
        }
        let mut request = match self.rng.random_range(0..20) {
            0..4 => Request::follow_up(old),
            4 => Request::new_lead(old),
            _ => {
                self.leads += 1;
                Request::new_lead(LeadId(self.leads))
            }
        };
        if self.one_in(10) {
            request = request.from_account(self.some_account());
        }
        if self.one_in(8) {
            let many = self.any(&[1, 2, 2, 4, 8]);
            request = request.excluding((0..many).map(|_| self.some_account()));
        }
        if self.one_in(6) {
            let key = format!("key {}", self.leads);
            request = request.key(if self.one_in(20) { String::new() } else { key });
        }
        request
    }

    /// Makes somebody well again who could not send, so that worlds stay alive.
    fn heal(&mut self, model: &Model) -> Option<Command> {
        let sender = model.sender(self.some_account())?;
        let (id, set) = (sender.set.id, &sender.set);
        if set.suspended {
            return Some(Command::Resume(id));
        }
        if !set.connection.is_verified() {
            return Some(Command::Connect(id, Connection::VERIFIED));
        }
        if !sender.good || !sender.is_fresh(self.now) {
            let value = Reputation::new(self.any(&[TRUST, 3, 3, 6])).unwrap();
            return Some(Command::Trust(id, value));
        }
        if set.weight.value() == 0 || set.daily_cap == 0 || set.warmup.is_some() {
            let cap = set.daily_cap.max(2);
            let mut account = set.clone().weight(Weight::ONE).daily_cap(cap);
            account.warmup = None;
            return Some(Command::ChangeAccount(Box::new(account)));
        }
        let stream = model.stream(self.some_campaign())?;
        let campaign = stream.set.id;
        if stream.member(id).is_none() && set.owner == stream.set.owner {
            return Some(Command::Attach(campaign, vec![id], Mode::AllOrNone));
        }
        let halted = [CampaignState::Draft, CampaignState::Paused].contains(&stream.set.state);
        let active = stream.set.clone().state(CampaignState::Active);
        halted.then_some(Command::ChangeCampaign(active))
    }

    fn about_account(&mut self, model: &Model) -> Command {
        if self.one_in(2) {
            if let Some(command) = self.heal(model) {
                return command;
            }
        }
        let id = self.some_account();
        let until = self.now + self.any(&[1, 30, 300, 3_000]);
        let until = if self.one_in(3) { None } else { Some(until) };
        match self.rng.random_range(0..14) {
            0..4 => match model.sender(id) {
                Some(sender) => {
                    let mut account = sender.set.clone();
                    self.alter(&mut account);
                    Command::ChangeAccount(Box::new(account))
                }
                None => Command::AddAccount(Box::new(self.account(id.0))),
            },
            4 if self.one_in(3) => Command::Suspend(id),
            4 | 5 => Command::Resume(id),
            6 | 7 => {
                let value = self.any(&[TRUST - 1, TRUST, TRUST, 3, 3, 3, 3, 6, 6]);
                Command::Trust(id, Reputation::new(value).unwrap())
            }
            8 => {
                let broken = Connection::new(Link::Verified, Link::broken("535"));
                let broken = if self.one_in(2) {
                    broken.clone()
                } else {
                    Connection::new(broken.imap, broken.smtp)
                };
                let works = !self.one_in(3);
                Command::Connect(id, if works { Connection::VERIFIED } else { broken })
            }
            9 => Command::Usage(id, self.rng.random_range(0..4)),
            10 | 11 => {
                let zone = model.sender(id).map(|sender| sender.set.zone).unwrap_or_default();
                let ahead = self.any(&[0, 0, DAY, 2 * DAY]);
                let due = self.rng.random_range(0..8);
                Command::FollowUps(id, day(zone, self.now + ahead), due)
            }
            12 => Command::HoldAccount(id, until),
            _ => {
                let domain = self.any(&["d0.example", "d1.example", "d2.example"]);
                Command::HoldDomain(OwnerId(self.rng.random_range(1..=2)), domain, until)
            }
        }
    }

    fn about_membership(&mut self, model: &Model) -> Command {
        let campaign = self.some_campaign();
        let many = self.rng.random_range(1..=3);
        let accounts = (0..many).map(|_| self.some_account()).collect();
        let mode = self.any(&[Mode::AllOrNone, Mode::AllOrNone, Mode::EachThatCan, Mode::DryRun]);
        let lead = LeadId(self.rng.random_range(0..=self.leads));
        match self.rng.random_range(0..10) {
            0..6 => Command::Attach(campaign, accounts, mode),
            6..8 => Command::Detach(campaign, accounts, mode),
            8 => Command::BindLead(campaign, lead, self.some_account()),
            _ => {
                let id = self.some_account();
                if model.sender(id).is_some() && self.one_in(2) {
                    return Command::DeleteAccount(id);
                }
                Command::AddAccount(Box::new(self.account(id.0)))
            }
        }
    }

    fn about_campaign(&mut self, model: &Model) -> Command {
        let id = self.some_campaign();
        let fresh = self.campaign(id.0);
        match (model.stream(id), self.rng.random_range(0..8)) {
            (Some(_), 0) if self.one_in(2) => Command::DeleteCampaign(id),
            (Some(_), 1) if self.one_in(50) => {
                Command::ChangeCampaign(fresh.state(CampaignState::Stopped))
            }
            (Some(stream), 1..6) => {
                let mut campaign = stream.set.clone();
                match self.rng.random_range(0..4) {
                    0 => campaign.zone = fresh.zone,
                    1 => campaign.schedule = fresh.schedule,
                    2 => {
                        campaign.daily_cap = fresh.daily_cap;
                        campaign.new_lead_cap = fresh.new_lead_cap;
                    }
                    _ => {
                        campaign.state = fresh.state;
                        if campaign.state != CampaignState::Active && self.one_in(2) {
                            campaign.state = CampaignState::Active;
                        }
                    }
                }
                Command::ChangeCampaign(campaign)
            }
            _ => Command::AddCampaign(fresh),
        }
    }
}
