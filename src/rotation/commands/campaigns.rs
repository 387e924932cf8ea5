//! Commands about campaigns: they come, change and go; leads given to an account.
//!
//! Checks what is asked. What follows from a change is taken in elsewhere.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::{Campaign, CampaignState};
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::state::event::Fact;
use crate::vocab::{AccountId, CampaignId, LeadId};

/// A change of a campaign that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CampaignError {
    /// The account is not attached to the campaign; it may not exist.
    AccountNotAttached {
        /// Which campaign.
        campaign: CampaignId,
        /// Which account.
        account: AccountId,
    },
    /// The instant is not accepted.
    Clock(ClockError),
    /// There is a campaign with this number.
    Exists {
        /// The number given.
        campaign: CampaignId,
    },
    /// Accounts are attached, and the owner cannot change.
    OwnerOfAttached {
        /// Which campaign.
        campaign: CampaignId,
    },
    /// It was stopped for good.
    Stopped {
        /// Which campaign.
        campaign: CampaignId,
    },
    /// There is no such campaign.
    UnknownCampaign {
        /// The number given.
        campaign: CampaignId,
    },
}

impl fmt::Display for CampaignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountNotAttached { campaign, account } => {
                write!(f, "account {account} is not attached to campaign {campaign}; attach it")
            }
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Exists { campaign } => write!(
                f,
                "campaign {campaign} exists; call change_campaign to replace its settings"
            ),
            Self::OwnerOfAttached { campaign } => write!(
                f,
                "campaign {campaign} has accounts attached; detach them before its owner changes"
            ),
            Self::Stopped { campaign } => {
                write!(f, "campaign {campaign} was stopped for good; add a new one")
            }
            Self::UnknownCampaign { campaign } => {
                write!(f, "there is no campaign {campaign}; add it first")
            }
        }
    }
}

impl std::error::Error for CampaignError {}

impl From<ClockError> for CampaignError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

impl Engine {
    /// Adds a campaign.
    ///
    /// # Errors
    /// [`CampaignError`]; then nothing has changed.
    pub fn add_campaign(
        &mut self,
        campaign: Campaign,
        now: DateTime<Utc>,
    ) -> Result<(), CampaignError> {
        let now = self.enter(now)?;
        if self.state.campaign(campaign.id).is_some() {
            return Err(CampaignError::Exists { campaign: campaign.id });
        }
        self.take_in(now, Fact::CampaignSet { campaign });
        Ok(())
    }

    /// Replaces a campaign's settings; the next answer obeys them.
    ///
    /// # Errors
    /// [`CampaignError`]; then nothing has changed. A stopped campaign stays so.
    pub fn change_campaign(
        &mut self,
        campaign: Campaign,
        now: DateTime<Utc>,
    ) -> Result<(), CampaignError> {
        let now = self.enter(now)?;
        let id = campaign.id;
        let unknown = CampaignError::UnknownCampaign { campaign: id };
        let record = self.state.campaign(id).ok_or(unknown)?;
        if record.settings.owner != campaign.owner && !record.attached.is_empty() {
            return Err(CampaignError::OwnerOfAttached { campaign: id });
        }
        let stopped = record.settings.state == CampaignState::Stopped;
        if stopped && campaign.state != CampaignState::Stopped {
            return Err(CampaignError::Stopped { campaign: id });
        }
        self.take_in(now, Fact::CampaignSet { campaign });
        Ok(())
    }

    /// The settings of a campaign.
    pub fn campaign(&self, id: CampaignId) -> Option<&Campaign> {
        self.state.campaign(id).map(|record| &record.settings)
    }

    /// The accounts attached to a campaign, by number; suspended ones too.
    pub fn attached(&self, campaign: CampaignId) -> impl Iterator<Item = AccountId> + '_ {
        let record = self.state.campaign(campaign);
        record.into_iter().flat_map(|record| record.attached.keys().copied())
    }

    /// Deletes a campaign. What it sent still counts for its accounts, and reservations that are
    /// out can still be settled.
    ///
    /// # Errors
    /// [`CampaignError`]; then nothing has changed.
    pub fn delete_campaign(
        &mut self,
        id: CampaignId,
        now: DateTime<Utc>,
    ) -> Result<(), CampaignError> {
        let now = self.enter(now)?;
        if self.state.campaign(id).is_none() {
            return Err(CampaignError::UnknownCampaign { campaign: id });
        }
        self.take_in(now, Fact::CampaignDeleted { campaign: id });
        Ok(())
    }

    /// Gives a lead to an account, as if it had written to it: what an import brings, or an
    /// operator decides.
    ///
    /// # Errors
    /// [`CampaignError`]; then nothing has changed.
    pub fn bind_lead(
        &mut self,
        campaign: CampaignId,
        lead: LeadId,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), CampaignError> {
        let now = self.enter(now)?;
        let unknown = CampaignError::UnknownCampaign { campaign };
        let record = self.state.campaign(campaign).ok_or(unknown)?;
        if !record.attached.contains_key(&account) {
            return Err(CampaignError::AccountNotAttached { campaign, account });
        }
        self.take_in(now, Fact::LeadBound { campaign, lead, account });
        Ok(())
    }

    /// Every campaign, by number.
    pub fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.state.campaigns.values().filter(|record| !record.deleted).map(|c| &c.settings)
    }

    /// The campaigns that an account is attached to, by number.
    pub fn campaigns_of(&self, account: AccountId) -> impl Iterator<Item = CampaignId> + '_ {
        self.state.account(account).into_iter().flat_map(|record| record.campaigns.iter().copied())
    }

    /// The account that writes to a lead, if one does.
    pub fn lead_account(&self, campaign: CampaignId, lead: LeadId) -> Option<AccountId> {
        self.state.campaign(campaign)?.leads.account(lead)
    }
}
