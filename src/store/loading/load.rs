//! From a journal to an engine: the newest snapshot and the facts after it, each check compared.
//!
//! Believes nothing that is not proven by its check, and changes nothing.

use crate::rotation::{Engine, Event, Snapshot};
use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::{Note, Sum};
use crate::store::journal::ledger::Ledger;
use crate::store::journal::seam::{Head, Reader, Record};

/// How many facts are read at once.
const PAGE: usize = 4_096;

/// An engine as a journal tells it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    /// The last fact that is in it.
    pub(crate) end: Mark,
    /// What all documents come to, unless an older format did not note it.
    pub(crate) documents: Option<Sum>,
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
    from(place, reader, &head, |_, _| true).map(Some)
}

/// The newest engine with what was counted, for the next snapshot; nothing from an empty store.
pub(crate) fn counted(
    place: &str,
    reader: &mut dyn Reader,
) -> Result<Option<(Loaded, Ledger)>, JournalError> {
    let Some(head) = reader.snapshots()?.pop() else { return Ok(None) };
    let mut text = snapshot(place, reader, &head)?;
    let mut ledger = std::mem::take(&mut text.ledger);
    let loaded = follow(place, reader, &head, text, |_, event| {
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
    wanted: impl FnMut(u64, &Event) -> bool,
) -> Result<Loaded, JournalError> {
    let text = snapshot(place, reader, head)?;
    follow(place, reader, head, text, wanted)
}

fn follow(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
    text: Text,
    mut wanted: impl FnMut(u64, &Event) -> bool,
) -> Result<Loaded, JournalError> {
    let mut facts = Facts::after(place, reader, head.mark);
    facts.documents = text.documents;
    let events = facts.by_ref().take_while(|(sequence, event)| wanted(*sequence, event));
    let engine = Engine::restore_with(text.snapshot, events.map(|(_, event)| event));
    let (end, documents) = (facts.taken, facts.documents);
    facts.outcome?;
    let engine = engine.map_err(|error| {
        let after = head.mark.sequence;
        let problem = format!("the snapshot at fact {after} and what follows: {error}");
        JournalError::damaged(place, None, problem)
    })?;
    Ok(Loaded { engine, end, documents, snapshot: (head.mark.sequence, text.bytes) })
}

/// How far one can go from a snapshot.
pub(crate) struct Reached {
    pub(crate) end: Mark,
    /// What documents come to there, unless an older format did not note it.
    pub(crate) documents: Option<Sum>,
    /// Why no further.
    pub(crate) outcome: Result<(), JournalError>,
}

/// How far facts up to a number follow from a snapshot, if an engine can be made of it and of
/// those.
pub(crate) fn reach(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
    last: u64,
) -> Result<Reached, JournalError> {
    let text = snapshot(place, reader, head)?;
    let mut facts = Facts::after(place, reader, head.mark);
    (facts.documents, facts.last) = (text.documents, last);
    let engine = Engine::restore_with(text.snapshot, facts.by_ref().map(|(_, event)| event));
    match engine {
        Ok(_) => {
            let Facts { taken: end, documents, outcome, .. } = facts;
            Ok(Reached { end, documents, outcome })
        }
        Err(error) => {
            Err(JournalError::damaged(place, Some(facts.taken.sequence), error.to_string()))
        }
    }
}

/// What a snapshot says.
pub(crate) struct Text {
    pub(crate) snapshot: Snapshot,
    /// What was counted for people.
    pub(crate) ledger: Ledger,
    /// What all documents came to, unless an older format did not note it.
    pub(crate) documents: Option<Sum>,
    /// How long it is.
    pub(crate) bytes: u64,
}

/// A snapshot, compared with its hash.
pub(crate) fn snapshot(
    place: &str,
    reader: &mut dyn Reader,
    head: &Head,
) -> Result<Text, JournalError> {
    let text = text(place, reader, head)?;
    let read = || {
        let mut lines = text.splitn(3, '\n');
        let snapshot = serde_json::from_str(lines.next().unwrap_or_default())?;
        let ledger = serde_json::from_str(lines.next().unwrap_or_default())?;
        let documents = lines.next().map(serde_json::from_str).transpose()?;
        Ok(Text { snapshot, ledger, documents, bytes: text.len() as u64 })
    };
    read().map_err(|error: serde_json::Error| {
        let sequence = head.mark.sequence;
        let problem = format!("the snapshot at fact {sequence} cannot be read: {error}");
        JournalError::damaged(place, None, problem)
    })
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

/// The facts after a place in the chain with their numbers, in order, each compared with its check,
/// and what is noted between them. It ends at the
/// first that is not proven, and says then why.
pub(crate) struct Facts<'a> {
    place: &'a str,
    reader: &'a mut dyn Reader,
    page: std::vec::IntoIter<Record>,
    last_page: bool,
    /// The last fact that is wanted.
    last: u64,
    /// The last fact or note that was given out.
    pub(crate) taken: Mark,
    /// What documents come to, as it was noted last.
    documents: Option<Sum>,
    /// Whether all went well so far.
    pub(crate) outcome: Result<(), JournalError>,
}

impl<'a> Facts<'a> {
    pub(crate) fn after(place: &'a str, reader: &'a mut dyn Reader, mark: Mark) -> Self {
        let page = Vec::new().into_iter();
        let (last_page, last, documents) = (false, u64::MAX, None);
        Self { place, reader, page, last_page, last, taken: mark, documents, outcome: Ok(()) }
    }

    fn read(&mut self) -> Result<Option<Event>, JournalError> {
        loop {
            if self.page.len() == 0 && !self.last_page {
                let page = self.reader.records(self.taken.sequence, PAGE)?;
                self.last_page = page.len() < PAGE;
                self.page = page.into_iter();
            }
            let record = self.page.next().filter(|record| record.mark.sequence <= self.last);
            let Some(record) = record else { return Ok(None) };
            let (entry, mark) = proven(self.place, self.taken, &record)?;
            self.taken = mark;
            match entry {
                Entry::Event(event) => return Ok(Some(*event)),
                Entry::Note(note) => self.documents = Some(note.documents),
            }
        }
    }
}

/// At most so many facts at once, each compared with its check.
pub(crate) struct Page {
    /// Those before the first that is not proven.
    pub(crate) events: Vec<(u64, Event)>,
    /// The last fact or note of them.
    pub(crate) end: Mark,
    /// Whether there were none after it.
    pub(crate) is_last: bool,
    /// Whether all were proven.
    pub(crate) outcome: Result<(), JournalError>,
}

/// The facts right after a place in the chain, to be gone through with nobody kept waiting.
pub(crate) fn page(
    place: &str,
    reader: &mut dyn Reader,
    after: Mark,
) -> Result<Page, JournalError> {
    let records = reader.records(after.sequence, PAGE)?;
    let is_last = records.len() < PAGE;
    let mut page = Page { events: Vec::new(), end: after, is_last, outcome: Ok(()) };
    for record in records {
        match proven(place, page.end, &record) {
            Ok((entry, mark)) => {
                page.end = mark;
                if let Entry::Event(event) = entry {
                    page.events.push((mark.sequence, *event));
                }
            }
            Err(error) => {
                page.outcome = Err(error);
                break;
            }
        }
    }
    Ok(page)
}

/// What is in the chain.
enum Entry {
    Event(Box<Event>),
    Note(Note),
}

impl Iterator for Facts<'_> {
    type Item = (u64, Event);

    fn next(&mut self) -> Option<(u64, Event)> {
        if self.outcome.is_err() {
            return None;
        }
        match self.read() {
            Ok(event) => event.map(|event| (self.taken.sequence, event)),
            Err(error) => {
                self.outcome = Err(error);
                None
            }
        }
    }
}

/// What is in a record, if it follows in the chain, and its place there.
fn proven(place: &str, after: Mark, record: &Record) -> Result<(Entry, Mark), JournalError> {
    let sequence = record.mark.sequence;
    let damaged = |problem: String| JournalError::damaged(place, Some(sequence), problem);
    if sequence != after.sequence + 1 {
        return Err(damaged(format!("fact {} is missing before it", after.sequence + 1)));
    }
    let mark = after.next(&record.text);
    if mark.check != record.mark.check {
        return Err(damaged("its text does not match its check".to_owned()));
    }
    let entry = if record.text.starts_with(Note::BEGINS) {
        serde_json::from_str(&record.text).map(Entry::Note)
    } else {
        serde_json::from_str(&record.text).map(Entry::Event)
    };
    let unknown = |error| damaged(format!("it is no event of this version: {error}"));
    Ok((entry.map_err(unknown)?, mark))
}
