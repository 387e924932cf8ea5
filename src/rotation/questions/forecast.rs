//! Looking ahead: the same engine on a copy, in virtual time, each email sent the moment it may be.
//!
//! Changes nothing of the engine that is asked. It assumes that nobody else sends and that every
//! email is accepted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::policy::{Block, Reason};
use crate::rotation::commands::candidates::Candidacy;
use crate::rotation::commands::pick::{Pick, Wait};
use crate::rotation::containers::table::Slot;
use crate::rotation::engine::Engine;
use crate::rotation::questions::explain::QuestionError;
use crate::rotation::rules::{AccountRules, Purpose, longest};
use crate::rotation::state::charge;
use crate::rotation::state::reservation::Request;
use crate::vocab::{AccountId, CampaignId, CivilDay, LeadId, Span, Timestamp};

/// The most emails that a look ahead goes through: half a minute of work.
const EMAILS_MAX: u64 = 10_000_000;

/// An email that would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// When.
    pub at: Timestamp,
    /// From which account.
    pub account: AccountId,
    /// What keeps the account from the next one, the longest of it.
    pub held: Option<Block>,
}

/// What one account would send on one of its civil days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DayForecast {
    /// The civil day in the account's zone.
    pub day: CivilDay,
    /// Which account.
    pub account: AccountId,
    /// How many emails.
    pub emails: u32,
}

/// How a number of emails would go out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// How many would go within the horizon.
    pub emails: u64,
    /// When the last of them would, if all that were asked for fit into the horizon.
    pub finished_at: Option<Timestamp>,
    /// Per day and account, by day.
    pub days: Vec<DayForecast>,
    /// For how long the campaign as a whole would wait, by what it waits for.
    pub waits: BTreeMap<Reason, Span>,
    /// For how long each account would be held, by what holds it longest.
    pub held: BTreeMap<AccountId, BTreeMap<Reason, Span>>,
}

/// What one account would send, added up.
#[derive(Debug)]
struct Tally {
    account: AccountId,
    /// The day of the last email, and how many there were on it.
    open: Option<(CivilDay, u32)>,
    /// By what it is held: there are few reasons.
    held: Vec<(Reason, Span)>,
}

impl Tally {
    fn of(account: AccountId) -> Self {
        Self { account, open: None, held: Vec::new() }
    }

    /// Adds an email that is not before any other, with its day. Returns the day that ended with
    /// it, if one did.
    fn add(&mut self, email: Planned, day: CivilDay) -> Option<DayForecast> {
        if let Some(block) = email.held {
            let length = block.until.unwrap_or(email.at).since(email.at);
            match self.held.iter_mut().find(|(reason, _)| *reason == block.reason) {
                Some((_, held)) => *held = held.plus(length),
                None => self.held.push((block.reason, length)),
            }
        }
        match &mut self.open {
            Some((last, emails)) if *last == day => {
                *emails += 1;
                None
            }
            _ => {
                let ended = self.day();
                self.open = Some((day, 1));
                ended
            }
        }
    }

    fn day(&self) -> Option<DayForecast> {
        let (day, emails) = self.open?;
        Some(DayForecast { day, account: self.account, emails })
    }
}

/// What happens next in a look ahead.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// An email went, by the account in that slot of the copy and on that day of its zone.
    Sent {
        email: Planned,
        by: Slot,
        day: CivilDay,
    },
    Waited {
        from: Timestamp,
        wait: Wait,
    },
}

impl Engine {
    /// The next `n` emails to new leads of a campaign, each sent the moment it may be. Fewer if no
    /// more can go within the horizon of the configuration. Changes nothing.
    ///
    /// # Errors
    /// [`QuestionError`] if there is no such campaign, `now` is not accepted, or more than ten
    /// million emails are asked for.
    pub fn preview(
        &self,
        campaign: CampaignId,
        n: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<Planned>, QuestionError> {
        let mut planned = Vec::new();
        self.look_ahead(campaign, n as u64, self.config().horizon, now, |step| {
            if let Step::Sent { email, .. } = step {
                planned.push(email);
            }
        })?;
        Ok(planned)
    }

    /// How `emails` to new leads of a campaign would go out within `horizon`: when they are done,
    /// per account and day, and what they wait for. Changes nothing.
    ///
    /// # Errors
    /// [`QuestionError`] if there is no such campaign, `now` is not accepted, or more than ten
    /// million emails are asked for.
    pub fn forecast(
        &self,
        campaign: CampaignId,
        emails: u64,
        horizon: Span,
        now: DateTime<Utc>,
    ) -> Result<Forecast, QuestionError> {
        let mut forecast = Forecast::default();
        let mut tallies: Vec<Option<Tally>> = Vec::new();
        self.look_ahead(campaign, emails, horizon, now, |step| match step {
            Step::Sent { email, by, day } => {
                forecast.emails += 1;
                if forecast.emails == emails {
                    forecast.finished_at = Some(email.at);
                }
                if tallies.len() <= by.index() {
                    tallies.resize_with(by.index() + 1, || None);
                }
                let tally = tallies[by.index()].get_or_insert_with(|| Tally::of(email.account));
                forecast.days.extend(tally.add(email, day));
            }
            Step::Waited { from, wait } => {
                if let Some(block) = wait.block {
                    let waited = forecast.waits.entry(block.reason).or_default();
                    *waited = waited.plus(wait.until_at.since(from));
                }
            }
        })?;
        for tally in tallies.into_iter().flatten() {
            forecast.days.extend(tally.day());
            if !tally.held.is_empty() {
                forecast.held.insert(tally.account, tally.held.into_iter().collect());
            }
        }
        forecast.days.sort_unstable_by_key(|of| (of.day, of.account));
        Ok(forecast)
    }

    /// Sends emails from a copy, each the moment it may be, until `emails` went or `horizon` is
    /// over.
    pub(crate) fn look_ahead(
        &self,
        campaign: CampaignId,
        emails: u64,
        horizon: Span,
        now: DateTime<Utc>,
        mut each: impl FnMut(Step),
    ) -> Result<(), QuestionError> {
        let mut at = self.instant(now)?;
        if emails > EMAILS_MAX {
            return Err(QuestionError::TooManyEmails { emails, max: EMAILS_MAX });
        }
        if self.state.campaign(campaign).is_none() {
            return Err(QuestionError::UnknownCampaign { campaign });
        }
        let last = at.plus(horizon);
        let mut copy = self.only(campaign);
        // No email but these goes out, so each may be the first to one and the same lead.
        let request = Request::new_lead(LeadId(0));
        let Ok(candidacy) = Candidacy::new(&copy.state, campaign, &request, at) else {
            return Ok(());
        };
        let mut left = emails;
        while left > 0 {
            copy.arrive(at);
            each(if let Some(sent) = copy.send_next(&candidacy, at) {
                left -= 1;
                sent
            } else {
                let Pick::Wait(wait) = candidacy.later(&copy.state, &mut copy.index, at) else {
                    break;
                };
                if wait.until_at > last {
                    break;
                }
                let from = at;
                at = wait.until_at;
                Step::Waited { from, wait }
            });
        }
        Ok(())
    }

    /// Sends an email at once, if somebody may, and keeps nothing of it that nobody asks a copy
    /// for.
    fn send_next(&mut self, candidacy: &Candidacy<'_>, at: Timestamp) -> Option<Step> {
        let (grant, hints) = self.grant_to(candidacy, at)?;
        let taken = charge::send(&mut self.state, &grant, hints, at)?;
        self.index.taken(&self.state, taken);
        let by = taken.account;
        let rules = AccountRules::of(&self.state, self.state.accounts.at(by)?);
        let held = if self.index.is_calm(by) {
            rules.longest_pause(at)
        } else {
            longest(|visit| rules.each(at, Purpose::NewLead, visit))
        };
        let email = Planned { at, account: grant.account, held };
        Some(Step::Sent { email, by, day: grant.days.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Account, Campaign, Limit, Pace, Ramp, Schedule};
    use crate::rotation::state::config::Config;
    use crate::rotation::state::reservation::{Fate, Outcome};
    use crate::vocab::OwnerId;

    const CAMPAIGN: CampaignId = CampaignId(1);

    /// An engine in which every rule takes its turn to hold somebody, one email being out and never
    /// settled.
    fn engine(campaign: Campaign, now: DateTime<Utc>) -> Engine {
        let account = |id| Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"));
        let office = Schedule::working_days("08:00", "18:00").unwrap();
        let accounts = [
            account(1).daily_cap(6).spacing(Span::minutes(20)).jitter(Span::minutes(5)),
            account(2).daily_cap(9).pace(Pace::Even).schedule(office.clone()),
            account(3).daily_cap(20).ramp(Ramp::table([1, 2, 0, 5]).unwrap()),
            account(4).daily_cap(5).limit(Limit::per_hour(2)),
        ];
        let mut engine = Engine::new(Config::default());
        for account in accounts {
            engine.add_account(account, now).unwrap();
        }
        engine.add_campaign(campaign, now).unwrap();
        let all: Vec<_> = (1..=4).map(AccountId).collect();
        engine.attach(CAMPAIGN, &all, now).unwrap();
        let moved = engine.account(AccountId(4)).unwrap().clone();
        let moved = moved.zone("Europe/Madrid".parse().unwrap());
        engine.change_account(moved, now).unwrap();
        let out = engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(1)), now).unwrap();
        assert!(out.reserved().is_some());
        engine
    }

    /// The same steps, each email reserved and settled for a lead of its own.
    fn plainly(engine: &Engine, emails: u64, mut at: Timestamp) -> Vec<String> {
        let mut copy = engine.only(CAMPAIGN);
        let (last, mut steps, mut sent) = (at.plus(Span::days(90)), Vec::new(), 0);
        while sent < emails {
            copy.arrive(at);
            let request = Request::new_lead(LeadId(100 + sent));
            match copy.reserve_at(CAMPAIGN, &request, at) {
                Ok(Pick::Reserved(reservation)) => {
                    copy.end(at, reservation.id, Fate::Settled(Outcome::Sent));
                    let account = reservation.account;
                    let record = copy.state.account(account).unwrap();
                    let rules = AccountRules::of(&copy.state, record);
                    let held = longest(|visit| rules.each(at, Purpose::NewLead, visit));
                    let email = Planned { at, account, held };
                    let by = copy.state.accounts.slot(&account).unwrap();
                    let day = record.settings.zone.civil_day(at);
                    steps.push(format!("{:?}", Step::Sent { email, by, day }));
                    sent += 1;
                }
                Ok(Pick::Wait(wait)) if wait.until_at <= last => {
                    let from = at;
                    at = wait.until_at;
                    steps.push(format!("{:?}", Step::Waited { from, wait }));
                }
                _ => break,
            }
        }
        steps
    }

    #[test]
    fn a_forecast_is_what_reserving_and_settling_brings() {
        let campaign = || Campaign::new(CAMPAIGN, OwnerId(1));
        let (both, new_leads) = (campaign().daily_cap(19).new_lead_cap(17), "CampaignNewLeadCap");
        // A Sunday evening, and a Tuesday in office hours.
        for (start, campaign, cap) in [
            ("2026-03-22T21:50:00Z", both.clone(), new_leads),
            ("2026-03-24T10:00:00Z", both, new_leads),
            ("2026-03-24T10:00:00Z", campaign().new_lead_cap(17), new_leads),
            ("2026-03-24T10:00:00Z", campaign().daily_cap(17), "CampaignDailyCap"),
            ("2026-03-24T10:00:00Z", campaign(), "DailyCap"),
        ] {
            let now = start.parse().unwrap();
            let engine = engine(campaign, now);
            let mut steps = Vec::new();
            let each = |step: Step| steps.push(format!("{step:?}"));
            engine.look_ahead(CAMPAIGN, 150, Span::days(90), now, each).unwrap();
            let plainly = plainly(&engine, 150, Timestamp::try_from(now).unwrap());
            for (nth, (step, plain)) in steps.iter().zip(&plainly).enumerate() {
                assert_eq!(step, plain, "step {nth} from {start}");
            }
            assert_eq!(steps.len(), plainly.len(), "from {start}");
            let told = steps.concat();
            for reason in [cap, "GapNotOver", "PaceNotDue", "RampCap", "HourCap"] {
                assert!(told.contains(reason), "{reason} holds nobody from {start}");
            }
        }
    }
}
