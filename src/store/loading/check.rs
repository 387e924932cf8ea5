//! What of a store is sound, and what would be lost if the rest were dropped.
//!
//! Only looks. Dropping is done elsewhere, and only when somebody asked for it.

use std::fmt;

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::{Document, Sum};
use crate::store::journal::seam::Reader;
use crate::store::loading::load::{self, Reached};

/// What a look at a store found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Which store.
    pub place: String,
    /// The snapshot that what is sound begins with, by its last fact; nothing if none is sound.
    pub snapshot: Option<u64>,
    /// The last fact that is sound.
    pub end: Mark,
    /// How many facts after it are there and would be dropped.
    pub dropped: u64,
    /// How many facts after it were written once and are not there.
    pub missing: u64,
    /// Everything that is wrong.
    pub problems: Vec<String>,
    /// What is left of a repair that was cut short. It does no harm.
    pub leftovers: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, snapshot, end, dropped, missing, problems, leftovers } = self;
        for left in leftovers {
            writeln!(f, "{left}: left by a repair that was cut short; another tidies up")?;
        }
        for problem in problems {
            writeln!(f, "{problem}")?;
        }
        let Some(snapshot) = snapshot else {
            return writeln!(f, "{place}: no snapshot is sound; restore a backup");
        };
        writeln!(f, "{place}: sound from fact {} to {}", snapshot + 1, end.sequence)?;
        if *dropped > 0 {
            writeln!(f, "{place}: {dropped} facts after that would be dropped by a repair")?;
        }
        if *missing > 0 {
            writeln!(f, "{place}: {missing} facts after that were written and are gone")?;
        }
        if dropped + missing > 0 {
            let lost = "reservations in them are forgotten; caps may be passed by as many emails";
            writeln!(f, "{place}: {lost}")?;
        }
        Ok(())
    }
}

/// Looks at everything that a reader of any journal sees: every snapshot and every fact. What is
/// `witnessed` is what the journal [says](crate::Journal::witnessed).
///
/// # Errors
/// [`JournalError`] if it cannot be read at all.
pub fn inspect(
    place: &str,
    reader: &mut dyn Reader,
    witnessed: Option<Mark>,
) -> Result<Report, JournalError> {
    let mut problems: Vec<String> = Vec::new();
    let mut best: Option<(u64, Mark)> = None;
    let mut noted = None;
    let heads = reader.snapshots()?;
    if heads.is_empty() {
        problems.push(format!("{place}: there is no snapshot"));
    }
    // What is written from now on is not looked at.
    let (documents, last) = reader.documents()?;
    for head in &heads {
        let (end, problem) = match load::reach(place, reader, head, last) {
            Ok(Reached { end, documents, outcome }) => (Some((end, documents)), outcome.err()),
            Err(error) => (None, Some(error)),
        };
        if let Some(problem) = problem.map(|problem| problem.to_string()) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        // Of those that reach equally far the oldest, since it has the longer history.
        let Some((end, sum)) = end else { continue };
        if best.is_none_or(|(_, reached)| end.sequence > reached.sequence) {
            best = Some((head.mark.sequence, end));
            noted = sum.filter(|_| end.sequence == last);
        }
    }
    let end = best.map_or_else(Mark::default, |(_, end)| end);
    let (mut dropped, mut after) = (0, end.sequence);
    while after < last {
        let records = reader.records(after, 4_096)?;
        let Some(record) = records.last() else { break };
        dropped += records.iter().filter(|record| record.mark.sequence <= last).count() as u64;
        after = record.mark.sequence;
    }
    let missing = witnessed.map_or(0, |mark| mark.sequence.saturating_sub(last));
    if missing > 0 {
        problems.push(format!("{place}: the last {missing} facts that were written are gone"));
    }
    let mut sum = Sum::default();
    for document in &documents {
        let Document { kind, id, .. } = document;
        if document.is_sound() {
            sum.take_in(document);
        } else {
            problems.push(format!("{place}: document {kind} {id} does not match its check"));
        }
    }
    problems.extend(sum.differs(noted).map(|problem| format!("{place}: {problem}")));
    let snapshot = best.map(|(snapshot, _)| snapshot);
    let (place, leftovers) = (place.to_owned(), Vec::new());
    Ok(Report { place, snapshot, end, dropped, missing, problems, leftovers })
}
