//! The engine and the reference model agree on every answer of many random histories.
//!
//! `MAILROTA_CASES` says how many commands; `MAILROTA_SEED` plays one history alone. A history that
//! fails is printed as far as it is needed to fail, with both answers.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mailrota::{Config, Engine, Event, Reputation, Span};

use crate::agreement_commands::{Command, carry_out};
use crate::agreement_histories::History;
use crate::agreement_ledger::Ledger;
use crate::agreement_zones::at;
use crate::model_commands::TRUST;
use crate::model_state::{Minute, Model, Stream};

/// A build that is not optimised plays as many as take half a minute.
const CASES: u64 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
const LENGTH: usize = 300;

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// One command of a history and its instant.
#[derive(Clone, Debug)]
struct Moment {
    number: u64,
    minute: Minute,
    command: Command,
}

/// Both sides of one history.
pub(crate) struct Trial {
    engine: Engine,
    pub(crate) model: Model,
    ledger: Ledger,
    events: Vec<Event>,
    /// Which command of the history asked for each reservation, and at which place in it.
    origins: Vec<u64>,
    log: Vec<String>,
    counts: BTreeMap<String, u64>,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let trust = Reputation::new(TRUST).unwrap();
        let ttl = [10, 10, 45, 2][usize::try_from(seed % 4).unwrap()];
        let config = Config::default().reputation_enter_above(trust).reputation_stay_min(trust);
        let config = config.reservation_ttl(Span::minutes(ttl)).unwrap();
        let lead_days = [400, 2, 1][usize::try_from(seed / 4 % 3).unwrap()];
        let config = config.lead_memory(Span::days(lead_days)).unwrap();
        let mut engine = Engine::new(config);
        engine.record_events();
        let model = Model {
            ttl: Minute::try_from(ttl).unwrap(),
            lead_days: i64::try_from(lead_days).unwrap(),
            ..Model::default()
        };
        Self {
            engine,
            model,
            ledger: Ledger::default(),
            events: Vec::new(),
            origins: Vec::new(),
            log: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Names a reservation by the command that asked for it, so that it keeps its name if others
    /// are dropped.
    fn lasting(&self, command: Command) -> Command {
        let origin =
            |id: u64| self.origins.get(usize::try_from(id).unwrap()).copied().unwrap_or(u64::MAX);
        if let Command::Begin(id) = command {
            return Command::Begin(origin(id));
        }
        if let Command::Cancel(id) = command {
            return Command::Cancel(origin(id));
        }
        if let Command::Settle(id, outcome) = command {
            return Command::Settle(origin(id), outcome);
        }
        command
    }

    /// The number that the reservation of a lasting name has here; nothing if it has none.
    fn here(&self, command: &Command) -> Option<Command> {
        let id = |origin: u64| {
            let id = self.origins.iter().position(|of| *of == origin).map(|n| n as u64);
            id.or((origin == u64::MAX).then_some(1_000_000))
        };
        if let Command::Begin(origin) = command {
            return id(*origin).map(Command::Begin);
        }
        if let Command::Cancel(origin) = command {
            return id(*origin).map(Command::Cancel);
        }
        if let Command::Settle(origin, outcome) = command {
            return id(*origin).map(|id| Command::Settle(id, *outcome));
        }
        Some(command.clone())
    }

    /// Carries out one command on both sides.
    fn step(&mut self, moment: &Moment) -> Result<Vec<Option<Minute>>, String> {
        let Moment { number, minute, command } = moment;
        let (minute, Some(command)) = (*minute, self.here(command)) else { return Ok(Vec::new()) };
        let command = &command;
        if self.model.is_too_old(minute, command) {
            return Ok(Vec::new());
        }
        let answer = carry_out(&mut self.engine, command, minute);
        self.events.extend(self.engine.take_events());
        self.engine.record_events();
        let wanted = self.model.carry_out(command, minute, &answer.waits);
        self.log.push(format!("{} ({minute}) {command:?}", at(minute)));
        self.log.push(format!("    engine: {}", answer.line));
        let name = format!("{command:?}");
        let name = name.split(['(', ' ']).next().unwrap().to_owned();
        *self.counts.entry(name).or_default() += 1;
        for part in answer.line.split("; ") {
            let word: Vec<&str> = part.split([' ', ',']).take(2).collect();
            let word = if word[0] == "error" { word.join(" ") } else { word[0].to_owned() };
            let word = if word.starts_with('[') { "report".to_owned() } else { word };
            *self.counts.entry(format!("-> {word}")).or_default() += 1;
        }
        if answer.line != wanted {
            let places: Vec<String> = self.model.streams.iter().map(Stream::picture).collect();
            return Err(format!("    model:  {wanted}\n{}", places.join("\n")));
        }
        for place in 0..(self.model.emails.len() - self.origins.len()) as u64 {
            self.origins.push(number * 10 + place);
        }
        self.ledger
            .note(&self.engine, command, &answer)
            .map_err(|broken| format!("    ledger: {broken}"))?;
        Ok(answer.waits)
    }

    fn end(self) -> Result<(), String> {
        let engine = self.engine;
        let Some(seen) = engine.seen() else { return Ok(()) };
        let mut again = Engine::replay(engine.config().clone(), &self.events);
        // A call that changes nothing leaves no event; the clock is all that a replay may miss.
        again.tick(seen.to_datetime()).unwrap();
        let same = again.snapshot() == engine.snapshot();
        if same { Ok(()) } else { Err("a replay of the events differs".to_owned()) }
    }
}

/// Plays commands again; returns the log if the sides disagree.
fn replay(seed: u64, commands: &[Moment]) -> Option<Vec<String>> {
    let mut trial = Trial::new(seed);
    for moment in commands {
        let step = catch_unwind(AssertUnwindSafe(|| trial.step(moment)));
        match step {
            Ok(Ok(_)) => {}
            Ok(Err(line)) => {
                trial.log.push(line);
                return Some(trial.log);
            }
            Err(_) => {
                trial.log.push(format!("panic at {moment:?}"));
                return Some(trial.log);
            }
        }
    }
    let log = trial.log.clone();
    trial.end().err().map(|line| [log, vec![line]].concat())
}

/// Drops commands as long as the sides still disagree.
fn shrink(seed: u64, commands: &mut Vec<Moment>) -> Vec<String> {
    let mut log = replay(seed, commands).expect("what failed fails again");
    for chunk in [64, 16, 4, 2, 1, 1] {
        let mut from = 0;
        while from < commands.len() {
            let mut fewer = commands.clone();
            fewer.drain(from..commands.len().min(from + chunk));
            match replay(seed, &fewer) {
                Some(shorter) => (*commands, log) = (fewer, shorter),
                None => from += chunk,
            }
        }
    }
    log
}

fn play(seed: u64) -> Result<BTreeMap<String, u64>, Vec<String>> {
    let mut trial = Trial::new(seed);
    let mut history = History::new(seed);
    let mut commands = Vec::new();
    while commands.len() < LENGTH {
        let (minute, command) = history.next(&trial.model);
        let number = commands.len() as u64;
        let moment = Moment { number, minute, command: trial.lasting(command) };
        commands.push(moment.clone());
        match catch_unwind(AssertUnwindSafe(|| trial.step(&moment))) {
            Ok(Ok(waits)) => history.wait = waits.into_iter().flatten().next(),
            Ok(Err(_)) | Err(_) => return Err(shrink(seed, &mut commands)),
        }
    }
    let counts = trial.counts.clone();
    if trial.end().is_err() { Err(shrink(seed, &mut commands)) } else { Ok(counts) }
}

#[test]
fn the_engine_and_the_model_agree() {
    let cases = env("MAILROTA_CASES").unwrap_or(CASES);
    let seeds = match env("MAILROTA_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..cases.div_ceil(LENGTH as u64),
    };
    let mut counts = BTreeMap::<String, u64>::new();
    for seed in seeds {
        match play(seed) {
            Ok(of) => of.into_iter().for_each(|(name, n)| *counts.entry(name).or_default() += n),
            Err(log) => panic!(
                "they disagree:\n{}\nreplay: MAILROTA_SEED={seed} cargo test --test it agreement",
                log.join("\n")
            ),
        }
    }
    println!("{counts:#?}");
}
