//! The engine's questions, answered from memory at once.
//!
//! Nothing is decided here; what a question means is told where the engine has it.

use chrono::{DateTime, Utc};

use crate::policy::{Account, Campaign};
use crate::rotation::{
    Config, Engine, Explanation, Forecast, Planned, QuestionError, Request, ReserveError, Snapshot,
    Standing,
};
use crate::store::durable::DurableEngine;
use crate::vocab::{AccountId, CampaignId, LeadId, Span, Timestamp};

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
    explain(campaign: CampaignId, at: DateTime<Utc>) -> Explanation, QuestionError;
    explain_request(campaign: CampaignId, request: &Request, at: DateTime<Utc>)
        -> Explanation, ReserveError;
    forecast(campaign: CampaignId, emails: u64, horizon: Span, now: DateTime<Utc>)
        -> Forecast, QuestionError;
    preview(campaign: CampaignId, n: usize, now: DateTime<Utc>) -> Vec<Planned>, QuestionError;
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

    /// The configuration.
    pub fn config(&self) -> Config {
        self.ask(|engine| engine.config().clone())
    }

    /// The account that writes to a lead.
    pub fn lead_account(&self, campaign: CampaignId, lead: LeadId) -> Option<AccountId> {
        self.ask(|engine| engine.lead_account(campaign, lead))
    }

    /// The next instant at which a reservation lapses by itself.
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        self.ask(Engine::next_wakeup)
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
