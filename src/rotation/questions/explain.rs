//! Questions that change nothing: how an account stands, and what holds a campaign.
//!
//! Everything is asked of the rules directly, for an instant at or after the latest one seen, as if
//! the engine were left alone until then.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::Block;
use crate::rotation::commands::blocks::{asked, campaign_blocks, of_request};
use crate::rotation::commands::pick::{Candidate, ReserveError};
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::rules::{AccountRules, Purpose};
use crate::rotation::state::reservation::Request;
use crate::vocab::{AccountId, CampaignId, CivilDay, Timestamp};

/// How an account stands at an instant, whatever campaign asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// Which account.
    pub account: AccountId,
    /// The civil day in its zone.
    pub day: CivilDay,
    /// When that day ends.
    pub day_ends_at: Timestamp,
    /// The most emails that the owner allows on a day.
    pub daily_cap: u32,
    /// The most emails of this day: the cap, or the ramp below it.
    pub allowance: u32,
    /// Sent on this day.
    pub sent: u32,
    /// Reserved, not settled, and charged to this day.
    pub reserved: u32,
    /// Its weight in the rotation.
    pub weight: u64,
    /// What holds it from taking a new lead; nothing if it is ready.
    pub blocks: Vec<Block>,
    /// The least instant at which it may take a new lead, within the horizon.
    pub ready_at: Option<Timestamp>,
}

impl Standing {
    /// What is left of the day's allowance.
    pub const fn headroom(&self) -> u32 {
        self.allowance.saturating_sub(self.sent).saturating_sub(self.reserved)
    }

    /// Whether nothing holds it.
    pub fn is_ready(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// What holds a campaign and each of its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What holds the campaign as a whole.
    pub campaign: Vec<Block>,
    /// Every attached account, by id.
    pub candidates: Vec<Candidate>,
}

/// A question about something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuestionError {
    /// The instant is not accepted.
    Clock(ClockError),
    /// More emails than a look ahead goes through.
    TooManyEmails {
        /// How many were asked for.
        emails: u64,
        /// The most.
        max: u64,
    },
    /// There is no such account.
    UnknownAccount {
        /// The number given.
        account: AccountId,
    },
    /// There is no such campaign.
    UnknownCampaign {
        /// The number given.
        campaign: CampaignId,
    },
}

impl fmt::Display for QuestionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::TooManyEmails { emails, max } => {
                write!(f, "{emails} emails are too many to look ahead; ask for at most {max}")
            }
            Self::UnknownAccount { account } => {
                write!(f, "there is no account {account}; add it first")
            }
            Self::UnknownCampaign { campaign } => {
                write!(f, "there is no campaign {campaign}; add it first")
            }
        }
    }
}

impl std::error::Error for QuestionError {}

impl From<ClockError> for QuestionError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

impl Engine {
    /// How an account stands at `at`, left alone until then. Changes nothing.
    ///
    /// # Errors
    /// [`QuestionError`] if there is no such account or `at` is not accepted.
    pub fn standing(
        &self,
        account: AccountId,
        at: DateTime<Utc>,
    ) -> Result<Standing, QuestionError> {
        let at = self.instant(at)?;
        let unknown = QuestionError::UnknownAccount { account };
        let record = self.state.account(account).ok_or(unknown)?;
        let rules = AccountRules::of(&self.state, record);
        let (zone, usage) = (record.settings.zone, &record.usage);
        let day = zone.civil_day(at);
        let start = zone.day_start(day);
        let used = usage.on_day(start);
        let sent_already = usage.log.since(start);
        let lapsed = usage.open.iter().filter(|open| open.ends_at <= at);
        let lapsed = lapsed.filter(|open| zone.civil_day(open.ends_at) == day).count();
        let sent = sent_already.saturating_add(u32::try_from(lapsed).unwrap_or(u32::MAX));
        let (blocks, ready_at) = asked(&self.state, rules, Purpose::NewLead, at);
        Ok(Standing {
            account,
            day,
            day_ends_at: zone.day_end(at),
            daily_cap: record.settings.daily_cap,
            allowance: rules.allowance(at, day),
            sent,
            reserved: used.saturating_sub(sent),
            weight: record.weight,
            blocks,
            ready_at,
        })
    }

    /// What holds a campaign and each of its accounts at `at` from sending to a new lead, left
    /// alone until then. Changes nothing.
    ///
    /// # Errors
    /// [`QuestionError`] if there is no such campaign or `at` is not accepted.
    pub fn explain(
        &self,
        campaign: CampaignId,
        at: DateTime<Utc>,
    ) -> Result<Explanation, QuestionError> {
        let at = self.instant(at)?;
        let unknown = QuestionError::UnknownCampaign { campaign };
        let record = self.state.campaign(campaign).ok_or(unknown)?;
        let attached = record.attached.keys().filter_map(|id| self.state.account(*id));
        let candidates = attached
            .map(|account| {
                let rules = AccountRules::of(&self.state, account);
                let (blocks, ready_at) = asked(&self.state, rules, Purpose::NewLead, at);
                Candidate { account: account.settings.id, blocks, ready_at }
            })
            .collect();
        let campaign = campaign_blocks(&self.state, campaign, at, true);
        Ok(Explanation { campaign, candidates })
    }

    /// The same for one request: what holds each account from sending that email.
    ///
    /// # Errors
    /// [`ReserveError`] if [`reserve`](Self::reserve) could not answer the request.
    pub fn explain_request(
        &self,
        campaign: CampaignId,
        request: &Request,
        at: DateTime<Utc>,
    ) -> Result<Explanation, ReserveError> {
        let at = self.instant(at)?;
        let (campaign, candidates) = of_request(&self.state, campaign, request, at)?;
        Ok(Explanation { campaign, candidates })
    }
}
