//! Durability: a fact is written down before anybody gets the answer that rests on it.
//!
//! Knows the engine and one seam, the journal. Starts threads; reads no
//! clock but to see how long a write takes.

mod chain;
mod check;
mod commands;
mod committer;
#[cfg(feature = "conformance")]
pub mod conformance;
mod documents;
mod durable;
mod error;
mod gathering;
mod history;
mod journal;
mod keeper;
mod ledger;
mod load;
mod memory;
mod observer;
mod open;
mod options;
mod questions;
mod queue;
mod room;
mod shared;
mod snapshots;
#[cfg(feature = "sqlite")]
#[expect(clippy::incompatible_msrv, reason = "the feature needs Rust 1.89, as rusqlite does")]
mod sqlite;
mod step;
mod ticket;

pub use chain::Mark;
pub use check::{Report, inspect};
pub use documents::{Document, Documents};
pub use durable::{AsyncEngine, DurableEngine};
pub use error::{DurableError, JournalError, StoreError};
pub use history::{About, Filter, Granted, History};
pub use journal::{Batch, Head, Journal, Reader, Record};
pub use ledger::Line;
pub use memory::{Fault, MemoryDisk, MemoryJournal};
pub use observer::{Observer, Written};
pub use options::{Options, Recovery};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteJournal, check, repair};
pub use step::Step;
pub use ticket::Ticket;
