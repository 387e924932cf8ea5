//! The durable engine as its callers have it: its handles, and its calls, questions and steps.
//!
//! Knows whom to hand what was decided, not how it is written.

mod commands;
pub(super) mod durable;
mod questions;
pub(super) mod step;
