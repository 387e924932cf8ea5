//! How a durable engine is opened.

use crate::rotation::Config;
use crate::vocab::Span;

/// What becomes of reservations that were out when the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovery {
    /// Those that nobody [began](crate::Engine::begin) are given back, as
    /// [`give_back_unbegun`](crate::Engine::give_back_unbegun) does. For a service whose callers
    /// all begin before they send, and of which none outlives the process that opens the store.
    GiveBackUnbegun,
    /// They stay out and count, and whoever holds one may settle it until it lapses. For a service
    /// in which workers outlive the process that opens the store.
    #[default]
    Keep,
}

/// How a durable engine is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The configuration. It holds for a store's life: if nothing is said, a new store gets the
    /// default and one that is there keeps its own; if another is said than a store has, it is
    /// [refused](crate::StoreError::OtherConfig).
    pub config: Option<Config>,
    /// Whether the instant at which a store is opened is right even if it is further after the last
    /// call than the engine believes by itself, as when a store was idle for longer than
    /// [`Config::leap_max`]. It is then [confirmed](crate::Engine::confirm_clock) before anything
    /// else but what [`Recovery`] gives back; otherwise nothing is. For the one time at which
    /// somebody looked at the clock: one that is far ahead frees every cap, and the store stays at
    /// the instant that it told.
    pub confirm_clock: bool,
    /// How long facts are kept after a snapshot made them needless, for those who look back.
    pub history: Span,
    /// What becomes of reservations that were out.
    pub recovery: Recovery,
    /// After how many facts a snapshot is taken.
    pub snapshot_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: None,
            confirm_clock: false,
            history: Span::hours(31 * 24),
            recovery: Recovery::default(),
            snapshot_every: 100_000,
        }
    }
}

impl Options {
    /// Sets the configuration that a new store gets, and that one which is there must have.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Sets whether the instant at which the store is opened is right however late it is; if
    /// nothing is said, it is [refused](crate::StoreError::Clock) when it is too far ahead.
    pub const fn confirm_clock(mut self, is_right: bool) -> Self {
        self.confirm_clock = is_right;
        self
    }

    /// Sets how long facts are kept for those who look back; 31 days if nothing is said.
    pub const fn history(mut self, history: Span) -> Self {
        self.history = history;
        self
    }

    /// Sets what becomes of reservations that were out.
    pub const fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }

    /// Sets after how many facts a snapshot is taken, at least 1; 100,000 if nothing is said.
    pub const fn snapshot_every(mut self, facts: u64) -> Self {
        self.snapshot_every = if facts == 0 { 1 } else { facts };
        self
    }
}
