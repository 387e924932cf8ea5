//! Commands about accounts: they come, change and go; holds; what was sent without the engine.
//!
//! Checks what is asked. What follows from a change is taken in elsewhere.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::{Account, CampaignState, Connection, Place, SettingError, Standpoint};
use crate::rotation::containers::sorted::Sorted;
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::rules::AccountRules;
use crate::rotation::state::AccountRecord;
use crate::rotation::state::event::Fact;
use crate::rotation::state::usage::Usage;
use crate::vocab::{AccountId, CampaignId, CivilDay, OwnerId, Reputation, Timestamp};

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
    /// for the spacing, and they make the day one with a send for a ramp. Warm-up mail belongs
    /// here only if the account counts it.
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
        let day = self.known(id)?.settings.zone.civil_day(now);
        if emails > 0 {
            self.take_in(now, Fact::UsageReported { account: id, emails, day });
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
        let day = account.zone.civil_day(now);
        let weight = self.weight_of(&account, now);
        self.take_in(now, Fact::AccountSet { account: Box::new(account), weight, day });
        Ok(())
    }

    /// The weight that new settings give today.
    fn weight_of(&self, settings: &Account, now: Timestamp) -> u64 {
        let record = self.state.accounts.get(&settings.id);
        let mut record = record.cloned().unwrap_or_else(|| AccountRecord {
            settings: settings.clone(),
            deleted: false,
            usage: Usage::default(),
            place: Place::default(),
            weight: 1,
            weight_day: settings.zone.civil_day(now),
            good: false,
            down_since: None,
            hold_until: None,
            campaigns: Sorted::default(),
        });
        record.settings = settings.clone();
        let rules = AccountRules::of(&self.state, &record);
        let day = settings.zone.civil_day(now);
        record.weight_for(rules.allowance(now, day))
    }
}

fn instant(at: Option<DateTime<Utc>>) -> Result<Option<Timestamp>, ClockError> {
    at.map(Timestamp::try_from).transpose().map_err(ClockError::OutOfRange)
}
