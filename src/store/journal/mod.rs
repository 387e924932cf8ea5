//! What is kept, and by whom: the seam to a journal, what goes over it, and a journal in memory.
//!
//! Knows no thread, and not how an engine is made of it.

pub(super) mod chain;
pub(super) mod documents;
pub(super) mod ledger;
pub(super) mod memory;
pub(super) mod seam;
