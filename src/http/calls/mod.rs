//! The calls, by what they are about: each reads a request, asks the engine, shows the answer.
//!
//! Knows no socket. Calls about a pool, a lead or a warm-up ask those about accounts for one.

pub(super) mod accounts;
pub(super) mod campaign_settings;
pub(super) mod campaigns;
pub(super) mod events;
pub(super) mod health;
pub(super) mod leads;
pub(super) mod metrics;
pub(super) mod pool;
pub(super) mod questions;
pub(super) mod reports;
pub(super) mod reservations;
pub(super) mod warmup;
