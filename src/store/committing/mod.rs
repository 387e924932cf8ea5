//! What is decided and not written yet, and the threads that write it and keep the store small.
//!
//! Decides nothing about emails, and does not know which calls there are.

pub(super) mod committer;
mod gathering;
pub(super) mod keeper;
pub(super) mod queue;
mod room;
pub(super) mod shared;
pub(super) mod ticket;
