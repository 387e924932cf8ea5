//! Random histories: everything that callers and operators do, in any order, and the caller's own
//! view of it.
//!
//! Plays steps and says what came of them. What must hold is the laws' to say.

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, CampaignState, CivilDay, Config, Engine, LeadId,
    Mode, Outcome, Pick, Request, Reservation, ReservationId, ReserveError, SettleError,
    Settlement, Span, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use crate::steps::{How, Setting, Step, hours, lead_of, setting, step, step_across_zones, zone_of};
use crate::world::{OWNER, account, t};

/// Ordinary days, and the evenings before clocks change in one of the zones.
const STARTS: [&str; 4] = [
    "2026-11-23T09:00:00Z",
    "2026-11-23T23:53:00Z",
    "2026-03-28T21:30:00Z",
    "2026-10-24T20:00:00Z",
];
/// The ends of time, a day left out, a clock set back over midnight and a change by odd seconds.
const ODD_STARTS: [&str; 6] = [
    "0001-01-01T00:00:00Z",
    "0001-02-03T20:00:00Z",
    "1972-01-06T23:30:00Z",
    "2010-11-07T01:30:00Z",
    "2011-12-30T09:30:00Z",
    "9999-12-30T21:00:00Z",
];
/// The largest step of the clock that the engine believes.
const LEAP_MAX: TimeDelta = TimeDelta::days(400);

/// A scene and what happens in it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    start: DateTime<Utc>,
    /// The number before that of the first account and campaign.
    base: u64,
    ttl: u64,
    accounts: Vec<Vec<Setting>>,
    campaigns: u8,
    pub(crate) steps: Vec<Step>,
}

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Asked(CampaignId, Request, Result<Pick, ReserveError>),
    Bound(CampaignId, LeadId, AccountId),
    CampaignDeleted(CampaignId),
    Ended(ReservationId, Option<Outcome>, Result<Settlement, SettleError>),
    Imported(AccountId, u32),
    Other,
    Refused(String),
}

impl Done {
    /// Whether the engine answered with an error.
    pub(crate) fn is_refused(&self) -> bool {
        match self {
            Self::Asked(_, _, answer) => answer.is_err(),
            Self::Ended(_, _, answer) => answer.is_err(),
            Self::Refused(_) => true,
            Self::Bound(..) | Self::CampaignDeleted(_) | Self::Imported(..) | Self::Other => false,
        }
    }
}

/// A history as far as it is played.
#[derive(Clone)]
pub(crate) struct Played {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    /// What the wall clock says.
    pub(crate) wall: DateTime<Utc>,
    /// The latest that it said when the engine was called and believed it.
    pub(crate) now: DateTime<Utc>,
    pub(crate) ttl: TimeDelta,
    base: u64,
    accounts: u64,
    campaigns: u64,
    out: Vec<Reservation>,
    deleted: BTreeMap<AccountId, Account>,
}

impl History {
    /// Plays every step and shows what came of it.
    pub(crate) fn play<E>(
        &self,
        mut seen: impl FnMut(&Played, &Done) -> Result<(), E>,
    ) -> Result<Played, E> {
        let mut played = self.set_up();
        for step in &self.steps {
            let done = played.step(step);
            seen(&played, &done)?;
        }
        Ok(played)
    }

    /// The scene before the first step. Its events are recorded.
    pub(crate) fn set_up(&self) -> Played {
        let now = self.start;
        let config = Config::default().reservation_ttl(Span::seconds(self.ttl)).unwrap();
        let mut engine = Engine::new(config.clone());
        engine.record_events();
        let ids = || (1..).map(|n| self.base + n).map(AccountId);
        for (id, settings) in ids().zip(&self.accounts) {
            let fresh = account(id.0).daily_cap(20);
            let account = settings.iter().fold(fresh, |account, setting| setting.on(account));
            engine.add_account(account, now).unwrap();
        }
        let all: Vec<_> = ids().take(self.accounts.len()).collect();
        for n in 1..=u64::from(self.campaigns) {
            let id = CampaignId(self.base + n);
            engine.add_campaign(Campaign::new(id, OWNER), now).unwrap();
            engine.attach_with(id, &all, Mode::EachThatCan, now).unwrap();
        }
        Played {
            engine,
            config,
            wall: now,
            now,
            ttl: TimeDelta::seconds(i64::try_from(self.ttl).unwrap()),
            base: self.base,
            accounts: self.accounts.len() as u64,
            campaigns: u64::from(self.campaigns),
            out: Vec::new(),
            deleted: BTreeMap::new(),
        }
    }
}

impl Played {
    fn account(&self, n: u8) -> AccountId {
        AccountId(self.base + u64::from(n) % self.accounts + 1)
    }

    fn campaign(&self, n: u8) -> CampaignId {
        CampaignId(self.base + u64::from(n) % self.campaigns + 1)
    }

    /// Every campaign, deleted ones too.
    pub(crate) fn campaigns(&self) -> impl Iterator<Item = CampaignId> {
        (1..=self.campaigns).map(|n| CampaignId(self.base + n))
    }

    /// Every account, deleted ones too.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        (1..=self.accounts).map(|n| AccountId(self.base + n))
    }

    fn request(&self, how: How, lead: u64, key: Option<u8>) -> Request {
        // Who asks under a key again mostly asks for the same.
        let lead = lead_of(key.map_or(lead, u64::from));
        let request = match how {
            How::Demand(n) => Request::new_lead(lead).from_account(self.account(n)),
            How::Except(n, many) => {
                let excluded = (0..many).map(|more| self.account(n.wrapping_add(more)));
                Request::new_lead(lead).excluding(excluded)
            }
            How::FollowUp => Request::follow_up(lead),
            How::NewLead => Request::new_lead(lead),
        };
        match key {
            Some(key) => request.key(format!("key {key}")),
            None => request,
        }
    }

    /// Marks everything that is out as begun.
    pub(crate) fn begin_all(&mut self) {
        let _ = self.engine.tick(self.now);
        for reservation in &self.out {
            let _ = self.engine.begin(reservation.id, self.now);
        }
    }

    /// Does one thing.
    pub(crate) fn step(&mut self, step: &Step) -> Done {
        if self.moves_clock(step) {
            return Done::Other;
        }
        if self.wall - self.now <= LEAP_MAX && Timestamp::try_from(self.wall).is_ok() {
            self.now = self.now.max(self.wall);
        }
        self.act(step).unwrap_or_else(|error| Done::Refused(error.to_string()))
    }

    fn moves_clock(&mut self, step: &Step) -> bool {
        if let Step::Clock(ms) = step {
            self.wall += TimeDelta::milliseconds(*ms);
            return true;
        }
        let wakes = matches!(step, Step::Wake);
        if wakes {
            let soon = self.now + TimeDelta::days(3);
            let next = self.engine.next_wakeup().filter(|at| *at < soon);
            self.wall = next.unwrap_or(soon).max(self.now);
        }
        wakes
    }

    fn ask(&mut self, campaign: CampaignId, request: Request) -> Done {
        let pick = self.engine.reserve(campaign, &request, self.wall);
        if let Ok(Pick::Reserved(reservation)) = &pick {
            self.out.push(reservation.clone());
        }
        Done::Asked(campaign, request, pick)
    }

    /// Ends one of those that were given out, late or twice too.
    fn end(&mut self, n: u8, outcome: Option<Outcome>) -> Done {
        if self.out.is_empty() {
            let ticked = self.engine.tick(self.wall);
            return ticked.map_or_else(|error| Done::Refused(error.to_string()), |()| Done::Other);
        }
        let id = self.out[usize::from(n) % self.out.len()].id;
        let ended = match outcome {
            Some(outcome) => self.engine.settle(id, outcome, self.wall),
            None => self.engine.cancel(id, self.wall),
        };
        Done::Ended(id, outcome, ended)
    }

    fn act(&mut self, step: &Step) -> Result<Done, Box<dyn Error>> {
        let now = self.wall;
        match step {
            Step::Ask(campaign, how, lead, key) => {
                return Ok(self.ask(self.campaign(*campaign), self.request(*how, *lead, *key)));
            }
            Step::Attach(campaign, n) => {
                let (campaign, id) = (self.campaign(*campaign), self.account(*n));
                self.engine.attach_with(campaign, &[id], Mode::EachThatCan, now)?;
            }
            Step::Begin(n) => {
                self.engine.tick(now)?;
                if let Some(some) = usize::from(*n).checked_rem(self.out.len()) {
                    self.engine.begin(self.out[some].id, now)?;
                }
            }
            Step::Bind(campaign, lead, n) => {
                let (campaign, id) = (self.campaign(*campaign), self.account(*n));
                self.engine.bind_lead(campaign, lead_of(*lead), id, now)?;
                return Ok(Done::Bound(campaign, lead_of(*lead), id));
            }
            Step::Cancel(n) => return Ok(self.end(*n, None)),
            Step::Settle(n, outcome) => return Ok(self.end(*n, Some(*outcome))),
            Step::Campaign(n, cap, new_leads, active) => {
                self.edit_campaign(*n, |mut campaign| {
                    campaign.daily_cap = *cap;
                    campaign.new_lead_cap = *new_leads;
                    let state = if *active { CampaignState::Active } else { CampaignState::Paused };
                    campaign.state(state)
                })?;
            }
            Step::Change(n, setting) => {
                let id = self.account(*n);
                let account = self.engine.account(id).or_else(|| self.deleted.get(&id));
                let account = setting.on(account.unwrap().clone());
                self.engine.change_account(account, now)?;
            }
            Step::Delete(n) => self.delete_or_add(self.account(*n))?,
            Step::DeleteCampaign(n) => return self.delete_or_add_campaign(self.campaign(*n)),
            Step::Detach(campaign, n) => {
                let (campaign, id) = (self.campaign(*campaign), self.account(*n));
                self.engine.detach_with(campaign, &[id], Mode::EachThatCan, now)?;
            }
            Step::Domain(minutes) => {
                let until = self.later(*minutes);
                self.engine.hold_domain(OWNER, "ACME.example", until, now)?;
            }
            Step::Due(n, due) => {
                let id = self.account(*n);
                let zone = self.engine.account(id).map(|account| account.zone).unwrap_or_default();
                let today: CivilDay = zone.civil_day(Timestamp::try_from(self.now).unwrap());
                let day = today.plus_days(i32::try_from(*due % 2).unwrap());
                self.engine.declare_follow_ups(id, day, *due, now)?;
            }
            Step::Hold(n, minutes) => {
                self.engine.hold_account(self.account(*n), self.later(*minutes), now)?;
            }
            Step::Import(n, emails) => {
                let id = self.account(*n);
                self.engine.report_usage(id, *emails, now)?;
                return Ok(Done::Imported(id, *emails));
            }
            Step::Window(n, office, zone) => self.edit_campaign(*n, |campaign| {
                campaign.schedule(hours(*office)).zone(zone_of(*zone))
            })?,
            Step::Clock(_) | Step::Wake => {}
        }
        Ok(Done::Other)
    }

    fn delete_or_add(&mut self, id: AccountId) -> Result<(), Box<dyn Error>> {
        match self.engine.account(id).cloned() {
            Some(account) => {
                self.engine.delete_account(id, self.wall)?;
                self.deleted.insert(id, account);
            }
            None => self.engine.add_account(self.deleted[&id].clone(), self.wall)?,
        }
        Ok(())
    }

    fn delete_or_add_campaign(&mut self, id: CampaignId) -> Result<Done, Box<dyn Error>> {
        if self.engine.campaign(id).is_some() {
            self.engine.delete_campaign(id, self.wall)?;
            return Ok(Done::CampaignDeleted(id));
        }
        self.engine.add_campaign(Campaign::new(id, OWNER), self.wall)?;
        Ok(Done::Other)
    }

    fn edit_campaign(
        &mut self,
        n: u8,
        edit: impl FnOnce(Campaign) -> Campaign,
    ) -> Result<(), Box<dyn Error>> {
        let id = self.campaign(n);
        let campaign = self.engine.campaign(id).cloned();
        let campaign = campaign.unwrap_or_else(|| Campaign::new(id, OWNER));
        Ok(self.engine.change_campaign(edit(campaign), self.wall)?)
    }

    fn later(&self, minutes: Option<u32>) -> Option<DateTime<Utc>> {
        minutes.map(|minutes| self.now + TimeDelta::minutes(minutes.into()))
    }
}

/// Any history on ordinary days.
pub(crate) fn history(steps: usize) -> impl Strategy<Value = History> {
    from(select(&STARTS), 0, setting(), vec(step(), 1..steps))
}

/// Any history at odd instants, with the largest numbers that there are.
pub(crate) fn odd_history(steps: usize) -> impl Strategy<Value = History> {
    from(select(&ODD_STARTS), u64::MAX - 9, setting(), vec(step(), 1..steps))
}

/// Accounts with caps that are soon used up, which move from zone to zone.
pub(crate) fn history_across_zones(steps: usize) -> impl Strategy<Value = History> {
    let cap = (1_u32..4).prop_map(Setting::Cap);
    from(select(&STARTS), 0, cap, vec(step_across_zones(), 1..steps))
}

fn from(
    start: impl Strategy<Value = &'static str>,
    base: u64,
    setting: impl Strategy<Value = Setting>,
    steps: impl Strategy<Value = Vec<Step>>,
) -> impl Strategy<Value = History> {
    let accounts = vec(vec(setting, 0..4), 1..5);
    let ttl = prop_oneof![3 => Just(600), 1 => Just(1), 1 => Just(43_200), 1 => 2_u64..7_200];
    let campaigns = prop_oneof![Just(1), 2_u8..4];
    (start, ttl, accounts, campaigns, steps).prop_map(
        move |(start, ttl, accounts, campaigns, steps)| History {
            start: t(start),
            base,
            ttl,
            accounts,
            campaigns,
            steps,
        },
    )
}
