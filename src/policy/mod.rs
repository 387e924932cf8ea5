//! Rules: pure functions over plain values, and the settings they read.
//!
//! This floor knows what an account or a campaign is set to and what that permits at an instant. It
//! does not know who is attached where, what was reserved, or whose turn it is.

mod account;
mod block;
mod campaign;
mod limit;
mod mailbox;
mod ramp;
mod schedule;
mod time_of_day;
mod turn;
mod week;

pub use account::{Account, Pace, SettingError, WarmupMail};
pub use block::{Block, Reason};
pub use campaign::{Campaign, CampaignState};
pub use limit::{Limit, LimitError};
pub use mailbox::{Connection, Link, Provider, Standpoint, Warmup};
pub use ramp::{Ramp, RampError};
pub use schedule::Schedule;
pub use week::ScheduleError;

#[cfg(feature = "http")]
pub(crate) use account::{LIMITS_MAX, SPACING_MAX};
pub(crate) use ramp::SILENT_DAYS;
#[cfg(feature = "http")]
pub(crate) use time_of_day::minute_of_day;
pub(crate) use turn::{
    GRAIN, PLACE_MAX, Place, Stride, TURN, WEIGHT_MAX, end_of_grain, grain, rescaled, weight,
    with_number, within_reach,
};
