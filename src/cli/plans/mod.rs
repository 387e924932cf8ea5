//! What a plan comes to, as numbers: set up, run email by email, and counted.
//!
//! Knows no store, and not how a plan is drawn.

pub(super) mod costs;
pub(super) mod course;
pub(super) mod day;
pub(super) mod report;
pub(super) mod setup;
pub(super) mod stands;
