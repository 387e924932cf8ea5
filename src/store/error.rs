//! What can go wrong with a store, each with what its caller can do.
//!
//! Knows the words, not when they are said.

use std::fmt;

use crate::rotation::{ClockError, ConfigError};
use crate::vocab::Timestamp;

/// What a journal could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// Another connection writes to the store just now. Nothing was written; try again.
    Busy {
        /// Which store.
        place: String,
    },
    /// What was read is not what was written. Nothing is changed until somebody decides.
    Damaged {
        /// Which store.
        place: String,
        /// The fact at which it shows, if it is one.
        sequence: Option<u64>,
        /// What is wrong.
        problem: String,
    },
    /// There is no room. Nothing was written; later calls work once there is.
    Full {
        /// Which store.
        place: String,
    },
    /// Reading or writing failed otherwise. Whether anything was written is not known.
    Io {
        /// Which store.
        place: String,
        /// What the system said.
        problem: String,
    },
    /// Another process, or another handle in this one, has the store open for writing.
    Locked {
        /// Which store.
        place: String,
    },
    /// Written in a format that this build does not know.
    Newer {
        /// Which store.
        place: String,
        /// The format found.
        found: u32,
        /// The newest format that this build knows.
        known: u32,
    },
    /// There is something else in that place.
    NotAStore {
        /// Which place.
        place: String,
        /// What shows it.
        problem: String,
    },
    /// The disk did not confirm a write. It may be there now and gone later; it is not tried again.
    SyncFailed {
        /// Which store.
        place: String,
        /// What the system said.
        problem: String,
    },
}

impl JournalError {
    /// Whether surely nothing was written, so that the same call may be made again later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Full { .. })
    }

    pub(crate) fn damaged(place: &str, sequence: Option<u64>, problem: impl Into<String>) -> Self {
        Self::Damaged { place: place.to_owned(), sequence, problem: problem.into() }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { place } => write!(
                f,
                "{place} is being written by another connection; nothing was written, try again"
            ),
            Self::Damaged { place, sequence, problem } => {
                write!(f, "{place} is damaged")?;
                if let Some(sequence) = sequence {
                    write!(f, " at fact {sequence}")?;
                }
                write!(
                    f,
                    ": {problem}; see what is sound with mailrota check {place}, then restore a \
                     backup or run mailrota repair {place}"
                )
            }
            Self::Full { place } => {
                write!(f, "no room for {place}; nothing was written, make room and try again")
            }
            Self::Io { place, problem } => {
                write!(f, "{place} cannot be used: {problem}; mend the cause and open it again")
            }
            Self::Locked { place } => write!(
                f,
                "{place} is open for writing elsewhere; stop the other process, or ask it instead"
            ),
            Self::Newer { place, found, known } => write!(
                f,
                "{place} has format {found}, and this build knows {known} and older; use the build \
                 that wrote it, or a newer one"
            ),
            Self::NotAStore { place, problem } => {
                write!(f, "{place} is no store of mailrota: {problem}; give another path")
            }
            Self::SyncFailed { place, problem } => write!(
                f,
                "the disk did not confirm a write to {place}: {problem}; check the disk, then open \
                 the store again"
            ),
        }
    }
}

impl std::error::Error for JournalError {}

/// Why a durable engine gives no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The instant at which it was to be opened is not accepted. One that is only too far after the
    /// last call is if it is [confirmed](crate::Options::confirm_clock).
    Clock(ClockError),
    /// It was closed.
    Closed,
    /// The configuration for a new store is outside its range.
    Config(ConfigError),
    /// The history does not reach back to that instant.
    Forgotten {
        /// When it begins, if there is any.
        begins_at: Option<Timestamp>,
    },
    /// The journal refused. If that [passes](JournalError::is_passing), nothing has changed and the
    /// call may be made again.
    Journal(JournalError),
    /// The store has another configuration than the one that was asked for. It is left as it is.
    OtherConfig {
        /// Which store.
        place: String,
        /// Each setting that differs, with what the store has and what was asked for.
        differs: Vec<String>,
    },
    /// A call panicked, and the engine in memory may be half changed. What was answered is safe;
    /// open the store again.
    Panicked,
    /// The journal failed before, and nobody knows what is on the disk until the store is opened
    /// again.
    Stopped(JournalError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(ClockError::TooFarAhead { now, seen, leap_max }) => write!(
                f,
                "now is {now}, more than {leap_max} after the last call, at {seen}; set the clock \
                 right, or open the store with Options::confirm_clock if it is"
            ),
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Closed => f.write_str("the store is closed; open it again"),
            Self::Config(error) => fmt::Display::fmt(error, f),
            Self::Forgotten { begins_at: Some(begins_at) } => {
                write!(f, "the history begins at {begins_at}; ask for that instant or a later one")
            }
            Self::Forgotten { begins_at: None } => {
                f.write_str("there is no history; open the store for writing once")
            }
            Self::Journal(error) => fmt::Display::fmt(error, f),
            Self::OtherConfig { place, differs } => write!(
                f,
                "{place} was made with another configuration: {}; it holds for the life of a \
                 store, so ask for none or for that one, or make a new store",
                differs.join(", ")
            ),
            Self::Panicked => f.write_str("a call panicked; open the store again"),
            Self::Stopped(error) => {
                write!(f, "no more writes since an earlier failure: {error}")
            }
        }
    }
}

impl std::error::Error for StoreError {}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Why a call of a durable engine has no answer: the engine's own reason, or the store's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the engine or the store; there is nobody else")]
pub enum DurableError<E> {
    /// What the engine answers in memory too. It is as durable as any answer.
    Engine(E),
    /// What the call decided is not durable.
    Store(StoreError),
}

impl<E: fmt::Display> fmt::Display for DurableError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => fmt::Display::fmt(error, f),
            Self::Store(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for DurableError<E> {}
