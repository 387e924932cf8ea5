//! What of an event cannot have happened in the state that it comes to.
//!
//! Names the value and the rule; who reads events checks them.

use std::fmt;

use crate::policy::SettingError;
use crate::vocab::{AccountId, CampaignId, ReservationId, Timestamp};

/// An event that cannot have happened to an engine in this state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// How many of the events were taken in before it.
    pub taken: u64,
    /// When it is said to have happened.
    pub at: Timestamp,
    /// Why it cannot have.
    pub misfit: Misfit,
}

/// Why an event cannot have happened to an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfit {
    /// It is about an account that is not there, or is attached already.
    Account(AccountId),
    /// It is about a campaign that is not there.
    Campaign(CampaignId),
    /// It is older than what is known already.
    Earlier {
        /// The latest instant known.
        seen: Timestamp,
    },
    /// A number in it is larger than any engine gets.
    OutOfRange {
        /// Which.
        field: &'static str,
    },
    /// It is about a reservation that is not there, or has ended so already.
    Reservation(ReservationId),
    /// A setting of an account is outside its range.
    Setting(SettingError),
    /// A grant comes out of turn: grants are numbered without gaps.
    Turn {
        /// The number that comes next.
        next: ReservationId,
        /// The number found.
        found: ReservationId,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account} is not there, or is attached"),
            Self::Campaign(campaign) => write!(f, "campaign {campaign} is not there"),
            Self::Earlier { seen } => write!(f, "{seen} has passed"),
            Self::OutOfRange { field } => write!(f, "{field} is out of range"),
            Self::Reservation(id) => write!(f, "reservation {id} is not there, or has ended"),
            Self::Setting(error) => fmt::Display::fmt(error, f),
            Self::Turn { next, found } => {
                write!(f, "reservation {next} comes next, and it has {found}")
            }
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken, at, misfit } = self;
        write!(
            f,
            "the event after the first {taken}, at {at}, does not follow: {misfit}; give all \
             events of one engine in order, from its snapshot on"
        )
    }
}

impl std::error::Error for EventError {}
