//! What is asked of the engine that changes nothing, and what it tells by itself.

pub(super) mod campaign_day;
mod excerpt;
pub(super) mod explain;
pub(super) mod forecast;
pub(super) mod notice;
pub(super) mod watch;
