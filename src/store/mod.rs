//! Durability: a fact is written down before anybody gets the answer that rests on it.
//!
//! Knows the engine and one seam, the journal. Starts threads; reads no
//! clock but to see how long a write takes.

mod committing;
#[cfg(feature = "conformance")]
pub mod conformance;
mod engine;
mod error;
mod history;
mod journal;
mod loading;
mod observer;
mod options;
#[cfg(feature = "sqlite")]
#[expect(clippy::incompatible_msrv, reason = "the feature needs Rust 1.89, as rusqlite does")]
mod sqlite;

pub use committing::ticket::Ticket;
pub use engine::durable::{AsyncEngine, DurableEngine};
pub use engine::step::Step;
pub use error::{DurableError, JournalError, StoreError};
pub use history::{About, Filter, Granted, History};
pub use journal::chain::Mark;
pub use journal::documents::{Document, Documents};
pub use journal::ledger::Line;
pub use journal::memory::{Fault, MemoryDisk, MemoryJournal};
pub use journal::seam::{Batch, Head, Journal, Reader, Record};
pub use loading::check::{Report, inspect};
pub use observer::{Observer, Written};
pub use options::{Options, Recovery};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteJournal, check, repair};
