//! How an answer is written, whatever it says: in words, in a table, as a failure, and to where.
//!
//! Knows no plan, no store and no command.

pub(super) mod failure;
pub(super) mod output;
pub(super) mod table;
pub(super) mod words;
