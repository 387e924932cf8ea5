//! From a journal to an engine and back: what is read is proven, and a state is cut into parts.
//!
//! Knows no thread and no caller.

pub(super) mod check;
pub(super) mod load;
pub(super) mod open;
pub(super) mod snapshots;
