//! Commands of operators: accounts and campaigns come, change and go; holds; what was sent without
//! the engine; leads given to an account.
//!
//! Checks what is asked. What follows from a change is taken in elsewhere.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::{Account, Campaign, CampaignState, Connection, SettingError, Standpoint};
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::event::Fact;
use crate::rotation::rules::AccountRules;
use crate::rotation::state::AccountRecord;
use crate::rotation::usage::Usage;
use crate::vocab::{AccountId, CampaignId, CivilDay, LeadId, OwnerId, Reputation, Timestamp};

/// A change of an account that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountError {
    /// The instant is not accepted.
    Clock(ClockError),
    /// There is an account with this number.
    Exists {
        /// The number given.
        account: AccountId,
    },
    /// It is the last account of an active campaign.
    LastSender {
        /// Which account.
        account: AccountId,
        /// Which campaign.
        campaign: CampaignId,
    },
    /// It is attached, and its owner cannot change.
    OwnerOfAttached {
        /// Which account.
        account: AccountId,
    },
    /// A setting is outside its range.
    Setting {
        /// Which account.
        account: AccountId,
        /// What is wrong.
        error: SettingError,
    },
    /// There is no such account.
    UnknownAccount {
        /// The number given.
        account: AccountId,
    },
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Exists { account } => {
                write!(f, "account {account} exists; call change_account to replace its settings")
            }
            Self::LastSender { account, campaign } => write!(
                f,
                "account {account} is the last of active campaign {campaign}; pause that or attach \
                 another first"
            ),
            Self::OwnerOfAttached { account } => {
                write!(f, "account {account} is attached; detach it before its owner changes")
            }
            Self::Setting { account, error } => write!(f, "account {account}: {error}"),
            Self::UnknownAccount { account } => {
                write!(f, "there is no account {account}; add it first")
            }
        }
    }
}

impl std::error::Error for AccountError {}

impl From<ClockError> for AccountError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

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
    /// Adds an account. If one with its number was deleted, what that sent still counts.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn add_account(
        &mut self,
        account: Account,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        if self.state.account(account.id).is_some() {
            return Err(AccountError::Exists { account: account.id });
        }
        self.set_account(account, now)
    }

    /// Replaces an account's settings; the next answer obeys them. What it sent, its leads and its
    /// holds stay.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn change_account(
        &mut self,
        account: Account,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        let record = self.known(account.id)?;
        if record.settings.owner != account.owner && !record.campaigns.is_empty() {
            return Err(AccountError::OwnerOfAttached { account: account.id });
        }
        self.set_account(account, now)
    }

    /// The settings of an account, to be changed and handed to
    /// [`change_account`](Self::change_account).
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.state.account(id).map(|record| &record.settings)
    }

    /// Every account, by number.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.state.accounts.values().filter(|record| !record.deleted).map(|a| &a.settings)
    }

    /// Stops an account in all its campaigns. It stays attached.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn suspend(&mut self, id: AccountId, now: DateTime<Utc>) -> Result<(), AccountError> {
        self.edit(id, now, |account| account.suspended(true))
    }

    /// Frees a suspended account.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn resume(&mut self, id: AccountId, now: DateTime<Utc>) -> Result<(), AccountError> {
        self.edit(id, now, |account| account.suspended(false))
    }

    /// Notes what a check of the credentials said.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn report_connection(
        &mut self,
        id: AccountId,
        connection: Connection,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        self.edit(id, now, |account| account.connection(connection))
    }

    /// Notes an account's reputation as measured now.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn report_reputation(
        &mut self,
        id: AccountId,
        value: Reputation,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        let mut account = self.known(id)?.settings.clone();
        account.reputation = Some(Standpoint { value, measured_at: Some(now) });
        self.set_account(account, now)
    }

    /// Notes emails that an account sent today without the engine: what an import brings, or
    /// another program sent. They count against every cap, in rolling windows from now on, and not
    /// for the spacing. Warm-up mail belongs here only if the account counts it.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn report_usage(
        &mut self,
        id: AccountId,
        emails: u32,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        self.known(id)?;
        if emails > 0 {
            self.take_in(now, Fact::UsageReported { account: id, emails });
        }
        Ok(())
    }

    /// Declares how many follow-ups an account has due on a civil day of its zone. That much room
    /// is held back from new leads, but for their share
    /// ([`Config::new_lead_share`](crate::Config::new_lead_share)).
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn declare_follow_ups(
        &mut self,
        id: AccountId,
        day: CivilDay,
        due: u32,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        self.known(id)?;
        self.take_in(now, Fact::FollowUpsDeclared { account: id, day, due });
        Ok(())
    }

    /// Holds an account until an instant, as a provider may demand; nothing lifts the hold.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed.
    pub fn hold_account(
        &mut self,
        id: AccountId,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        let until = instant(until)?;
        self.known(id)?;
        self.take_in(now, Fact::AccountHeld { account: id, until });
        Ok(())
    }

    /// Holds every account of an owner that sends from a domain until an instant; nothing lifts the
    /// hold. Accounts that are added later are held too.
    ///
    /// # Errors
    /// [`ClockError`] if an instant is not accepted; then nothing has changed.
    pub fn hold_domain(
        &mut self,
        owner: OwnerId,
        domain: &str,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), ClockError> {
        let now = self.enter(now)?;
        let until = instant(until)?;
        let domain = domain.to_ascii_lowercase();
        self.take_in(now, Fact::DomainHeld { owner, domain, until });
        Ok(())
    }

    /// Deletes an account. What it sent still counts if it is added again, and reservations that
    /// are out can still be settled.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing has changed. An active campaign keeps its last account.
    pub fn delete_account(
        &mut self,
        id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        let campaigns: Vec<CampaignId> = self.known(id)?.campaigns.iter().copied().collect();
        let last_of = campaigns.iter().find(|campaign| {
            self.state.campaign(**campaign).is_some_and(|campaign| {
                campaign.attached.len() == 1 && campaign.settings.state == CampaignState::Active
            })
        });
        if let Some(campaign) = last_of {
            return Err(AccountError::LastSender { account: id, campaign: *campaign });
        }
        for campaign in campaigns {
            self.leave(campaign, id, now);
        }
        self.take_in(now, Fact::AccountDeleted { account: id });
        Ok(())
    }

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

    /// The account that writes to a lead, if one does.
    pub fn lead_account(&self, campaign: CampaignId, lead: LeadId) -> Option<AccountId> {
        self.state.campaign(campaign)?.leads.get(&lead).map(|binding| binding.account)
    }

    fn known(&self, id: AccountId) -> Result<&AccountRecord, AccountError> {
        self.state.account(id).ok_or(AccountError::UnknownAccount { account: id })
    }

    fn edit(
        &mut self,
        id: AccountId,
        now: DateTime<Utc>,
        change: impl FnOnce(Account) -> Account,
    ) -> Result<(), AccountError> {
        let now = self.enter(now)?;
        let account = change(self.known(id)?.settings.clone());
        self.set_account(account, now)
    }

    fn set_account(&mut self, mut account: Account, now: Timestamp) -> Result<(), AccountError> {
        let id = account.id;
        account.check().map_err(|error| AccountError::Setting { account: id, error })?;
        if let Some(standpoint) = &mut account.reputation {
            // A date ahead of the clock would make a measurement good for longer than it may be.
            standpoint.measured_at = standpoint.measured_at.map(|at| at.min(now));
        }
        let weight = self.weight_of(&account, now);
        self.take_in(now, Fact::AccountSet { account: Box::new(account), weight });
        Ok(())
    }

    /// The weight that new settings give today.
    fn weight_of(&self, settings: &Account, now: Timestamp) -> u64 {
        let record = self.state.accounts.get(&settings.id);
        let mut record = record.cloned().unwrap_or_else(|| AccountRecord {
            settings: settings.clone(),
            deleted: false,
            usage: Usage::default(),
            place: crate::policy::Place::default(),
            weight: 1,
            good: false,
            down_since: None,
            hold_until: None,
            campaigns: std::collections::BTreeSet::new(),
        });
        record.settings = settings.clone();
        let rules = AccountRules::of(&self.state, &record);
        let day = settings.zone.civil_day(now);
        record.weight_for(rules.allowance(settings.zone, now, day))
    }
}

fn instant(at: Option<DateTime<Utc>>) -> Result<Option<Timestamp>, ClockError> {
    at.map(Timestamp::try_from).transpose().map_err(ClockError::OutOfRange)
}
