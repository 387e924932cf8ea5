//! From a file and options to an engine that is ready to be asked.
//!
//! Adds every account of the list, tells the engine what they sent today, and attaches those that
//! may be. One kind of limit can be left out, to see what it costs.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use mailrota::import::{self, Defaults, Imported};
use mailrota::{
    Account, AccountId, AttachReport, Campaign, CampaignId, Clock, Config, Connection, Engine,
    Mode, OwnerId, Pace, Reputation, Schedule, Span, Standpoint, Timestamp,
};

use crate::cli::options::args::{PaceArg, Settings};
use crate::cli::writing::failure::Failure;

const OWNER: OwnerId = OwnerId(1);
/// The campaign of every plan.
pub(crate) const CAMPAIGN: CampaignId = CampaignId(1);
/// A cap that no plan reaches.
const NO_CAP: u32 = u32::MAX;

/// A kind of limit that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    CampaignCaps,
    Caps,
    EvenPace,
    Ramp,
    Refusals,
    Rolling,
    Spacing,
    Windows,
}

impl Limits {
    /// Those of accounts first, in the order in which people think of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Caps,
        Self::Ramp,
        Self::Spacing,
        Self::EvenPace,
        Self::Rolling,
        Self::Windows,
        Self::CampaignCaps,
        Self::Refusals,
    ];

    /// A word for machines.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::CampaignCaps => "campaign_caps",
            Self::Caps => "daily_caps",
            Self::EvenPace => "even_pace",
            Self::Ramp => "ramp",
            Self::Refusals => "refusals",
            Self::Rolling => "rolling_limits",
            Self::Spacing => "spacing",
            Self::Windows => "windows",
        }
    }
}

/// What a plan is made from.
pub(crate) struct Inputs {
    pub(crate) accounts: Vec<Imported>,
    pub(crate) campaign: Campaign,
    pub(crate) start: Timestamp,
    seed: u64,
}

/// An engine at the start of a plan.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) report: AttachReport,
}

impl World {
    /// The attached accounts, by number.
    pub(crate) fn members(&self) -> Vec<AccountId> {
        let mut members = self.report.changed.clone();
        members.sort_unstable();
        members
    }
}

impl Inputs {
    /// Reads the list and lays the options over it.
    pub(crate) fn read(settings: &Settings) -> Result<Self, Failure> {
        let name = if settings.accounts == Path::new("-") {
            "standard input".to_owned()
        } else {
            settings.accounts.display().to_string()
        };
        let bytes = read(&settings.accounts)
            .map_err(|error| Failure::new(format!("cannot read {name}: {error}")))?;
        let defaults = Defaults::new(OWNER).zone(settings.zone);
        let mut accounts = import::any(&bytes, &defaults)
            .map_err(|error| Failure::each_line(&name, &error.to_string()))?;
        if accounts.is_empty() {
            return Err(Failure::new(format!("{name}: the list has no accounts")));
        }
        let start = settings.start.unwrap_or_else(this_minute);
        let campaign = campaign(settings)?;
        for Imported { account, .. } in &mut accounts {
            overlay(account, settings);
            if account.pace == Pace::Even {
                // An even pace is spread over the account's own window.
                account.schedule = campaign.schedule.clone();
            }
        }
        Ok(Self { accounts, campaign, start, seed: settings.seed })
    }

    /// Whether a kind of limit is set at all, or has refused anybody.
    pub(crate) fn sets(&self, limits: Limits, report: &AttachReport) -> bool {
        let any = |test: fn(&Account) -> bool| self.accounts.iter().any(|read| test(&read.account));
        match limits {
            Limits::CampaignCaps => {
                self.campaign.daily_cap.is_some() || self.campaign.new_lead_cap.is_some()
            }
            Limits::Caps => true,
            Limits::EvenPace => any(|account| account.pace == Pace::Even),
            Limits::Ramp => any(|account| account.ramp.is_some()),
            Limits::Refusals => report.accounts.iter().any(mailrota::Checked::is_refused),
            Limits::Rolling => any(|account| !account.limits.is_empty()),
            Limits::Spacing => {
                any(|account| !account.spacing.is_zero() || !account.jitter.is_zero())
            }
            Limits::Windows => {
                !self.campaign.schedule.is_always() || any(|account| !account.schedule.is_always())
            }
        }
    }

    /// Makes the engine, with one kind of limit left out or none.
    pub(crate) fn world(&self, without: Option<Limits>) -> Result<World, Failure> {
        let now = self.start.to_datetime();
        let mut engine = Engine::new(Config::default().seed(self.seed));
        let mut campaign = self.campaign.clone();
        if let Some(limits) = without {
            lift_from_campaign(limits, &mut campaign);
        }
        engine.add_campaign(campaign, now).map_err(Failure::of)?;
        let mut ids = Vec::with_capacity(self.accounts.len());
        for read in &self.accounts {
            let mut account = read.account.clone();
            if let Some(limits) = without {
                lift_from_account(limits, &mut account);
            }
            ids.push(account.id);
            add(&mut engine, account, read.sent_today, now)?;
        }
        let report =
            engine.attach_with(CAMPAIGN, &ids, Mode::EachThatCan, now).map_err(Failure::of)?;
        Ok(World { engine, report })
    }
}

fn add(
    engine: &mut Engine,
    account: Account,
    sent_today: u32,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let id = account.id;
    engine.add_account(account, now).map_err(Failure::of)?;
    engine.report_usage(id, sent_today, now).map_err(Failure::of)
}

/// The present, in whole minutes so that a report reads well.
fn this_minute() -> Timestamp {
    let now = Clock::machine().now();
    let minute = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now);
    Timestamp::try_from(minute).unwrap_or(Timestamp::EPOCH)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(path)
}

fn overlay(account: &mut Account, settings: &Settings) {
    let given = &settings.account;
    account.daily_cap = given.account_cap.unwrap_or(account.daily_cap);
    account.spacing = given.spacing.unwrap_or(account.spacing);
    account.jitter = given.jitter.unwrap_or(account.jitter);
    account.limits.extend(&given.limit);
    if let Some(ramp) = &given.ramp {
        account.ramp = Some(ramp.clone());
    }
    match given.pace {
        Some(PaceArg::Asap) => account.pace = Pace::Asap,
        Some(PaceArg::Even) => account.pace = Pace::Even,
        None => {}
    }
}

fn campaign(settings: &Settings) -> Result<Campaign, Failure> {
    let given = &settings.campaign;
    let mut schedule = Schedule::always();
    if !given.window.is_empty() || given.days.is_some() {
        schedule = Schedule::closed();
        let week = crate::cli::options::parse::days("mon-sun").map_err(Failure::new)?;
        let days = given.days.as_ref().unwrap_or(&week);
        for day in days.weekdays() {
            if given.window.is_empty() {
                schedule = schedule.open(day, "00:00", "24:00").map_err(Failure::of)?;
            }
            for window in &given.window {
                schedule = window.open(schedule, day).map_err(Failure::new)?;
            }
        }
    }
    for day in &given.holiday {
        schedule = schedule.holiday(*day);
    }
    let mut campaign = Campaign::new(CAMPAIGN, OWNER).zone(settings.zone).schedule(schedule);
    campaign.daily_cap = given.daily_cap;
    campaign.new_lead_cap = given.new_leads;
    Ok(campaign)
}

fn lift_from_campaign(limits: Limits, campaign: &mut Campaign) {
    match limits {
        Limits::CampaignCaps => (campaign.daily_cap, campaign.new_lead_cap) = (None, None),
        Limits::Windows => campaign.schedule = Schedule::always(),
        Limits::Caps
        | Limits::EvenPace
        | Limits::Ramp
        | Limits::Refusals
        | Limits::Rolling
        | Limits::Spacing => {}
    }
}

fn lift_from_account(limits: Limits, account: &mut Account) {
    match limits {
        Limits::CampaignCaps => {}
        Limits::Caps => account.daily_cap = NO_CAP,
        Limits::EvenPace => account.pace = Pace::Asap,
        Limits::Ramp => account.ramp = None,
        Limits::Refusals => {
            account.connection = Connection::VERIFIED;
            account.suspended = false;
            if let Some(warmup) = &mut account.warmup {
                warmup.blocked = None;
            }
            account.reputation = Some(Standpoint { value: Reputation::FULL, measured_at: None });
        }
        Limits::Rolling => account.limits.clear(),
        Limits::Spacing => (account.spacing, account.jitter) = (Span::ZERO, Span::ZERO),
        Limits::Windows => account.schedule = Schedule::always(),
    }
}
