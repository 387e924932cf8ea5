//! Durability: a fact is written down before anybody gets the answer that rests on it.
//!
//! Knows the engine and one seam, the journal. Starts threads; reads no clock.

mod chain;
mod commands;
mod committer;
mod documents;
mod durable;
mod error;
mod journal;
mod keeper;
mod load;
mod memory;
mod options;
mod questions;
mod snapshots;
#[cfg(feature = "sqlite")]
#[expect(clippy::incompatible_msrv, reason = "the feature needs Rust 1.89, as rusqlite does")]
mod sqlite;
mod ticket;

pub use chain::Mark;
pub use documents::{Document, Documents, Step};
pub use durable::{AsyncEngine, DurableEngine};
pub use error::{DurableError, JournalError, StoreError};
pub use journal::{Batch, Head, Journal, Reader, Record};
pub use memory::{Fault, MemoryDisk, MemoryJournal};
pub use options::{Options, Recovery};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteJournal;
pub use ticket::Ticket;
