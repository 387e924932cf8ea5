//! Looking at a store that was refused, and writing what is sound of it anew.
//!
//! The damaged file is never written to: a copy of it is kept beside the new one. Killed at any
//! instant, a repair leaves the old store or the new one: what it makes is not looked at until it
//! is whole and has got its name, and from then on it is the store, whatever else lies there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::{Document, Sum};
use crate::store::journal::seam::{Batch, Journal, Reader};
use crate::store::loading::check::{self, Report};
use crate::store::loading::{load, open};
use crate::store::sqlite::SqliteJournal;
use crate::store::sqlite::guard::Guard;
use crate::store::sqlite::place::{MADE, Place};
use crate::store::sqlite::reader::SqliteReader;
use crate::store::sqlite::schema;
use crate::store::sqlite::words::said;

/// How many facts are copied at once.
const PAGE: usize = 4_096;

/// How many bytes of a file are copied at once.
const PIECE: usize = 1 << 20;

/// What is made, until it is whole.
const MAKING: &str = "-repairing";

/// What SQLite and the lock may lay beside a file.
const SIDES: [&str; 5] = ["", "-wal", "-shm", "-journal", "-lock"];

/// Looks through the store in an SQLite file: every page, every snapshot, every fact. Changes
/// nothing; whoever writes the store is not disturbed.
///
/// # Errors
/// [`JournalError`] if the file cannot even be opened; then only a backup helps.
pub fn check(path: impl AsRef<Path>) -> Result<Report, JournalError> {
    look(&Place::of(path.as_ref())?)
}

fn look(place: &Place) -> Result<Report, JournalError> {
    let name = place.name();
    let mut reader = SqliteReader::at(place)?;
    // First, as the store goes on. What a repair made ends before what the old store had.
    let witnessed = if place.beside(MADE).exists() { None } else { Guard::peek(place) };
    reader.stand_still()?;
    let found = schema::problems(reader.connection(), true).map_err(|error| said(name, &error))?;
    let mut report = check::inspect(name, &mut reader, witnessed)?;
    let found = found.into_iter().map(|problem| format!("{name}: {problem}"));
    report.problems.splice(0..0, found);
    report.leftovers = leftovers(place).map(|end| place.name_beside(&end)).collect();
    Ok(report)
}

/// Brings a repair to its end that was cut short after what it made was whole.
pub(crate) fn finish(place: &Place, guard: &mut Guard) -> Result<(), JournalError> {
    let made = place.beside(MADE);
    if !made.exists() {
        return Ok(());
    }
    let reader = SqliteReader::at(place)?;
    guard.note(reader.end()?)?;
    guard.sync()?;
    drop(reader);
    let placed = (|| {
        // Before the new file is there, or they would be read into that.
        for name in ["-wal", "-shm"] {
            remove(&place.beside(name))?;
        }
        schema::sync_folder(place.file())?;
        fs::rename(&made, place.file())?;
        schema::sync_folder(place.file())
    })();
    placed.map_err(|error| failed(place.name(), &error))
}

/// Writes what [`check()`] calls sound into a new file in the place of the old one, which is kept
/// beside it as `…-damaged`. What would be dropped is told by [`check()`]; look there first. A
/// store that is sound is left alone.
///
/// # Errors
/// [`JournalError::Locked`] if the store is open, [`JournalError::Damaged`] if nothing is sound, or
/// [`JournalError::Io`]; then the old file is in its place.
pub fn repair(path: impl AsRef<Path>) -> Result<Report, JournalError> {
    let place = Place::of(path.as_ref())?;
    let name = place.name();
    let mut guard = Guard::take(&place)?;
    finish(&place, &mut guard)?;
    for left in leftovers(&place) {
        remove(&place.beside(&left)).map_err(|error| failed(name, &error))?;
    }
    let report = look(&place)?;
    if report.is_sound() {
        return Ok(report);
    }
    let Some(snapshot) = report.snapshot else {
        return Err(JournalError::damaged(name, None, "no snapshot is sound"));
    };
    let making = place.beside(MAKING);
    copy(&mut SqliteReader::at(&place)?, &making, snapshot, report.end)?;
    schema::leave_log(&making).map_err(|error| said(name, &error))?;
    keep_old(&place).map_err(|error| failed(name, &error))?;
    let named = fs::rename(&making, place.beside(MADE));
    let named = named.and_then(|()| schema::sync_folder(place.file()));
    named.map_err(|error| failed(name, &error))?;
    finish(&place, &mut guard)?;
    remove(&place.beside(&format!("{MAKING}-lock"))).map_err(|error| failed(name, &error))?;
    Ok(report)
}

/// Copies a snapshot and the facts after it, up to the last that is sound.
fn copy(reader: &mut dyn Reader, to: &Path, snapshot: u64, end: Mark) -> Result<(), JournalError> {
    let mut journal = SqliteJournal::open(to)?;
    let heads = reader.snapshots()?;
    let head = heads.iter().find(|head| head.mark.sequence == snapshot);
    let gone = || JournalError::damaged(&to.display().to_string(), None, "it changed meanwhile");
    let head = head.ok_or_else(gone)?;
    for part in 0..head.parts {
        let text = reader.part(snapshot, part)?.ok_or_else(gone)?;
        journal.put_part(snapshot, part, &text)?;
    }
    journal.finish_snapshot(head)?;
    let (mut documents, _) = reader.documents()?;
    documents.retain(Document::is_sound);
    let mut sum = Sum::default();
    for document in &documents {
        sum.take_in(document);
    }
    let mut batch = Batch::default();
    batch.put_documents(&mut documents);
    journal.append(&batch)?;
    let mut last = snapshot;
    while last < end.sequence {
        let mut batch = Batch::default();
        for record in reader.records(last, PAGE)? {
            if record.mark.sequence <= end.sequence {
                batch.push(record.mark, &record.text);
            }
        }
        last = batch.last().ok_or_else(gone)?.sequence;
        journal.append(&batch)?;
    }
    let reached = load::reach(journal.place(), &mut *journal.reader()?, head, u64::MAX)?;
    reached.outcome?;
    if reached.documents != Some(sum) {
        // They are newer than the facts, or some are gone; from now on they are those.
        open::note(&mut journal, end, sum)?;
    }
    journal.close()
}

/// Copies the old files, durably.
fn keep_old(place: &Place) -> io::Result<()> {
    for name in ["", "-wal"] {
        let (from, to) = (place.beside(name), place.beside(&format!("-damaged{name}")));
        remove(&to)?;
        if !from.exists() {
            continue;
        }
        let (mut from, mut to) = (File::open(&from)?, File::create(&to)?);
        let mut bytes = vec![0; PIECE];
        loop {
            let read = from.read(&mut bytes)?;
            if read == 0 {
                break;
            }
            to.write_all(&bytes[..read])?;
        }
        to.sync_all()?;
    }
    schema::sync_folder(place.file())
}

/// What is there of a repair that was cut short, by the ends of the names.
fn leftovers(place: &Place) -> impl Iterator<Item = String> {
    let making = SIDES.map(|name| format!("{MAKING}{name}"));
    making.into_iter().chain([MADE.to_owned()]).filter(|left| place.beside(left).exists())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(place: &str, error: &io::Error) -> JournalError {
    JournalError::Io { place: place.to_owned(), problem: error.to_string() }
}
