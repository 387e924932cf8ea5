//! The file beside the store: who writes, and how far the store reached.
//!
//! The lock is the system's and ends with the process, however that ends. The note is written after
//! each batch and not synced: after a crash of the process it is exact, after one of the machine it
//! may lag, and it never says more than what was durable.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::sqlite::place::Place;

/// The end of the name of that file.
const LOCK: &str = "-lock";

/// The right to write, as long as it is held.
#[derive(Debug)]
pub(crate) struct Guard {
    file: File,
    /// What to call the file.
    name: String,
    witnessed: Option<Mark>,
    line: String,
}

impl Guard {
    /// How far the store reached when somebody last wrote to it, without the right to write.
    pub(crate) fn peek(place: &Place) -> Option<Mark> {
        read(&std::fs::read_to_string(place.beside(LOCK)).ok()?)
    }

    /// Takes the right to write the store in a place.
    pub(crate) fn take(place: &Place) -> Result<Self, JournalError> {
        let name = place.name_beside(LOCK);
        let mut how = OpenOptions::new();
        how.read(true).write(true).create(true).truncate(false);
        let mut file = how.open(place.beside(LOCK)).map_err(|error| io_error(&name, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked { place: place.name().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(io_error(&name, &error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| io_error(&name, &error))?;
        let witnessed = std::str::from_utf8(&bytes).ok().and_then(read);
        Ok(Self { file, name, witnessed, line: String::new() })
    }

    /// How far the store reached when somebody last wrote to it, if that can be read.
    pub(crate) const fn witnessed(&self) -> Option<Mark> {
        self.witnessed
    }

    /// Notes how far the store reaches.
    pub(crate) fn note(&mut self, mark: Mark) -> Result<(), JournalError> {
        self.line = written(mark);
        let start = self.file.seek(SeekFrom::Start(0));
        let done = start.and_then(|_| self.file.write_all(self.line.as_bytes()));
        done.map_err(|error| io_error(&self.name, &error))?;
        self.witnessed = Some(mark);
        Ok(())
    }

    /// Makes the note durable.
    pub(crate) fn sync(&mut self) -> Result<(), JournalError> {
        self.file.sync_all().map_err(|error| io_error(&self.name, &error))
    }
}

impl Drop for Guard {
    /// Says so, instead of leaving it to the file's end: a process that this one is just starting
    /// may still have a copy of it.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn io_error(name: &str, error: &io::Error) -> JournalError {
    JournalError::Io { place: name.to_owned(), problem: error.to_string() }
}

/// The note as a line of constant length.
fn written(mark: Mark) -> String {
    let note = format!("mailrota: {:020} facts, check {:08x}", mark.sequence, mark.check);
    format!("{note}, note {:08x}\n", crc32c::crc32c(note.as_bytes()))
}

/// The mark in a note, unless it is not one.
fn read(text: &str) -> Option<Mark> {
    let (note, check) = text.strip_suffix('\n')?.split_once(", note ")?;
    let rest = note.strip_prefix("mailrota: ")?;
    let (sequence, fact) = rest.split_once(" facts, check ")?;
    let mark = Mark::new(sequence.parse().ok()?, u32::from_str_radix(fact, 16).ok()?);
    (u32::from_str_radix(check, 16).ok()? == crc32c::crc32c(note.as_bytes())).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_written_and_a_damaged_one_not_at_all() {
        let mark = Mark::new(1_234_567, 0x89ab_cdef);
        let text = written(mark);
        assert_eq!((read(&text), text.len()), (Some(mark), written(Mark::default()).len()));
        for at in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            let other = std::str::from_utf8(&bytes).ok().and_then(read);
            // Capital digits say the same.
            assert!(other.is_none_or(|other| other == mark), "bit {at}");
        }
    }
}
