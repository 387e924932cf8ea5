//! Looking at a store that was refused, and writing what is sound of it anew.
//!
//! The damaged file is never written to: it is kept beside the new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::chain::Mark;
use crate::store::check::{self, Report};
use crate::store::error::JournalError;
use crate::store::journal::{Batch, Journal, Reader};
use crate::store::sqlite::SqliteJournal;
use crate::store::sqlite::guard::Guard;
use crate::store::sqlite::reader::SqliteReader;
use crate::store::sqlite::schema;
use crate::store::sqlite::words::said;

/// How many facts are copied at once.
const PAGE: usize = 4_096;

/// Looks through the store in an SQLite file: every page, every snapshot, every fact. Changes
/// nothing; whoever writes the store is not disturbed.
///
/// # Errors
/// [`JournalError`] if the file cannot even be opened; then only a backup helps.
pub fn check(path: impl AsRef<Path>) -> Result<Report, JournalError> {
    let path = path.as_ref();
    let place = path.display().to_string();
    let mut reader = SqliteReader::open(path)?;
    let found =
        schema::problems(reader.connection(), true).map_err(|error| said(&place, &error))?;
    let mut report = check::inspect(&place, &mut reader, Guard::peek(path))?;
    let found = found.into_iter().map(|problem| format!("{place}: {problem}"));
    report.problems.splice(0..0, found);
    Ok(report)
}

/// Writes what [`check()`] calls sound into a new file in the place of the old one, which is kept
/// beside it as `…-damaged`. What would be dropped is told by [`check()`]; look there first. A store
/// that is sound is left alone.
///
/// # Errors
/// [`JournalError::Locked`] if the store is open, [`JournalError::Damaged`] if nothing is sound, or
/// [`JournalError::Io`]; then the old file is in its place.
pub fn repair(path: impl AsRef<Path>) -> Result<Report, JournalError> {
    let path = path.as_ref();
    let place = path.display().to_string();
    let mut guard = Guard::take(path, &place)?;
    let report = check(path)?;
    if report.is_sound() {
        return Ok(report);
    }
    let Some(snapshot) = report.snapshot else {
        return Err(JournalError::damaged(&place, None, "no snapshot is sound"));
    };
    let anew = beside(path, "-repaired");
    for name in ["", "-wal", "-shm", "-lock"] {
        remove(&beside(&anew, name)).map_err(|error| failed(&place, &error))?;
    }
    copy(&mut SqliteReader::open(path)?, &anew, snapshot, report.end)?;
    replace(path, &anew).map_err(|error| failed(&place, &error))?;
    guard.note(report.end, &place)?;
    guard.sync(&place)?;
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
    journal.close()
}

/// Puts the new file in the place of the old one, of which a copy stays.
fn replace(path: &Path, anew: &Path) -> io::Result<()> {
    let damaged = beside(path, "-damaged");
    for name in ["", "-wal"] {
        let (from, to) = (beside(path, name), beside(&damaged, name));
        remove(&to)?;
        if from.exists() {
            fs::copy(&from, &to)?;
            File::open(&to)?.sync_all()?;
        }
    }
    // Before the new file is there, or it would be read into that.
    for name in ["-wal", "-shm"] {
        remove(&beside(path, name))?;
    }
    fs::rename(anew, path)?;
    for name in ["-wal", "-shm", "-lock"] {
        remove(&beside(anew, name))?;
    }
    schema::sync_folder(path)
}

fn beside(path: &Path, name: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(name);
    beside.into()
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
