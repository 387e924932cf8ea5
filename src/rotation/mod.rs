//! The state machine: accounts, campaigns, attach, reserve, settle, and whose turn it is.
//!
//! Commands decide on events, events are taken in, and nothing else changes a fact. It reads no
//! clock, disk, network or entropy: time is an argument and chance comes from a seed.

mod commands;
mod containers;
mod engine;
mod history;
mod index;
mod lineup;
mod misfit;
mod questions;
mod rota;
mod rules;
mod snapshot;
mod state;
mod turns;

pub use commands::accounts::AccountError;
pub use commands::attach::Mode;
pub use commands::begin::{BeginError, Begun};
pub use commands::campaigns::CampaignError;
pub use commands::findings::{AttachError, AttachReport, Checked, Finding};
pub use commands::pick::{Candidate, Pick, ReserveError, Unavailable, Wait};
pub use commands::settle::{SettleError, Settlement};
pub use engine::{ClockError, Engine};
pub use lineup::Lineup;
pub use misfit::{EventError, Misfit};
pub use questions::campaign_day::{AccountShare, CampaignDay, RestOfDay};
pub use questions::explain::{Explanation, QuestionError, Standing};
pub use questions::forecast::{DayForecast, Forecast, Planned};
pub use questions::notice::{CapUse, Notice, Noticed};
pub use questions::watch::Watch;
pub use snapshot::{Snapshot, SnapshotError};
pub use state::config::{Config, ConfigError};
pub use state::event::{Event, Fact, Reserved};
pub use state::reservation::{EmailKind, Fate, Outcome, Request, Reservation};
