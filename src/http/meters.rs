//! What is counted and measured, and the same as a text for Prometheus.
//!
//! Labels have few values, known beforehand, and none says anything of an owner. Decides nothing,
//! and knows no call.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::policy::Reason;
use crate::rotation::{self, Event, Fact, Pick};
use crate::store::{DurableEngine, Written};
use crate::vocab::AccountId;

/// How long what is left of the day is not counted anew.
const FRESH: Duration = Duration::from_secs(10);
/// Over how many accounts it is counted before others get their turn.
const STRETCH: usize = 500;
/// Seconds that a write or a call takes.
const SECONDS: [f64; 13] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// What becomes of an email.
const OUTCOMES: [&str; 4] = ["deferred", "rejected", "sent", "unknown"];
/// How many facts or calls share a write.
const SHARED: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// Everything that is measured.
#[derive(Debug)]
pub(super) struct Meters {
    registry: Registry,
    reserved: Counter,
    settled: Family<Outcome, Counter>,
    cancelled: Counter,
    lapsed: Counter,
    waits: Family<Why, Counter>,
    unavailable: Counter,
    headroom: Gauge<u64, AtomicU64>,
    streams: Gauge<u64, AtomicU64>,
    sync: Histogram,
    facts: Histogram,
    calls: Histogram,
    requests: Family<Call, Counter>,
    took: Family<Route, Histogram, fn() -> Histogram>,
    /// When what is left of the day was counted.
    counted_at: Mutex<Option<Duration>>,
}

impl Meters {
    pub(super) fn new() -> Self {
        let mut meters = Self {
            registry: Registry::with_prefix("mailrota"),
            reserved: Counter::default(),
            settled: Family::default(),
            cancelled: Counter::default(),
            lapsed: Counter::default(),
            waits: Family::default(),
            unavailable: Counter::default(),
            headroom: Gauge::default(),
            streams: Gauge::default(),
            sync: Histogram::new(SECONDS),
            facts: Histogram::new(SHARED),
            calls: Histogram::new(SHARED),
            requests: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            counted_at: Mutex::default(),
        };
        meters.register();
        // What did not happen yet is told as 0, so that the first time shows as a change.
        for outcome in OUTCOMES {
            meters.settled.get_or_create(&Outcome { outcome }).inc_by(0);
        }
        for reason in Reason::ALL.iter().map(|reason| reason.code()) {
            meters.waits.get_or_create(&Why { reason }).inc_by(0);
        }
        meters
    }

    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("reserved", "Reservations granted", self.reserved.clone());
        to.register("settled", "Reservations settled, by outcome", self.settled.clone());
        to.register("cancelled", "Reservations given back unused", self.cancelled.clone());
        to.register("lapsed", "Reservations that ended unsettled", self.lapsed.clone());
        let help = "Emails that were told to wait, by what holds them longest";
        to.register("waits", help, self.waits.clone());
        let help = "Emails that nobody may send until somebody acts";
        to.register("unavailable", help, self.unavailable.clone());
        let help = "Emails that are left of today's caps, over all accounts that are not lost";
        to.register("headroom", help, self.headroom.clone());
        to.register("event_streams", "Streams of events that are open", self.streams.clone());
        let help = "How long the last step of a write took, with its sync";
        to.register_with_unit("sync", help, Unit::Seconds, self.sync.clone());
        to.register("batch_facts", "Facts that shared a write", self.facts.clone());
        to.register("batch_calls", "Calls that shared a write", self.calls.clone());
        let help = "Calls, by template of their path";
        to.register("http_requests", help, self.requests.clone());
        let help = "How long calls took until their answer began";
        to.register_with_unit("http_request", help, Unit::Seconds, self.took.clone());
    }

    /// Counts what became durable.
    pub(super) fn written(&self, written: &Written<'_>) {
        for Event { fact, .. } in written.events {
            self.fact(fact);
        }
        if let Some(took) = written.took {
            self.sync.observe(took.as_secs_f64());
            self.facts.observe(count(written.events.len()));
            self.calls.observe(count(written.calls));
        }
    }

    fn fact(&self, fact: &Fact) {
        match fact {
            Fact::Cancelled { .. } => drop(self.cancelled.inc()),
            Fact::Lapsed { .. } => drop(self.lapsed.inc()),
            Fact::Reserved(_) => drop(self.reserved.inc()),
            Fact::Settled { outcome, .. } => {
                let outcome = match outcome {
                    rotation::Outcome::Deferred => OUTCOMES[0],
                    rotation::Outcome::Rejected => OUTCOMES[1],
                    rotation::Outcome::Sent => OUTCOMES[2],
                    rotation::Outcome::Unknown => OUTCOMES[3],
                };
                self.settled.get_or_create(&Outcome { outcome }).inc();
            }
            Fact::AccountDeleted { .. }
            | Fact::AccountHeld { .. }
            | Fact::AccountSet { .. }
            | Fact::Attached { .. }
            | Fact::Begun { .. }
            | Fact::CampaignDeleted { .. }
            | Fact::CampaignSet { .. }
            | Fact::ClockConfirmed
            | Fact::Detached { .. }
            | Fact::DomainHeld { .. }
            | Fact::FollowUpsDeclared { .. }
            | Fact::LeadBound { .. }
            | Fact::Left { .. }
            | Fact::Returned { .. }
            | Fact::UsageReported { .. } => {}
        }
    }

    /// Counts what an email was answered.
    pub(super) fn answered(&self, pick: &Pick) {
        match pick {
            Pick::Ended(_) | Pick::Reserved(_) => {}
            Pick::Unavailable(_) => drop(self.unavailable.inc()),
            Pick::Wait(wait) => {
                let reason = wait.block.map_or("none", |block| block.reason.code());
                self.waits.get_or_create(&Why { reason }).inc();
            }
        }
    }

    /// Counts a call.
    pub(super) fn called(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let known = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
        let method = known.into_iter().find(|known| *known == method).unwrap_or("other");
        let route = route.unwrap_or("other").to_owned();
        let seconds = took.as_secs_f64();
        self.took.get_or_create(&Route { route: route.clone() }).observe(seconds);
        self.requests.get_or_create(&Call { method, route, status }).inc();
    }

    /// Counts what is left of the day anew if that is due: over a stretch of accounts at a time, so
    /// that nobody waits for all of it.
    pub(super) fn count_headroom(&self, engine: &DurableEngine, elapsed: Duration) {
        let mut counted_at = self.counted_at.lock().unwrap_or_else(PoisonError::into_inner);
        if counted_at.is_some_and(|at| elapsed < at + FRESH) {
            return;
        }
        let (mut sum, mut from) = (0_u64, Some(AccountId(0)));
        while let Some(first) = from {
            let (left, next) = engine.look(|engine, _| engine.headroom(first, STRETCH));
            sum = sum.saturating_add(left);
            from = next;
        }
        self.headroom.set(sum);
        *counted_at = Some(elapsed);
    }

    /// Notes how many streams of events are open.
    pub(super) fn streaming(&self, streams: usize) {
        self.streams.set(u64::try_from(streams).unwrap_or(u64::MAX));
    }

    /// All of it as a text for Prometheus, if it can be written.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).ok().map(|()| text)
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^52 there")]
fn count(n: usize) -> f64 {
    n as f64
}
