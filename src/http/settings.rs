//! How a service answers: its sizes, its limits, and which of the historic shapes it writes.

use std::num::NonZeroU32;
use std::time::Duration;

/// How long a connection may still be written to once every call has ended.
const FLUSH: Duration = Duration::from_secs(2);

/// How a [`Service`](crate::http::Service) answers. Made with [`Default`], and changed field by
/// field with the methods.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// What attaching answers.
    pub attach_answer: AttachAnswer,
    /// The most bytes of a body.
    pub body_max: usize,
    /// How long a body may take to come.
    pub body_wait: Duration,
    /// How many calls a key may make at once.
    pub burst: NonZeroU32,
    /// How many connections are open at once; whoever connects beyond them waits.
    pub connections_max: NonZeroU32,
    /// How long the service goes on after it was told to stop.
    pub drain_max: Duration,
    /// How long what comes before a body may take to come, and how long a connection may be idle.
    pub header_wait: Duration,
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
    /// How long the other end may not read while there is something for it.
    pub write_wait: Duration,
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
            body_wait: Duration::from_secs(30),
            burst: NonZeroU32::new(2_000).unwrap_or(NonZeroU32::MIN),
            connections_max: NonZeroU32::new(900).unwrap_or(NonZeroU32::MIN),
            drain_max: Duration::from_secs(30),
            header_wait: Duration::from_secs(60),
            heartbeat: Duration::from_secs(15),
            metrics: true,
            per_minute: NonZeroU32::new(60_000).unwrap_or(NonZeroU32::MIN),
            streams_max: 16,
            unstated: Unstated::default(),
            write_wait: Duration::from_secs(30),
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

    /// Sets how long a body may take to come; then the call is answered 408. Default 30 s.
    pub const fn body_wait(mut self, span: Duration) -> Self {
        self.body_wait = span;
        self
    }

    /// Sets how many calls a key may make at once. Default 2,000.
    pub const fn burst(mut self, calls: NonZeroU32) -> Self {
        self.burst = calls;
        self
    }

    /// Sets how many connections [`Service::serve`](crate::http::Service::serve) has open at once;
    /// whoever connects beyond them waits. Each takes a file descriptor, of which a process often
    /// may have 1,024. Default 900.
    pub const fn connections_max(mut self, connections: NonZeroU32) -> Self {
        self.connections_max = connections;
        self
    }

    /// Sets how long the service goes on after it was told to stop, for calls that run and then,
    /// up to two seconds of it, for what is still to be written. Default 30 s.
    pub const fn drain_max(mut self, span: Duration) -> Self {
        self.drain_max = span;
        self
    }

    /// Sets how long what comes before a body may take to come, and how long a connection may be
    /// idle between two calls; then it is closed. As with every limit of connections, whoever
    /// mounts the router sets its own. Default 60 s.
    pub const fn header_wait(mut self, span: Duration) -> Self {
        self.header_wait = span;
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

    /// Sets how long the other end of a connection may not read while there is something for it;
    /// then it is cut off. Default 30 s.
    pub const fn write_wait(mut self, span: Duration) -> Self {
        self.write_wait = span;
        self
    }

    /// How long of [`drain_max`](Self::drain_max) is for what is still to be written.
    pub(super) fn flush_max(&self) -> Duration {
        FLUSH.min(self.drain_max / 2)
    }

    /// How long of it is for calls that run.
    pub(super) fn calls_drain_max(&self) -> Duration {
        self.drain_max.saturating_sub(self.flush_max())
    }
}
