//! Sequences of commands on one engine, with an outside book that holds it to its promises.
//!
//! After every command: caps in every window, spacing and health at each grant; a wait is exact, an
//! end comes once, a key is one reservation, attaching is all or none, a refusal and a question
//! change nothing. The events bring the engine back at any time, and an engine restored from its
//! snapshot gives the same answers beside it from then on.
#![no_main]

mod emails;
mod inputs;
mod ledger;
mod operators;

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use mailrota::{ClockError, Config, Engine, Event, Fate, Snapshot, Span, Timestamp};

use crate::inputs::{Command, Gap, Input, RequestShape};
use crate::ledger::Ledger;

const LEAP_MAX: Span = Span::days(400);

fuzz_target!(|input: Input| {
    let start = input.start();
    let mut world = World::new(input.config(), input.horizon(), start);
    for command in input.opening() {
        world.step(start, &command);
    }
    for step in &input.steps {
        let now = world.later(&step.gap);
        world.step(now, &step.command);
    }
    world.check_history();
});

struct World {
    engine: Engine,
    /// The engine as it was before it was restored, which runs on beside.
    shadow: Option<Engine>,
    /// A state that it was in, and how many events there were by then.
    saved: (Snapshot, usize),
    config: Config,
    events: Vec<Event>,
    ledger: Ledger,
    start: Timestamp,
    now: Timestamp,
    horizon: Span,
    last_wait: Option<Timestamp>,
}

impl World {
    fn new(config: Config, horizon: Span, start: Timestamp) -> Self {
        let mut engine = Engine::new(config.clone());
        engine.record_events();
        Self {
            saved: (engine.snapshot(), 0),
            engine,
            shadow: None,
            config,
            events: Vec::new(),
            ledger: Ledger::default(),
            start,
            now: start,
            horizon,
            last_wait: None,
        }
    }

    fn later(&self, gap: &Gap) -> Timestamp {
        match gap {
            Gap::None => self.now,
            Gap::Minutes(n) => self.now.plus(Span::minutes(u64::from(*n))),
            Gap::Milliseconds(n) => self.now.plus(Span::milliseconds(u64::from(*n))),
            Gap::Hours(n) => self.now.plus(Span::hours(n.0)),
            Gap::Days(n) => self.now.plus(Span::days(n.0)),
            Gap::Back(n) => self.now.minus(Span::minutes(u64::from(*n))),
            Gap::Wait(before) => {
                let until = self.last_wait.unwrap_or(self.now);
                until.minus(Span::milliseconds(u64::from(*before)))
            }
        }
    }

    /// One command at what the caller's clock says.
    fn step(&mut self, clock: Timestamp, command: &Command) {
        let seen = self.ledger.seen.unwrap_or(clock);
        if clock.since(seen) > LEAP_MAX {
            let before = self.engine.snapshot();
            let refused = self.both(|engine| engine.tick(clock.to_datetime()));
            assert!(matches!(refused, Err(ClockError::TooFarAhead { .. })), "{refused:?}");
            assert!(self.engine.snapshot() == before, "refused, and taken in");
            self.now = seen;
            return;
        }
        // What was not begun is given back before time passes.
        if matches!(command, Command::GiveBack) {
            self.give_back(clock);
        }
        self.now = clock.max(seen);
        self.ledger.arrive(self.now);
        self.run(clock, command);
        // Questions leave the clock alone; the book has moved on.
        self.both(|engine| engine.tick(clock.to_datetime())).expect("a step that is believed");
        self.now = clock.max(seen);
    }

    /// Asks the engine, and the one that runs beside it.
    fn both<T: Debug + PartialEq>(&mut self, call: impl Fn(&mut Engine) -> T) -> T {
        let answer = call(&mut self.engine);
        if let Some(shadow) = &mut self.shadow {
            assert_eq!(call(shadow), answer, "restored, it answers otherwise");
        }
        self.events.extend(self.engine.take_events());
        answer
    }

    fn check_history(&self) {
        let snapshot = self.engine.snapshot();
        let (saved, before) = self.saved.clone();
        let since = Engine::restore_with(saved, &self.events[before..]);
        let replayed = Engine::replay(self.config.clone(), &self.events);
        for mut again in [replayed, since.expect("it was sound")] {
            if let Some(seen) = self.engine.seen() {
                again.confirm_clock(seen.to_datetime()).expect("in range");
            }
            assert!(again.snapshot() == snapshot, "the events tell another story");
        }
        if let Some(shadow) = &self.shadow {
            assert!(shadow.snapshot() == snapshot, "restored, it went another way");
        }
    }

    fn run(&mut self, clock: Timestamp, command: &Command) {
        let now = clock.to_datetime();
        match command {
            Command::Attach(campaign, accounts, mode) => {
                self.membership(clock, campaign.id(), accounts.0, mode.mode(), true);
            }
            Command::Detach(campaign, accounts, mode) => {
                self.membership(clock, campaign.id(), accounts.0, mode.mode(), false);
            }
            Command::Batch(campaign, shapes) => {
                let requests: Vec<_> = shapes.iter().map(RequestShape::request).collect();
                self.batch(clock, campaign.id(), &requests);
            }
            Command::Begin(nth) => self.begin(clock, *nth),
            Command::Reserve(campaign, shape) => {
                self.reserve(clock, campaign.id(), &shape.request());
            }
            Command::Cancel(nth) => self.end(clock, *nth, Fate::Cancelled),
            Command::Settle(nth, shape) => self.end(clock, *nth, Fate::Settled(shape.outcome())),
            Command::Look(account, campaign) => self.look(clock, account.id(), campaign.id()),
            Command::Replay | Command::Restore => {
                self.both(|engine| engine.tick(now)).expect("a step that is believed");
                self.check_history();
                self.saved = (self.engine.snapshot(), self.events.len());
                let mut again = if matches!(command, Command::Replay) {
                    Engine::replay(self.config.clone(), &self.events)
                } else {
                    Engine::restore(self.engine.snapshot()).expect("it was sound")
                };
                // Where the clock was looked at without an event, a replayed engine is behind.
                again.confirm_clock(self.now.to_datetime()).expect("in range");
                again.record_events();
                self.shadow = Some(std::mem::replace(&mut self.engine, again));
            }
            Command::Tick | Command::GiveBack => {}
            _ => self.operate(clock, command),
        }
    }
}
