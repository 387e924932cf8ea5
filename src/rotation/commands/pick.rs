//! The answer to a request: an account, a wait with its end, or unavailable with reasons.
//!
//! Knows no rule and decides nothing.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::Block;
use crate::rotation::engine::ClockError;
use crate::rotation::state::reservation::Reservation;
use crate::vocab::{AccountId, CampaignId, LeadId, Timestamp};

/// The most bytes of an idempotency key.
pub(crate) const KEY_MAX: usize = 255;

/// The answer to a request: now, later, or not until somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not settled counts as sent"]
#[expect(clippy::exhaustive_enums, reason = "a caller's run loop has an arm for each")]
pub enum Pick {
    /// The request's key had a reservation, and it has ended. No new permission to send. If its
    /// [fate](crate::Fate::counts) counts, the email went, or may have; otherwise it did not, and
    /// is asked for again under another key.
    Ended(Reservation),
    /// Send now, from the account that it names, and settle it.
    Reserved(Reservation),
    /// Nobody may send it within the horizon unless somebody acts.
    Unavailable(Unavailable),
    /// Nobody may send it now.
    Wait(Wait),
}

impl Pick {
    /// The reservation, if one was granted or is still out.
    pub const fn reserved(&self) -> Option<&Reservation> {
        match self {
            Self::Reserved(reservation) => Some(reservation),
            Self::Ended(_) | Self::Unavailable(_) | Self::Wait(_) => None,
        }
    }

    /// When to ask again, if it is to wait.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Wait(wait) => Some(wait.until()),
            Self::Ended(_) | Self::Reserved(_) | Self::Unavailable(_) => None,
        }
    }
}

/// Nobody may send it now. Left alone, the answer stays so at every instant before
/// [`until`](Self::until), and is a reservation at it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The least instant that passes all rules together.
    pub until_at: Timestamp,
    /// The account that may send then, the first of them.
    pub account: AccountId,
    /// What holds it now: of the campaign, the lead and the account, that which lasts longest. All
    /// that holds everybody is told by [`explain`](crate::Engine::explain).
    pub block: Option<Block>,
}

impl Wait {
    /// The least instant at which the answer will be a reservation.
    pub fn until(&self) -> DateTime<Utc> {
        self.until_at.to_datetime()
    }
}

/// Nobody may send it within the horizon unless somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unavailable {
    /// What holds the campaign as a whole.
    pub campaign: Vec<Block>,
    /// Every attached account and what holds it.
    pub candidates: Vec<Candidate>,
}

impl Unavailable {
    /// Every reason with its account; those of the campaign come first and have none.
    pub fn reasons(&self) -> impl Iterator<Item = (Option<AccountId>, Block)> + '_ {
        let campaign = self.campaign.iter().map(|block| (None, *block));
        let accounts = self.candidates.iter().flat_map(|candidate| {
            candidate.blocks.iter().map(|block| (Some(candidate.account), *block))
        });
        campaign.chain(accounts)
    }
}

/// An attached account and what holds it from sending a certain email.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// Which account.
    pub account: AccountId,
    /// What holds it; nothing if it is ready.
    pub blocks: Vec<Block>,
    /// The least instant at which all its own rules pass, within the horizon.
    pub ready_at: Option<Timestamp>,
}

impl Candidate {
    /// Whether nothing holds it.
    pub fn is_ready(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// A request that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReserveError {
    /// The demanded account is not attached to the campaign; it may not exist.
    AccountNotAttached {
        /// Which campaign.
        campaign: CampaignId,
        /// Which account.
        account: AccountId,
    },
    /// The instant is not accepted.
    Clock(ClockError),
    /// The key is empty or too long.
    KeyLength {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The key was used for another request.
    KeyReused {
        /// The key.
        key: String,
    },
    /// The demanded account is not the one that wrote to the lead.
    LeadElsewhere {
        /// Which lead.
        lead: LeadId,
        /// The account that writes to it.
        bound: AccountId,
        /// The account that was demanded.
        demanded: AccountId,
    },
    /// A follow-up to a lead that nobody wrote to.
    LeadUnbound {
        /// Which lead.
        lead: LeadId,
    },
    /// There is no such campaign.
    UnknownCampaign {
        /// The number given.
        campaign: CampaignId,
    },
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountNotAttached { campaign, account } => write!(
                f,
                "account {account} is not attached to campaign {campaign}; attach it, or demand \
                 none"
            ),
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::KeyLength { bytes } => {
                write!(
                    f,
                    "an idempotency key of {bytes} bytes is out of range; give 1 to {KEY_MAX}"
                )
            }
            Self::KeyReused { key } => write!(
                f,
                "idempotency key `{key}` was used for another request; give each email its own"
            ),
            Self::LeadElsewhere { lead, bound, demanded } => write!(
                f,
                "lead {lead} belongs to account {bound}, not {demanded}; demand that one, or call \
                 bind_lead first"
            ),
            Self::LeadUnbound { lead } => write!(
                f,
                "nobody wrote to lead {lead}; send it as a new lead, demand an account, or call \
                 bind_lead first"
            ),
            Self::UnknownCampaign { campaign } => {
                write!(f, "there is no campaign {campaign}; add it first")
            }
        }
    }
}

impl std::error::Error for ReserveError {}

impl From<ClockError> for ReserveError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}
