//! What a campaign is set to: its state, its window and its own caps.
//!
//! Which accounts are attached, and what was sent, is not known here.

use serde::{Deserialize, Serialize};

use crate::policy::schedule::Schedule;
use crate::vocab::{CampaignId, OwnerId, Zone};

/// A stream of emails that shares attached accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Campaign {
    /// The caller's number for it.
    pub id: CampaignId,
    /// Whom it belongs to; only this owner's accounts can be attached.
    pub owner: OwnerId,
    /// Whether it may send.
    pub state: CampaignState,
    /// Where its window and its civil days are counted.
    pub zone: Zone,
    /// When it may send, in its own [`zone`](Self::zone).
    pub schedule: Schedule,
    /// The most emails in a civil day, over all accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_cap: Option<u32>,
    /// The most new leads in a civil day, over all accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_lead_cap: Option<u32>,
}

impl Campaign {
    /// An active campaign that may always send, in UTC, with no cap of its own.
    pub const fn new(id: CampaignId, owner: OwnerId) -> Self {
        Self {
            id,
            owner,
            state: CampaignState::Active,
            zone: Zone::UTC,
            schedule: Schedule::always(),
            daily_cap: None,
            new_lead_cap: None,
        }
    }

    /// Whether it is limited how many emails it sends.
    pub(crate) const fn is_capped(&self) -> bool {
        self.daily_cap.is_some() || self.new_lead_cap.is_some()
    }

    /// Sets whether it may send. Default active.
    pub fn state(mut self, state: CampaignState) -> Self {
        self.state = state;
        self
    }

    /// Sets where its window and days are counted. Default UTC.
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets when it may send. Default always.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets the most emails in a civil day over all accounts. Default no such cap.
    pub fn daily_cap(mut self, emails: u32) -> Self {
        self.daily_cap = Some(emails);
        self
    }

    /// Sets the most new leads in a civil day over all accounts. Default no such cap.
    pub fn new_lead_cap(mut self, leads: u32) -> Self {
        self.new_lead_cap = Some(leads);
        self
    }
}

/// Whether a campaign may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a fifth state would change every caller's logic")]
pub enum CampaignState {
    /// It sends.
    #[default]
    Active,
    /// It was not started yet.
    Draft,
    /// It was halted and may go on.
    Paused,
    /// It was ended for good; no change brings it back.
    Stopped,
}
