//! Promise 8 against a disk that fails: random histories with a fault at every operation.
//!
//! A plain engine is told what was answered, and nothing else. Whatever the disk does, the durable
//! one has exactly that, or that and the one call whose fate nobody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, DurableEngine, DurableError, Engine, Fault,
    JournalError, LeadId, MemoryDisk, MemoryJournal, Options, Outcome, OwnerId, Request,
    ReservationId, Span, StoreError,
};

use crate::durable_gate::Asking;
use crate::world::monday;

/// How many histories there are, each with a fault at each of its operations in turn.
const HISTORIES: u64 = if cfg!(debug_assertions) { 20 } else { 1_000 };

const FAULTS: [Fault; 7] = [
    Fault::Busy,
    Fault::Full,
    Fault::Lost,
    Fault::SyncFailed,
    Fault::Torn(0),
    Fault::Torn(1),
    Fault::Written,
];

/// A generator whose stream is the same everywhere.
struct Draws(u64);

impl Draws {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % below
    }
}

/// A call that can be made of both engines.
#[derive(Clone, Debug)]
enum Call {
    Add(u64),
    Begin(u64),
    Cancel(u64),
    Compact,
    Report(u64),
    Reserve(u64),
    Settle(u64, Outcome),
    Tick,
}

fn draw(draws: &mut Draws) -> Call {
    let (lead, reservation) = (draws.below(30), draws.below(25));
    match draws.below(16) {
        0 => Call::Add(4 + draws.below(3)),
        1 => Call::Compact,
        2 => Call::Tick,
        3 => Call::Report(1 + draws.below(3)),
        4 | 5 => Call::Begin(reservation),
        6 => Call::Cancel(reservation),
        7..=9 => Call::Settle(reservation, Outcome::Sent),
        10 => Call::Settle(reservation, Outcome::Deferred),
        _ => Call::Reserve(lead),
    }
}

fn account(id: u64) -> Account {
    let account = Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"));
    account.daily_cap(7).spacing(Span::minutes(2))
}

fn request(lead: u64) -> Request {
    Request::new_lead(LeadId(lead)).key(format!("lead {lead}"))
}

/// An answer as text, but for where its record lies in memory.
fn text(answer: &impl std::fmt::Debug) -> String {
    let text = format!("{answer:?}");
    text.split_once(", hints: ").map_or(text.clone(), |(text, _)| text.to_owned())
}

/// What both engines answer, as text; or why the store does not.
macro_rules! answer {
    ($call:expr) => {
        match $call {
            Ok(answer) => Ok(text(&answer)),
            Err(DurableError::Engine(error)) => Ok(text(&error)),
            Err(DurableError::Store(error)) => Err(error),
        }
    };
}

fn ask(engine: &DurableEngine, call: &Call, now: DateTime<Utc>) -> Result<String, StoreError> {
    match call.clone() {
        Call::Add(id) => answer!(engine.add_account(account(id), now)),
        Call::Begin(id) => answer!(engine.begin(ReservationId(id), now)),
        Call::Cancel(id) => answer!(engine.cancel(ReservationId(id), now)),
        Call::Compact => engine.compact().map(|()| String::new()),
        Call::Report(id) => answer!(engine.report_usage(AccountId(id), 1, now)),
        Call::Reserve(lead) => answer!(engine.reserve(CampaignId(1), &request(lead), now)),
        Call::Settle(id, outcome) => answer!(engine.settle(ReservationId(id), outcome, now)),
        Call::Tick => answer!(engine.tick(now)),
    }
}

fn tell(engine: &mut Engine, call: &Call, now: DateTime<Utc>) -> String {
    fn either<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, E>) -> String {
        answer.map_or_else(|error| text(&error), |answer| text(&answer))
    }
    match call.clone() {
        Call::Add(id) => either(engine.add_account(account(id), now)),
        Call::Begin(id) => either(engine.begin(ReservationId(id), now)),
        Call::Cancel(id) => either(engine.cancel(ReservationId(id), now)),
        Call::Compact => String::new(),
        Call::Report(id) => either(engine.report_usage(AccountId(id), 1, now)),
        Call::Reserve(lead) => either(engine.reserve(CampaignId(1), &request(lead), now)),
        Call::Settle(id, outcome) => either(engine.settle(ReservationId(id), outcome, now)),
        Call::Tick => either(engine.tick(now)),
    }
}

/// The whole state but the clock, which a call without a fact moves in memory only.
fn state(snapshot: &mailrota::Snapshot) -> String {
    let mut value = serde_json::to_value(snapshot).unwrap();
    value["state"]["seen"] = serde_json::Value::Null;
    value.to_string()
}

fn open(disk: &MemoryDisk, now: DateTime<Utc>) -> Result<DurableEngine, StoreError> {
    let journal = MemoryJournal::open(disk)?;
    let options = Options::default().snapshot_every(1_000_000).history(Span::hours(1));
    DurableEngine::with_journal(Box::new(journal), &options, now)
}

/// One history on one disk, and the plain engine that is told what was answered.
struct World {
    disk: MemoryDisk,
    engine: DurableEngine,
    model: Engine,
    now: DateTime<Utc>,
    case: String,
}

impl World {
    fn new(case: String) -> Self {
        let (disk, now) = (MemoryDisk::new(), monday());
        let engine = open(&disk, now).unwrap();
        let mut model = Engine::new(Config::default());
        model.tick(now).unwrap();
        engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
        model.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
        for id in 1..=3 {
            engine.add_account(account(id), now).unwrap();
            engine.attach(CampaignId(1), &[AccountId(id)], now).unwrap();
            model.add_account(account(id), now).unwrap();
            model.attach(CampaignId(1), &[AccountId(id)], now).unwrap();
        }
        Self { disk, engine, model, now, case }
    }

    fn step(&mut self, call: &Call) {
        let case = format!("{}, {call:?}", self.case);
        match ask(&self.engine, call, self.now) {
            Ok(answer) => assert_eq!(answer, tell(&mut self.model, call, self.now), "{case}"),
            Err(StoreError::Journal(error)) if error.is_passing() => {
                // The call failed, and memory went back to the disk: nothing of it is left.
                let (found, told) = (self.engine.snapshot(), self.model.snapshot());
                assert_eq!(state(&found), state(&told), "{case}: {error}");
            }
            Err(error) => self.reopen(Some(call), &format!("{case}: {error}")),
        }
    }

    /// The process is gone; the next one finds what was answered, and at most the last call too.
    fn reopen(&mut self, last: Option<&Call>, case: &str) {
        self.disk = self.disk.crash();
        self.engine = open(&self.disk, self.now).unwrap();
        self.model.tick(self.now).unwrap();
        let found = state(&self.engine.snapshot());
        if found == state(&self.model.snapshot()) {
            return;
        }
        let Some(call) = last else { panic!("{case}: lost or made up") };
        // What a call brings about is several facts, and a torn write leaves the first of them.
        let mut part = self.model.clone();
        part.record_events();
        tell(&mut part, call, self.now);
        let events = part.take_events();
        let prefix = (1..=events.len()).find_map(|count| {
            let mut part = self.model.clone();
            part.extend(&events[..count]).unwrap();
            part.tick(self.now).unwrap();
            (found == state(&part.snapshot())).then_some(part)
        });
        self.model = prefix.unwrap_or_else(|| panic!("{case}: lost or made up"));
    }
}

/// How many operations of the disk a history takes.
fn play(seed: u64, at: Option<(u64, Fault)>) -> u64 {
    let mut world = World::new(format!("seed {seed}, fault {at:?}"));
    if let Some((operation, fault)) = at {
        world.disk.fail(world.disk.operations() + operation, fault);
    }
    let (first, mut draws) = (world.disk.operations(), Draws(seed));
    let disk = world.disk.clone();
    for _ in 0..24 {
        let call = draw(&mut draws);
        world.now += TimeDelta::seconds(draws.below(200).try_into().unwrap());
        world.step(&call);
    }
    let case = world.case.clone();
    world.reopen(None, &case);
    disk.operations() - first
}

/// > Nothing acknowledged is lost. Killed at any instruction, it comes back with every answered
/// > reservation.
#[test]
fn whatever_fails_and_wherever_what_was_answered_is_there() {
    let histories = std::env::var("MAILROTA_HISTORIES").map_or(HISTORIES, |n| n.parse().unwrap());
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= histories {
                return;
            }
            let mut draws = Draws(!seed);
            for operation in 0..play(seed, None) {
                let fault = FAULTS[usize::try_from(draws.below(7)).unwrap()];
                play(seed, Some((operation, fault)));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(work);
        }
    });
}

/// > Why the last snapshot could not be taken. Answers are not touched by that.
#[test]
fn a_snapshot_that_cannot_be_begun_is_taken_later() {
    let (disk, breaks) = (MemoryDisk::new(), Arc::new(AtomicBool::new(false)));
    let (read, broken) = (disk.clone(), Arc::clone(&breaks));
    let journal = Asking::open(&disk).unwrap().reads(move || {
        if broken.load(Ordering::Relaxed) {
            read.fail(read.operations(), Fault::Lost);
        }
    });
    let options = Options::default().snapshot_every(8);
    let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
    let is_io = |error: &JournalError| matches!(error, JournalError::Io { .. });
    let mut ids = 1..2_000;
    // Each call is answered, whatever becomes of the snapshot.
    let mut call_until = |is_over: &dyn Fn() -> bool| {
        while !is_over() {
            engine.add_account(account(ids.next().unwrap()), monday()).unwrap();
        }
    };
    breaks.store(true, Ordering::Relaxed);
    call_until(&|| engine.trouble().is_some());
    assert!(engine.trouble().as_ref().is_some_and(is_io), "{:?}", engine.trouble());
    let asked = engine.compact();
    assert!(matches!(&asked, Err(StoreError::Journal(error)) if is_io(error)), "{asked:?}");
    breaks.store(false, Ordering::Relaxed);
    call_until(&|| engine.trouble().is_none());
    engine.compact().unwrap();
    let before = engine.snapshot();
    engine.close().unwrap();
    assert_eq!(state(&open(&disk.crash(), monday()).unwrap().snapshot()), state(&before));
}
