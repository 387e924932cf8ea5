//! From a journal to an engine: the newest snapshot and the facts after it, each check compared.
//!
//! Believes nothing that is not proven by its check, and changes nothing.

use crate::rotation::{Engine, Event, Snapshot};
use crate::store::chain::Mark;
use crate::store::error::JournalError;
use crate::store::journal::{Head, Reader, Record};

/// How many facts are read at once.
const PAGE: usize = 4_096;

/// An engine as a journal tells it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    /// The last fact that is in it.
    pub(crate) end: Mark,
}

/// Reads the newest snapshot and everything after it; nothing from a store that has neither.
pub(crate) fn load(place: &str, reader: &mut dyn Reader) -> Result<Option<Loaded>, JournalError> {
    let Some(head) = reader.snapshots()?.pop() else {
        return match reader.records(0, 1)?.first() {
            None => Ok(None),
            Some(record) => {
                let problem = "there are facts but no snapshot to begin with";
                Err(JournalError::damaged(place, Some(record.mark.sequence), problem))
            }
        };
    };
    let mut engine = restore(place, reader, &head)?;
    let mut end = head.mark;
    follow(place, reader, &mut engine, &mut end)?;
    Ok(Some(Loaded { engine, end }))
}

/// The engine of one snapshot.
pub(crate) fn restore(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
) -> Result<Engine, JournalError> {
    let text = text(place, reader, head)?;
    let sequence = head.mark.sequence;
    let damaged = |error: String| {
        JournalError::damaged(place, None, format!("the snapshot at fact {sequence}: {error}"))
    };
    let snapshot: Snapshot =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    drop(text);
    Engine::restore(snapshot).map_err(|error| damaged(error.to_string()))
}

/// The text of a snapshot, compared with its hash.
fn text(place: &str, reader: &mut dyn Reader, head: &Head) -> Result<String, JournalError> {
    let sequence = head.mark.sequence;
    let damaged = |problem: &str| {
        JournalError::damaged(place, None, format!("the snapshot at fact {sequence}: {problem}"))
    };
    if head.seal != head.sealed() {
        return Err(damaged("its head does not match its seal"));
    }
    let mut text = String::new();
    for part in 0..head.parts {
        let part = reader.part(sequence, part)?;
        text.push_str(&part.ok_or_else(|| damaged("a part is missing"))?);
    }
    if crc32c::crc32c(text.as_bytes()) != head.hash {
        return Err(damaged("its text does not match its hash"));
    }
    Ok(text)
}

/// Takes in all facts after `end`.
fn follow(
    place: &str,
    reader: &mut dyn Reader,
    engine: &mut Engine,
    end: &mut Mark,
) -> Result<(), JournalError> {
    let mut events = Vec::new();
    loop {
        let records = reader.records(end.sequence, PAGE)?;
        let last = records.len() < PAGE;
        for record in records {
            events.push(event(place, end, &record)?);
        }
        if last {
            break;
        }
    }
    if !events.is_empty() {
        *engine = Engine::replay(engine.config().clone(), &events);
    }
    Ok(())
}

/// The event in a record, if it follows in the chain.
pub(crate) fn event(place: &str, end: &mut Mark, record: &Record) -> Result<Event, JournalError> {
    let sequence = record.mark.sequence;
    let damaged = |problem: String| JournalError::damaged(place, Some(sequence), problem);
    if sequence != end.sequence + 1 {
        let problem = format!("fact {} is missing before it", end.sequence + 1);
        return Err(damaged(problem));
    }
    let next = end.next(&record.text);
    if next.check != record.mark.check {
        return Err(damaged("its text does not match its check".to_owned()));
    }
    let event = serde_json::from_str(&record.text)
        .map_err(|error| damaged(format!("it is no event of this version: {error}")))?;
    *end = next;
    Ok(event)
}
