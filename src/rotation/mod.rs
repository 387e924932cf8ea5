//! The state machine: accounts, campaigns, attach, reserve, settle, and whose turn it is.
//!
//! Commands decide on events, events are taken in, and nothing else changes a fact. It reads no
//! clock, disk, network or entropy: time is an argument and chance comes from a seed.

mod absent;
mod accounts;
mod agenda;
mod apply;
mod attach;
mod begin;
mod binding;
mod bulk;
mod campaigns;
mod candidates;
mod config;
mod engine;
mod event;
mod explain;
mod findings;
mod forecast;
mod gather;
mod heap;
mod history;
mod index;
mod leads;
mod lens;
mod lineup;
mod log;
mod lookup;
mod notice;
mod order;
mod outlook;
mod pick;
mod reservation;
mod reserve;
mod rota;
mod rules;
mod runs;
mod settings;
mod settle;
mod snapshot;
mod state;
mod table;
mod turnout;
mod usage;
mod verdict;
mod waits;
mod watch;

pub use accounts::AccountError;
pub use attach::Mode;
pub use begin::{BeginError, Begun};
pub use campaigns::CampaignError;
pub use config::{Config, ConfigError};
pub use engine::{ClockError, Engine};
pub use event::{Event, Fact, Reserved};
pub use explain::{Candidate, Explanation, QuestionError, Standing};
pub use findings::{AttachError, AttachReport, Checked, Finding};
pub use forecast::{DayForecast, Forecast, Planned};
pub use history::{EventError, Misfit};
pub use lineup::Lineup;
pub use notice::{CapUse, Notice, Noticed};
pub use reservation::{EmailKind, Fate, Outcome, Request, Reservation};
pub use reserve::{Pick, ReserveError, Unavailable, Wait};
pub use settle::{SettleError, Settlement};
pub use snapshot::{Snapshot, SnapshotError};
pub use watch::Watch;
