//! How a service answers: its sizes, its limits, and which of the historic shapes it writes.

use std::num::NonZeroU32;
use std::time::Duration;

/// How a [`Service`](crate::http::Service) answers. Made with [`Default`], and changed field by
/// field with the methods.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// What attaching answers.
    pub attach_answer: AttachAnswer,
    /// The most bytes of a body.
    pub body_max: usize,
    /// How many calls a key may make at once.
    pub burst: NonZeroU32,
    /// How long a call that runs may go on after the service was told to stop.
    pub drain_max: Duration,
    /// How long a stream of events is silent at most.
    pub heartbeat: Duration,
    /// Whether calls and turns are counted, and `/metrics` tells.
    pub metrics: bool,
    /// How many calls a key gets back each minute.
    pub per_minute: NonZeroU32,
    /// How many streams of events a key may have open.
    pub streams_max: usize,
    /// What an account is taken for as long as nobody said how it stands.
    pub unstated: Unstated,
}

/// What attaching accounts answers. The product that the calls are modelled on has answered all
/// three over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachAnswer {
    /// `{"success":true,"data":{"message":…,"added_count":3}}`.
    Count,
    /// `{"success":true,"data":{}}`.
    #[default]
    Data,
    /// `{"ok":true}`.
    Ok,
}

/// What an account that is saved without a word on its connection and its reputation is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unstated {
    /// Not checked, and so not to be attached until somebody reports it.
    #[default]
    Unverified,
    /// Working and trusted.
    Verified,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            attach_answer: AttachAnswer::default(),
            body_max: 1 << 20,
            burst: NonZeroU32::new(2_000).unwrap_or(NonZeroU32::MIN),
            drain_max: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            metrics: true,
            per_minute: NonZeroU32::new(60_000).unwrap_or(NonZeroU32::MIN),
            streams_max: 16,
            unstated: Unstated::default(),
        }
    }
}

impl Settings {
    /// Sets what attaching answers. Default `{"success":true,"data":{}}`.
    pub const fn attach_answer(mut self, answer: AttachAnswer) -> Self {
        self.attach_answer = answer;
        self
    }

    /// Sets the most bytes of a body. Default 1 MiB.
    pub const fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }

    /// Sets how many calls a key may make at once. Default 2,000.
    pub const fn burst(mut self, calls: NonZeroU32) -> Self {
        self.burst = calls;
        self
    }

    /// Sets how long a call that runs may go on after the service was told to stop. Default 30 s.
    pub const fn drain_max(mut self, span: Duration) -> Self {
        self.drain_max = span;
        self
    }

    /// Sets how long a stream of events is silent at most. Default 15 s.
    pub const fn heartbeat(mut self, span: Duration) -> Self {
        self.heartbeat = span;
        self
    }

    /// Sets whether calls and turns are counted, and `/metrics` tells. Default true.
    pub const fn metrics(mut self, are_counted: bool) -> Self {
        self.metrics = are_counted;
        self
    }

    /// Sets how many calls a key gets back each minute. Default 60,000.
    pub const fn per_minute(mut self, calls: NonZeroU32) -> Self {
        self.per_minute = calls;
        self
    }

    /// Sets how many streams of events a key may have open. Default 16.
    pub const fn streams_max(mut self, streams: usize) -> Self {
        self.streams_max = streams;
        self
    }

    /// Sets what an account is taken for as long as nobody said how it stands. Default unverified.
    pub const fn unstated(mut self, unstated: Unstated) -> Self {
        self.unstated = unstated;
        self
    }
}
