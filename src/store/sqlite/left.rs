//! Making durable what an earlier process left in the write-ahead log.
//!
//! It may have died between a write and its sync, or its sync failed and the system no longer knows
//! that there was something to write. So the log is written again in place, byte for byte, and
//! synced. That needs nobody's leave: moving it into the database would have to wait for whoever
//! reads.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use rusqlite::Connection;

use crate::store::error::JournalError;
use crate::store::sqlite::place::Place;
use crate::store::sqlite::schema;
use crate::store::sqlite::words::said;

/// How much of a log is written again at once.
const PIECE: usize = 1 << 20;

/// Makes durable what is in the log of the store in a place. The connection is the writer's.
pub(crate) fn make_durable(connection: &Connection, place: &Place) -> Result<(), JournalError> {
    // Whoever else would write, as a shell may, has to wait until this is done.
    let held = connection.execute_batch("begin immediate");
    held.map_err(|error| said(place.name(), &error))?;
    let done = write_again(place);
    let freed = connection.execute_batch("rollback");
    done?;
    freed.map_err(|error| said(place.name(), &error))
}

fn write_again(store: &Place) -> Result<(), JournalError> {
    let place = || store.name().to_owned();
    let failed = |error: io::Error| {
        if error.kind() == ErrorKind::StorageFull {
            return JournalError::Full { place: place() };
        }
        JournalError::Io { place: place(), problem: error.to_string() }
    };
    let unsynced =
        |error: io::Error| JournalError::SyncFailed { place: place(), problem: error.to_string() };
    let log = OpenOptions::new().read(true).write(true).open(store.beside("-wal"));
    let mut log = match log {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(log) => log,
    };
    let (mut bytes, mut at) = (vec![0; PIECE], 0);
    loop {
        let read = log.seek(SeekFrom::Start(at)).and_then(|_| log.read(&mut bytes));
        let read = read.map_err(failed)?;
        if read == 0 {
            break;
        }
        let written = log.seek(SeekFrom::Start(at)).and_then(|_| log.write_all(&bytes[..read]));
        written.map_err(failed)?;
        at += read as u64;
    }
    log.sync_all().map_err(unsynced)?;
    schema::sync_folder(store.file()).map_err(unsynced)
}
