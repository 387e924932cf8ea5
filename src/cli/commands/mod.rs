//! The commands, one a file: each takes its options, asks, and has the answer written.
//!
//! Counts nothing itself. The command `keys` opens a store as `serve` does.

pub(super) mod check;
pub(super) mod explain;
pub(super) mod keys;
pub(super) mod log;
pub(super) mod plan;
pub(super) mod replay;
pub(super) mod serve;
