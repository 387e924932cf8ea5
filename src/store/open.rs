//! Opening: what a journal holds and how far it can be believed, and the beginning of a new one.
//!
//! Starts nothing; whoever opens decides what becomes of reservations that were out.

use crate::rotation::Engine;
use crate::store::chain::Mark;
use crate::store::documents::{self, Documents};
use crate::store::error::{JournalError, StoreError};
use crate::store::journal::Journal;
use crate::store::ledger::Ledger;
use crate::store::load::{self, Loaded};
use crate::store::options::Options;
use crate::store::snapshots;

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
    if let Some(witnessed) = journal.witnessed().filter(|mark| mark.sequence > loaded.end.sequence)
    {
        let problem = format!(
            "it ends at fact {}, and fact {} was written",
            loaded.end.sequence, witnessed.sequence
        );
        return Err(JournalError::damaged(&place, None, problem).into());
    }
    loaded.engine.record_events();
    let documents = documents::read(&place, &mut *journal.reader()?)?;
    Ok((loaded, documents))
}

/// An empty store gets its first snapshot.
fn begin(journal: &mut dyn Journal, options: &Options) -> Result<Loaded, StoreError> {
    let place = journal.place().to_owned();
    options.config.check().map_err(StoreError::Config)?;
    let engine = Engine::new(options.config.clone());
    let pieces = snapshots::pieces(&place, &engine, &Ledger::default(), Mark::default())?;
    for (part, n) in pieces.parts.iter().zip(0..) {
        journal.put_part(0, n, part)?;
    }
    journal.finish_snapshot(&pieces.head)?;
    Ok(Loaded { engine, end: pieces.head.mark, snapshot: (0, pieces.bytes()) })
}
