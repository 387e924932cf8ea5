//! Serving on a socket: connections, how slow they may be, and how they end.
//!
//! Knows no call.

pub(super) mod connections;
pub(super) mod patient;
pub(super) mod run;
