//! The options of every command, with their help, and how the value of each is read.
//!
//! Knows how things are asked, not what they are asked of.

pub(super) mod args;
pub(super) mod parse;
pub(super) mod service_args;
pub(super) mod store_args;
