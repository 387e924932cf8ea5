//! What all calls share: the engine, the clock, the limits, and whether calls are taken.
//!
//! Knows no route.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::http::feed::Feed;
use crate::http::limits::Limits;
use crate::http::listeners::Listeners;
use crate::http::meters::Meters;
use crate::http::problem::Problem;
use crate::http::room::Room;
use crate::http::settings::Settings;
use crate::store::{AsyncEngine, DurableEngine, Observer, Written};
use crate::vocab::Timestamp;

/// The engine over HTTP. Clones are the same service.
///
/// It is *starting* until it is given an engine, and *stopping* once it was told so; meanwhile
/// every call that needs the engine answers 503.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    clock: Clock,
    engine: OnceLock<DurableEngine>,
    limits: Limits,
    listeners: Listeners,
    hub: Arc<Hub>,
    /// Told when the last call that ran has ended.
    rest: Notify,
    requests: AtomicU64,
    room: Room,
    running: AtomicUsize,
    settings: Settings,
    stopping: AtomicBool,
    /// The same for whoever waits for it.
    stop: watch::Sender<bool>,
}

/// What follows the store: what is told and what is counted.
#[derive(Debug)]
struct Hub {
    feed: Feed,
    meters: Option<Meters>,
}

impl Observer for Hub {
    fn written(&self, written: &Written<'_>) {
        written.notices.iter().for_each(|notice| self.feed.tell(notice));
        if let Some(meters) = &self.meters {
            meters.written(written);
        }
    }
}

impl Service {
    /// A service that is starting.
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let limits = Limits::new(&settings, &clock);
        let meters = settings.metrics.then(Meters::new);
        Self(Arc::new(Inner {
            clock,
            engine: OnceLock::new(),
            limits,
            listeners: Listeners::default(),
            hub: Arc::new(Hub { feed: Feed::default(), meters }),
            rest: Notify::new(),
            requests: AtomicU64::new(0),
            room: Room::default(),
            running: AtomicUsize::new(0),
            settings,
            stopping: AtomicBool::new(false),
            stop: watch::Sender::new(false),
        }))
    }

    /// Takes calls from now on. A service that has an engine keeps it.
    pub fn open(&self, engine: DurableEngine) {
        let now = Timestamp::try_from(self.clock().now()).ok();
        // Numbers go on rising although the clock may have been set back.
        self.feed().begin(now.max(engine.seen()).unwrap_or(Timestamp::EPOCH));
        engine.observe(self.0.hub.clone());
        // The first one stays.
        let _ = self.0.engine.set(engine);
    }

    /// Answers 503 to every new call from now on.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.stop.send_replace(true);
        self.0.rest.notify_waiters();
    }

    /// Waits until no call runs any more.
    pub async fn at_rest(&self) {
        loop {
            let told = self.0.rest.notified();
            if self.0.running.load(Ordering::SeqCst) == 0 {
                return;
            }
            told.await;
        }
    }

    /// The clock that all calls are told the time by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// How it answers.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The engine, once the service has one.
    pub fn engine(&self) -> Option<&DurableEngine> {
        self.0.engine.get()
    }

    /// Whether it takes no new calls.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(super) fn room(&self) -> &Room {
        &self.0.room
    }

    pub(super) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.0.hub.feed
    }

    /// What is counted, if anything is.
    pub(super) fn meters(&self) -> Option<&Meters> {
        self.0.hub.meters.as_ref()
    }

    /// Becomes true once no new calls are taken.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    /// The engine to await answers of, or why there is none.
    pub(super) fn ready(&self) -> Result<AsyncEngine, Problem> {
        let starting = || Problem::unavailable("starting", "The service is starting");
        self.engine().map(DurableEngine::asynchronous).ok_or_else(starting)
    }

    /// Counts a call until what is returned is dropped; nothing if no new calls are taken.
    pub(super) fn enter(&self) -> Option<Running> {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(self.clone());
        // Asked after it was counted, so that whoever waits for rest misses none.
        if self.is_stopping() { None } else { Some(running) }
    }

    /// The number of a request since the start.
    pub(super) fn next_request(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { engine, settings, .. } = &*self.0;
        f.debug_struct("Service")
            .field("engine", &engine.get())
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}

/// A call that runs.
#[derive(Debug)]
pub(super) struct Running(Service);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.0.rest.notify_waiters();
        }
    }
}
