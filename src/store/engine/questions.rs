//! The engine's questions, answered from memory at once.
//!
//! Nothing is decided here; what a question means is told where the engine has it.

use chrono::{DateTime, Utc};

use crate::policy::{Account, Campaign};
use crate::rotation::{
    CampaignDay, Config, Engine, Explanation, Forecast, Planned, QuestionError, Request,
    Reservation, ReserveError, RestOfDay, Snapshot, Standing,
};
use crate::store::engine::durable::DurableEngine;
use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, ReservationId, Span, Timestamp};

macro_rules! questions {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty, $error:ty;)*) => {
        impl DurableEngine {
            $(
                #[doc = concat!(
                    "[`Engine::", stringify!($name), "`](crate::rotation::Engine::",
                    stringify!($name), "), from memory."
                )]
                ///
                /// # Errors
                /// The engine's own.
                pub fn $name(&self, $($arg: $type,)*) -> Result<$answer, $error> {
                    self.ask(|engine| engine.$name($($arg,)*))
                }
            )*
        }
    };
}

questions! {
    campaign_day(campaign: CampaignId, at: DateTime<Utc>) -> CampaignDay, QuestionError;
    explain(campaign: CampaignId, at: DateTime<Utc>) -> Explanation, QuestionError;
    explain_request(campaign: CampaignId, request: &Request, at: DateTime<Utc>)
        -> Explanation, ReserveError;
    forecast(campaign: CampaignId, emails: u64, horizon: Span, now: DateTime<Utc>)
        -> Forecast, QuestionError;
    preview(campaign: CampaignId, n: usize, now: DateTime<Utc>) -> Vec<Planned>, QuestionError;
    rest_of_day(campaign: CampaignId, emails: u64, now: DateTime<Utc>)
        -> RestOfDay, QuestionError;
    standing(account: AccountId, at: DateTime<Utc>) -> Standing, QuestionError;
}

impl DurableEngine {
    /// The account of a number, if it is there.
    pub fn account(&self, id: AccountId) -> Option<Account> {
        self.ask(|engine| engine.account(id).cloned())
    }

    /// Every account, by number.
    pub fn accounts(&self) -> Vec<Account> {
        self.ask(|engine| engine.accounts().cloned().collect())
    }

    /// The accounts attached to a campaign, by number.
    pub fn attached(&self, campaign: CampaignId) -> Vec<AccountId> {
        self.ask(|engine| engine.attached(campaign).collect())
    }

    /// The campaign of a number, if it is there.
    pub fn campaign(&self, id: CampaignId) -> Option<Campaign> {
        self.ask(|engine| engine.campaign(id).cloned())
    }

    /// Every campaign, by number.
    pub fn campaigns(&self) -> Vec<Campaign> {
        self.ask(|engine| engine.campaigns().cloned().collect())
    }

    /// The campaigns that an account is attached to, by number.
    pub fn campaigns_of(&self, account: AccountId) -> Vec<CampaignId> {
        self.ask(|engine| engine.campaigns_of(account).collect())
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        self.ask(|engine| engine.config().clone())
    }

    /// The account of an owner that has an address, the one with the least number of several.
    pub fn account_at(&self, owner: OwnerId, address: &str) -> Option<Account> {
        self.ask(|engine| engine.account_at(owner, address).cloned())
    }

    /// The account of an owner that had an address when it was deleted, the one with the greatest
    /// number of several.
    pub fn deleted_account(&self, owner: OwnerId, address: &str) -> Option<AccountId> {
        self.ask(|engine| engine.deleted_account(owner, address))
    }

    /// The account that writes to a lead.
    pub fn lead_account(&self, campaign: CampaignId, lead: LeadId) -> Option<AccountId> {
        self.ask(|engine| engine.lead_account(campaign, lead))
    }

    /// The next instant at which a reservation lapses by itself.
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        self.ask(Engine::next_wakeup)
    }

    /// A reservation and whom its campaign belongs to, as long as it is remembered.
    pub fn reservation(&self, id: ReservationId) -> Option<(Reservation, OwnerId)> {
        self.ask(|engine| {
            engine.reservation(id).map(|(reservation, owner)| (reservation.clone(), owner))
        })
    }

    /// The latest instant seen.
    pub fn seen(&self) -> Option<Timestamp> {
        self.ask(Engine::seen)
    }

    /// The whole state as it is in memory.
    pub fn snapshot(&self) -> Snapshot {
        self.ask(Engine::snapshot)
    }
}
