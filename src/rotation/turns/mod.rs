//! The order of turns: who of a campaign's accounts comes first by virtual start and deadline.
//!
//! Knows rows and places, and nothing of what keeps an account from sending.

mod ahead;
pub(super) mod asleep;
mod beds;
pub(super) mod few;
mod later;
pub(super) mod order;
mod ranks;
mod run;
mod runs;
mod slices;
pub(super) mod standing;
