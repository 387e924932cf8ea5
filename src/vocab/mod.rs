//! Words of the domain: ids, instants, civil days and zones, amounts.
//!
//! A value of one of these types is valid by being there: every check lives in a constructor. This
//! floor knows nothing of rules or of the machine that keeps them.

mod amount;
mod civil;
mod id;
mod int128;
mod time;
mod today;

pub use amount::{AmountError, Percent, Reputation, Weight};
pub use civil::{CivilDay, Zone, ZoneError};
pub use id::{AccountId, CampaignId, LeadId, OwnerId, ReservationId};
pub use time::{Span, TimeError, Timestamp};

pub(crate) use civil::ZONE_TABLE_VERSION;
pub(crate) use int128::as_text;
pub(crate) use today::Today;
