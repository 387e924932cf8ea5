//! What is found about an account that is to be attached or taken out, and the report of it.
//!
//! The words only; the checks are made where attaching is.

use std::fmt;

use serde::Serialize;

use crate::rotation::engine::ClockError;
use crate::vocab::{AccountId, CampaignId, Timestamp};

/// Something about one account that keeps it out, or that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// It is attached already; nothing changes.
    AlreadyAttached,
    /// The request names it more than once.
    DuplicateInRequest,
    /// Leads that it wrote to will move to other accounts.
    HasStickyLeads {
        /// How many.
        leads: usize,
    },
    /// Its IMAP check failed.
    ImapFailed {
        /// The provider's words.
        error: String,
    },
    /// It would leave an active campaign without accounts.
    LastSenderOfActiveCampaign,
    /// Its cap or its ramp allows no email.
    NoDailyCapacity,
    /// It is not attached; nothing changes.
    NotAttached,
    /// It does not exist, or it belongs to somebody else, which is the same answer.
    NotFoundOrNotOwned,
    /// Its reputation was measured too long ago.
    ReputationStale {
        /// When.
        measured_at: Timestamp,
    },
    /// Nobody knows its reputation.
    ReputationUnknown,
    /// Its SMTP check failed.
    SmtpFailed {
        /// The provider's words.
        error: String,
    },
    /// An operator stopped it.
    Suspended,
    /// Its warm-up is blocked.
    WarmupBlocked {
        /// The warm-up service's words.
        reason: String,
    },
    /// Its reputation is not above the threshold.
    WarmupReputationTooLow {
        /// What it is.
        value: u8,
        /// What it must be above.
        above: u8,
    },
    /// Its warm-up has not lasted long enough.
    WarmupTooYoung {
        /// When it began.
        started_at: Timestamp,
    },
    /// Its window and the campaign's are never open together.
    WindowNeverOpen,
}

impl Finding {
    /// A stable word for machines, such as `smtp_failed`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyAttached => "already_attached",
            Self::DuplicateInRequest => "duplicate_in_request",
            Self::HasStickyLeads { .. } => "has_sticky_leads",
            Self::ImapFailed { .. } => "imap_failed",
            Self::LastSenderOfActiveCampaign => "last_sender_of_active_campaign",
            Self::NoDailyCapacity => "no_daily_capacity",
            Self::NotAttached => "not_attached",
            Self::NotFoundOrNotOwned => "not_found_or_not_owned",
            Self::ReputationStale { .. } => "reputation_stale",
            Self::ReputationUnknown => "reputation_unknown",
            Self::SmtpFailed { .. } => "smtp_failed",
            Self::Suspended => "suspended",
            Self::WarmupBlocked { .. } => "warmup_blocked",
            Self::WarmupReputationTooLow { .. } => "warmup_reputation_too_low",
            Self::WarmupTooYoung { .. } => "warmup_too_young",
            Self::WindowNeverOpen => "window_never_open",
        }
    }

    /// Whether it keeps the account out, or in; the others are warnings.
    pub const fn is_error(&self) -> bool {
        match self {
            Self::ImapFailed { .. }
            | Self::LastSenderOfActiveCampaign
            | Self::NotFoundOrNotOwned
            | Self::ReputationStale { .. }
            | Self::ReputationUnknown
            | Self::SmtpFailed { .. }
            | Self::Suspended
            | Self::WarmupBlocked { .. }
            | Self::WarmupReputationTooLow { .. } => true,
            Self::AlreadyAttached
            | Self::DuplicateInRequest
            | Self::HasStickyLeads { .. }
            | Self::NoDailyCapacity
            | Self::NotAttached
            | Self::WarmupTooYoung { .. }
            | Self::WindowNeverOpen => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAttached => f.write_str("already attached"),
            Self::DuplicateInRequest => f.write_str("named more than once in the request"),
            Self::HasStickyLeads { leads } => {
                write!(f, "{leads} leads that it wrote to will move to other accounts")
            }
            Self::ImapFailed { error } => write!(f, "IMAP check failed: {error}"),
            Self::LastSenderOfActiveCampaign => f.write_str(
                "the last account of an active campaign; pause it or attach another first",
            ),
            Self::NoDailyCapacity => f.write_str("no daily capacity: its cap allows no email"),
            Self::NotAttached => f.write_str("not attached"),
            Self::NotFoundOrNotOwned => {
                f.write_str("not found, or not owned by the campaign's owner")
            }
            Self::ReputationStale { measured_at } => {
                write!(f, "reputation was measured too long ago, {measured_at}; measure it again")
            }
            Self::ReputationUnknown => f.write_str("reputation unknown; measure it first"),
            Self::SmtpFailed { error } => write!(f, "SMTP check failed: {error}"),
            Self::Suspended => f.write_str("suspended; resume it first"),
            Self::WarmupBlocked { reason } => write!(f, "warm-up blocked: {reason}"),
            Self::WarmupReputationTooLow { value, above } => {
                write!(f, "reputation {value} must be above {above}")
            }
            Self::WarmupTooYoung { started_at } => {
                write!(f, "warming up only since {started_at}")
            }
            Self::WindowNeverOpen => {
                f.write_str("its sending window and the campaign's are never open together")
            }
        }
    }
}

/// One account of a request and everything that was found about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// Which account.
    pub account: AccountId,
    /// Errors and warnings, all of them.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether anything found is an error.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// What keeps it out.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_error())
    }

    /// What its owner should know.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_error())
    }
}

/// Every account of a request once, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AttachReport {
    /// The accounts and what was found.
    pub accounts: Vec<Checked>,
    /// Those whose membership changed, or would without a dry run.
    pub changed: Vec<AccountId>,
}

/// Nothing was attached, or taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The instant is not accepted.
    Clock(ClockError),
    /// At least one account has an error, and all or none was asked for.
    Refused(AttachReport),
    /// There is no such campaign.
    UnknownCampaign {
        /// The number given.
        campaign: CampaignId,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Refused(report) => {
                let refused = report.accounts.iter().filter(|checked| checked.is_refused());
                for (n, checked) in refused.enumerate() {
                    let gap = if n == 0 { "" } else { "; " };
                    write!(f, "{gap}account {}: ", checked.account)?;
                    for (n, error) in checked.errors().enumerate() {
                        let gap = if n == 0 { "" } else { ", " };
                        write!(f, "{gap}{error}")?;
                    }
                }
                Ok(())
            }
            Self::UnknownCampaign { campaign } => {
                write!(f, "there is no campaign {campaign}; add it first")
            }
        }
    }
}

impl std::error::Error for AttachError {}

impl From<ClockError> for AttachError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}
