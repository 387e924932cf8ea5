//! Opening: what a journal holds and how far it can be believed, and the beginning of a new one.
//!
//! Starts nothing and writes no facts; what becomes of reservations that were out is decided here,
//! and made durable by whoever opens.

use chrono::{DateTime, Utc};

use crate::rotation::{ClockError, Config, Engine};
use crate::store::error::{JournalError, StoreError};
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::{self, Documents, Note, Sum};
use crate::store::journal::ledger::Ledger;
use crate::store::journal::seam::{Batch, Journal};
use crate::store::loading::load::{self, Loaded};
use crate::store::loading::snapshots;
use crate::store::options::{Options, Recovery};

/// The engine and the documents of a store, which notes its events from now on.
pub(crate) fn open(
    journal: &mut dyn Journal,
    options: &Options,
) -> Result<(Loaded, Documents), StoreError> {
    // Before it is read, or what was read might be what is gone after a crash.
    journal.make_durable()?;
    let place = journal.place().to_owned();
    let mut loaded = match load::load(&place, &mut *journal.reader()?)? {
        Some(loaded) => loaded,
        None => begin(journal, options)?,
    };
    agrees(&place, loaded.engine.config(), options)?;
    if let Some(witnessed) = journal.witnessed().filter(|mark| mark.sequence > loaded.end.sequence)
    {
        let problem = format!(
            "it ends at fact {}, and fact {} was written",
            loaded.end.sequence, witnessed.sequence
        );
        return Err(JournalError::damaged(&place, None, problem).into());
    }
    loaded.engine.record_events();
    let documents = documents::read(&place, journal.reader()?.documents()?.0)?;
    if let Some(problem) = documents.sum().differs(loaded.documents) {
        return Err(JournalError::damaged(&place, None, problem).into());
    }
    if loaded.documents.is_none() {
        // From an older format, which did not note them.
        loaded.end = note(journal, loaded.end, documents.sum())?;
    }
    Ok((loaded, documents))
}

/// An empty store gets its first snapshot.
fn begin(journal: &mut dyn Journal, options: &Options) -> Result<Loaded, StoreError> {
    let place = journal.place().to_owned();
    let config = options.config.clone().unwrap_or_default();
    config.check().map_err(StoreError::Config)?;
    let engine = Engine::new(config);
    let (ledger, documents) = (Ledger::default(), Some(Sum::default()));
    let pieces = snapshots::pieces(&place, &engine, &ledger, documents, Mark::default())?;
    for (part, n) in pieces.parts.iter().zip(0..) {
        journal.put_part(0, n, part)?;
    }
    journal.finish_snapshot(&pieces.head)?;
    Ok(Loaded { engine, end: pieces.head.mark, documents, snapshot: (0, pieces.bytes()) })
}

/// What becomes of reservations that were out, and the clock that goes on.
pub(crate) fn recover(
    engine: &mut Engine,
    options: &Options,
    now: DateTime<Utc>,
) -> Result<(), ClockError> {
    let gives_back = options.recovery == Recovery::GiveBackUnbegun;
    // What is believed anyway needs no fact that says so.
    let unbelieved = match engine.instant(now) {
        Err(ClockError::TooFarAhead { seen, .. }) if options.confirm_clock => Some(seen),
        Ok(_) | Err(_) => None,
    };
    if let Some(seen) = unbelieved {
        if gives_back {
            // Before the clock goes on, with which they would lapse.
            engine.give_back_unbegun(seen.into())?;
        }
        engine.confirm_clock(now)?;
    }
    if gives_back { engine.give_back_unbegun(now).map(drop) } else { engine.tick(now) }
}

/// Notes in the chain what all documents come to.
pub(crate) fn note(
    journal: &mut dyn Journal,
    after: Mark,
    documents: Sum,
) -> Result<Mark, JournalError> {
    let mut batch = Batch::default();
    let noted = batch.add(after, &Note { documents }, &mut Vec::new());
    let noted = noted.map_err(|error| JournalError::Io {
        place: journal.place().to_owned(),
        problem: error.to_string(),
    })?;
    journal.append(&batch)?;
    Ok(noted)
}

/// Refuses a store that has another configuration than the one that is asked for, if one is.
fn agrees(place: &str, has: &Config, options: &Options) -> Result<(), StoreError> {
    let Some(asked) = options.config.as_ref().filter(|asked| *asked != has) else {
        return Ok(());
    };
    let pairs = settings(has).into_iter().zip(settings(asked));
    let differs = pairs.filter(|(has, asked)| has != asked);
    let differs = differs.map(|((name, has), (_, asked))| {
        format!("{name} is {has} there, and {asked} was asked for")
    });
    Err(StoreError::OtherConfig { place: place.to_owned(), differs: differs.collect() })
}

/// Every setting by its name, as people read it.
fn settings(config: &Config) -> [(&'static str, String); 11] {
    let Config {
        seed,
        reservation_ttl,
        gone_grace,
        horizon,
        leap_max,
        reputation_enter_above,
        reputation_stay_min,
        reputation_age_max,
        warmup_age_min,
        new_lead_share,
        lead_memory,
    } = config;
    [
        ("seed", seed.to_string()),
        ("reservation_ttl", reservation_ttl.to_string()),
        ("gone_grace", gone_grace.to_string()),
        ("horizon", horizon.to_string()),
        ("leap_max", leap_max.to_string()),
        ("reputation_enter_above", reputation_enter_above.to_string()),
        ("reputation_stay_min", reputation_stay_min.to_string()),
        ("reputation_age_max", reputation_age_max.to_string()),
        ("warmup_age_min", warmup_age_min.to_string()),
        ("new_lead_share", format!("{new_lead_share} percent")),
        ("lead_memory", lead_memory.to_string()),
    ]
}
