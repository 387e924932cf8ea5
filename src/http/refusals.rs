//! The engine's errors and the store's, as problems of a call.
//!
//! Translates and decides nothing: each error has one status, whoever asked.

use crate::http::problem::{Detail, Problem, details};
use crate::rotation::{
    AccountError, AttachError, BeginError, CampaignError, Checked, ClockError, Finding,
    QuestionError, ReserveError, SettleError,
};
use crate::store::{DurableError, StoreError};

impl From<DurableError<Self>> for Problem {
    fn from(error: DurableError<Self>) -> Self {
        match error {
            DurableError::Engine(problem) => problem,
            DurableError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The words name paths of the machine; they are for its operator.
        tracing::error!(%error, "the store gives no answer");
        match error {
            StoreError::Closed => Self::unavailable("stopping", "The service is stopping"),
            StoreError::Clock(_)
            | StoreError::Config(_)
            | StoreError::Forgotten { .. }
            | StoreError::Journal(_)
            | StoreError::OtherConfig { .. }
            | StoreError::Panicked
            | StoreError::Stopped(_) => {
                Self::unavailable("store", "The store cannot write; nothing was changed")
            }
        }
    }
}

impl From<ClockError> for Problem {
    fn from(error: ClockError) -> Self {
        tracing::error!(%error, "the clock is not accepted");
        Self::unavailable("clock", "The service's clock is wrong; nothing was changed")
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Clock(error) => error.into(),
            AccountError::LastSender { .. } => {
                Self::conflict("last_sender_of_active_campaign", error.to_string())
            }
            AccountError::Setting { error, .. } => {
                Self::Invalid { error: Some(error.to_string()), details: Vec::new() }
            }
            AccountError::UnknownAccount { .. } => Self::NOT_FOUND,
            AccountError::Exists { .. } | AccountError::OwnerOfAttached { .. } => {
                Self::internal(error.to_string())
            }
        }
    }
}

impl From<CampaignError> for Problem {
    fn from(error: CampaignError) -> Self {
        match error {
            CampaignError::AccountNotAttached { .. } => {
                Self::field("email_account_id", error.to_string())
            }
            CampaignError::Clock(error) => error.into(),
            CampaignError::Stopped { .. } => Self::conflict("campaign_stopped", error.to_string()),
            CampaignError::UnknownCampaign { .. } => Self::NOT_FOUND,
            CampaignError::Exists { .. } | CampaignError::OwnerOfAttached { .. } => {
                Self::internal(error.to_string())
            }
        }
    }
}

impl From<AttachError> for Problem {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Clock(error) => error.into(),
            AttachError::Refused(report) => {
                let mut errors = report.accounts.iter().flat_map(Checked::errors);
                let is_missing = |f: &Finding| matches!(f, Finding::NotFoundOrNotOwned);
                if errors.all(is_missing) {
                    return Self::NotFound { details: details(&report) };
                }
                let mut errors = report.accounts.iter().flat_map(Checked::errors);
                let is_last = |f: &Finding| matches!(f, Finding::LastSenderOfActiveCampaign);
                if errors.any(is_last) {
                    let error = "Cannot remove all accounts from an active campaign; pause it \
                                 first, or add others";
                    let (code, error) = ("last_sender_of_active_campaign", error.to_owned());
                    return Self::Conflict { code, error, details: details(&report) };
                }
                Self::invalid(details(&report))
            }
            AttachError::UnknownCampaign { .. } => Self::NOT_FOUND,
        }
    }
}

impl From<ReserveError> for Problem {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::AccountNotAttached { .. } => {
                Self::field("email_account_id", error.to_string())
            }
            ReserveError::Clock(error) => error.into(),
            ReserveError::KeyLength { .. } | ReserveError::KeyReused { .. } => {
                Self::field("Idempotency-Key", error.to_string())
            }
            ReserveError::LeadElsewhere { lead, bound, demanded } => {
                let error = format!(
                    "lead {lead} belongs to account {bound}, not {demanded}; demand that one, or \
                     move the lead with update-lead-email-account"
                );
                Self::conflict("lead_elsewhere", error)
            }
            ReserveError::LeadUnbound { lead } => {
                let error = format!(
                    "nobody wrote to lead {lead}; send it as a new lead, demand an account, or \
                     give it to one with update-lead-email-account"
                );
                Self::conflict("lead_unbound", error)
            }
            ReserveError::UnknownCampaign { .. } => Self::NOT_FOUND,
        }
    }
}

impl From<SettleError> for Problem {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Cancelled { .. } => Self::conflict("cancelled", error.to_string()),
            SettleError::Clock(error) => error.into(),
            SettleError::Settled { .. } => Self::conflict("settled", error.to_string()),
            SettleError::UnknownReservation { .. } => Self::NOT_FOUND,
        }
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Clock(error) => error.into(),
            BeginError::Ended { .. } => Self::conflict("ended", error.to_string()),
            BeginError::Lapsed { .. } => Self::conflict("lapsed", error.to_string()),
            BeginError::UnknownReservation { .. } => Self::NOT_FOUND,
        }
    }
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Clock(error) => error.into(),
            QuestionError::TooManyEmails { .. } => {
                Self::invalid(vec![Detail::field("emails", error.to_string())])
            }
            QuestionError::UnknownAccount { .. } | QuestionError::UnknownCampaign { .. } => {
                Self::NOT_FOUND
            }
        }
    }
}
