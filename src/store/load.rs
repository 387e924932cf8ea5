//! From a journal to an engine: the newest snapshot and the facts after it, each check compared.
//!
//! Believes nothing that is not proven by its check, and changes nothing.

use crate::rotation::{Engine, Event, Snapshot};
use crate::store::chain::Mark;
use crate::store::error::JournalError;
use crate::store::journal::{Head, Reader, Record};
use crate::store::ledger::Ledger;

/// How many facts are read at once.
const PAGE: usize = 4_096;

/// An engine as a journal tells it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    /// The last fact that is in it.
    pub(crate) end: Mark,
    /// The last fact that is in the snapshot it was made of, and the length of that in bytes.
    pub(crate) snapshot: (u64, u64),
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
    from(place, reader, &head, |_| true).map(Some)
}

/// The newest engine with what was counted, for the next snapshot; nothing from an empty store.
pub(crate) fn counted(
    place: &str,
    reader: &mut dyn Reader,
) -> Result<Option<(Loaded, Ledger)>, JournalError> {
    let Some(head) = reader.snapshots()?.pop() else { return Ok(None) };
    let (snapshot, mut ledger, bytes) = snapshot(place, reader, &head)?;
    let loaded = follow(place, reader, &head, (snapshot, bytes), |event| {
        ledger.take_in(&event.fact);
        true
    })?;
    ledger.prune(&loaded.engine);
    Ok(Some((loaded, ledger)))
}

/// The engine of a snapshot and of the facts after it, up to the first that is not wanted.
pub(crate) fn from(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
    wanted: impl FnMut(&Event) -> bool,
) -> Result<Loaded, JournalError> {
    let (snapshot, _, bytes) = snapshot(place, reader, head)?;
    follow(place, reader, head, (snapshot, bytes), wanted)
}

fn follow(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
    (snapshot, bytes): (Snapshot, u64),
    mut wanted: impl FnMut(&Event) -> bool,
) -> Result<Loaded, JournalError> {
    let mut facts = Facts::after(place, reader, head.mark);
    let engine = Engine::restore_with(snapshot, facts.by_ref().take_while(|event| wanted(event)));
    let end = facts.taken;
    facts.outcome?;
    let engine = engine.map_err(|error| {
        let after = head.mark.sequence;
        let problem = format!("the snapshot at fact {after} and what follows: {error}");
        JournalError::damaged(place, None, problem)
    })?;
    Ok(Loaded { engine, end, snapshot: (head.mark.sequence, bytes) })
}

/// How far facts follow from a snapshot, if an engine can be made of it and of those.
pub(crate) fn reach(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
) -> Result<Mark, JournalError> {
    let (snapshot, _, _) = snapshot(place, reader, head)?;
    let mut facts = Facts::after(place, reader, head.mark);
    let engine = Engine::restore_with(snapshot, facts.by_ref());
    engine.map(|_| facts.taken).map_err(|error| {
        JournalError::damaged(place, Some(facts.taken.sequence), error.to_string())
    })
}

/// A snapshot, compared with its hash, what was counted with it, and the length of its text.
pub(crate) fn snapshot(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
) -> Result<(Snapshot, Ledger, u64), JournalError> {
    let text = text(place, reader, head)?;
    let read = || {
        let (state, ledger) = text.split_once('\n').unwrap_or((&text, "{}"));
        Ok((serde_json::from_str(state)?, serde_json::from_str(ledger)?))
    };
    let (snapshot, ledger) = read().map_err(|error: serde_json::Error| {
        let sequence = head.mark.sequence;
        let problem = format!("the snapshot at fact {sequence} cannot be read: {error}");
        JournalError::damaged(place, None, problem)
    })?;
    Ok((snapshot, ledger, text.len() as u64))
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

/// The facts after a place in the chain, in order, each compared with its check. It ends at the
/// first that is not proven, and says then why.
pub(crate) struct Facts<'a> {
    place: &'a str,
    reader: &'a mut dyn Reader,
    page: std::vec::IntoIter<Record>,
    last_page: bool,
    /// The last fact that was given out.
    pub(crate) taken: Mark,
    /// Whether all went well so far.
    pub(crate) outcome: Result<(), JournalError>,
}

impl<'a> Facts<'a> {
    pub(crate) fn after(place: &'a str, reader: &'a mut dyn Reader, mark: Mark) -> Self {
        let page = Vec::new().into_iter();
        Self { place, reader, page, last_page: false, taken: mark, outcome: Ok(()) }
    }

    fn read(&mut self) -> Result<Option<Event>, JournalError> {
        if self.page.len() == 0 && !self.last_page {
            let page = self.reader.records(self.taken.sequence, PAGE)?;
            self.last_page = page.len() < PAGE;
            self.page = page.into_iter();
        }
        let Some(record) = self.page.next() else { return Ok(None) };
        let (event, mark) = proven(self.place, self.taken, &record)?;
        self.taken = mark;
        Ok(Some(event))
    }
}

impl Iterator for Facts<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.outcome.is_err() {
            return None;
        }
        match self.read() {
            Ok(event) => event,
            Err(error) => {
                self.outcome = Err(error);
                None
            }
        }
    }
}

/// The event in a record, if it follows in the chain, and its place there.
fn proven(place: &str, after: Mark, record: &Record) -> Result<(Event, Mark), JournalError> {
    let sequence = record.mark.sequence;
    let damaged = |problem: String| JournalError::damaged(place, Some(sequence), problem);
    if sequence != after.sequence + 1 {
        return Err(damaged(format!("fact {} is missing before it", after.sequence + 1)));
    }
    let mark = after.next(&record.text);
    if mark.check != record.mark.check {
        return Err(damaged("its text does not match its check".to_owned()));
    }
    let event = serde_json::from_str(&record.text)
        .map_err(|error| damaged(format!("it is no event of this version: {error}")))?;
    Ok((event, mark))
}
