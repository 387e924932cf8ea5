//! Sender rotation for email.
mod policy;
mod vocab;
pub use policy::{
    Account, Campaign, CampaignState, Connection, Limit, LimitError, Link, Pace, Provider, Ramp,
    RampError, Schedule, ScheduleError, SettingError, Standpoint, Warmup, WarmupMail,
};
pub use vocab::{
    AccountId, AmountError, CampaignId, CivilDay, LeadId, OwnerId, Percent, Reputation,
    ReservationId, Span, TimeError, Timestamp, Weight, Zone, ZoneError,
};
