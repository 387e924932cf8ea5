//! What is asked of the engine that may change facts: each decides on events.

pub(super) mod accounts;
mod addressed;
pub(super) mod attach;
pub(super) mod begin;
pub(super) mod blocks;
pub(super) mod campaigns;
pub(super) mod candidates;
pub(super) mod findings;
pub(super) mod gather;
pub(super) mod pick;
pub(super) mod reserve;
pub(super) mod settle;
mod turn;
mod wait;
