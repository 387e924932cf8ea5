//! The engine's commands: each as a call that blocks, as a future, and as part of a step.
//!
//! Nothing is decided here; what a command does is told where the engine has it.

use chrono::{DateTime, Utc};

use crate::policy::{Account, Campaign, Connection};
use crate::rotation::{
    AccountError, AttachError, AttachReport, BeginError, Begun, CampaignError, ClockError, Mode,
    Outcome, Pick, Request, ReserveError, SettleError, Settlement,
};
use crate::store::committing::ticket::Ticket;
use crate::store::engine::durable::{AsyncEngine, DurableEngine};
use crate::store::engine::step::Step;
use crate::store::error::DurableError;
use crate::vocab::{AccountId, CampaignId, CivilDay, LeadId, OwnerId, Reputation, ReservationId};

macro_rules! commands {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty, $error:ty;)*) => {
        impl DurableEngine {
            $(
                #[doc = concat!(
                    "[`Engine::", stringify!($name), "`](crate::rotation::Engine::",
                    stringify!($name), "), answered once it is durable."
                )]
                ///
                /// # Errors
                /// The engine's own, and [`DurableError::Store`] if it could not be made durable.
                pub fn $name(
                    &self,
                    $($arg: $type,)*
                    now: DateTime<Utc>,
                ) -> Result<$answer, DurableError<$error>> {
                    self.shared().look_for_room();
                    self.submit(|engine| engine.$name($($arg,)* now)).wait()
                }
            )*
        }

        impl Step<'_> {
            $(
                #[doc = concat!(
                    "[`Engine::", stringify!($name), "`](crate::rotation::Engine::",
                    stringify!($name), "), durable with the rest of the step."
                )]
                ///
                /// # Errors
                /// The engine's own.
                pub fn $name(
                    &mut self,
                    $($arg: $type,)*
                    now: DateTime<Utc>,
                ) -> Result<$answer, $error> {
                    self.engine.$name($($arg,)* now)
                }
            )*
        }

        impl AsyncEngine {
            $(
                #[doc = concat!(
                    "[`Engine::", stringify!($name), "`](crate::rotation::Engine::",
                    stringify!($name), "), to be awaited until it is durable."
                )]
                pub fn $name(
                    &self,
                    $($arg: $type,)*
                    now: DateTime<Utc>,
                ) -> Ticket<$answer, $error> {
                    self.engine.submit(|engine| engine.$name($($arg,)* now))
                }
            )*
        }
    };
}

commands! {
    add_account(account: Account) -> (), AccountError;
    add_campaign(campaign: Campaign) -> (), CampaignError;
    attach(campaign: CampaignId, accounts: &[AccountId]) -> AttachReport, AttachError;
    attach_with(campaign: CampaignId, accounts: &[AccountId], mode: Mode)
        -> AttachReport, AttachError;
    begin(reservation: ReservationId) -> Begun, BeginError;
    bind_lead(campaign: CampaignId, lead: LeadId, account: AccountId) -> (), CampaignError;
    cancel(reservation: ReservationId) -> Settlement, SettleError;
    change_account(account: Account) -> (), AccountError;
    change_campaign(campaign: Campaign) -> (), CampaignError;
    confirm_clock() -> (), ClockError;
    declare_follow_ups(id: AccountId, day: CivilDay, due: u32) -> (), AccountError;
    delete_account(id: AccountId) -> (), AccountError;
    delete_campaign(id: CampaignId) -> (), CampaignError;
    detach(campaign: CampaignId, accounts: &[AccountId]) -> AttachReport, AttachError;
    detach_with(campaign: CampaignId, accounts: &[AccountId], mode: Mode)
        -> AttachReport, AttachError;
    give_back_unbegun() -> Vec<ReservationId>, ClockError;
    hold_account(id: AccountId, until: Option<DateTime<Utc>>) -> (), AccountError;
    hold_domain(owner: OwnerId, domain: &str, until: Option<DateTime<Utc>>) -> (), ClockError;
    report_connection(id: AccountId, connection: Connection) -> (), AccountError;
    report_reputation(id: AccountId, value: Reputation) -> (), AccountError;
    report_usage(id: AccountId, emails: u32) -> (), AccountError;
    reserve(campaign: CampaignId, request: &Request) -> Pick, ReserveError;
    reserve_batch(campaign: CampaignId, requests: &[Request])
        -> Vec<Result<Pick, ReserveError>>, ClockError;
    resume(id: AccountId) -> (), AccountError;
    settle(reservation: ReservationId, outcome: Outcome) -> Settlement, SettleError;
    suspend(id: AccountId) -> (), AccountError;
    tick() -> (), ClockError;
}
