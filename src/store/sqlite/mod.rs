//! The journal in one SQLite file, which people can look into with the tools they have.
//!
//! Translates between the journal's words and SQL, and holds no rule of its own.

mod guard;
mod left;
mod lines;
mod place;
mod reader;
mod repair;
mod schema;
mod words;

use std::fmt;
use std::path::Path;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params};

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::Document;
use crate::store::journal::ledger::Line;
use crate::store::journal::seam::{Batch, Head, Journal, Reader};
use crate::store::sqlite::guard::Guard;
use crate::store::sqlite::place::Place;
pub(crate) use crate::store::sqlite::reader::SqliteReader;
pub use crate::store::sqlite::repair::{check, repair};
use crate::store::sqlite::words::said;

const APPEND: &str = "insert into fact (sequence, crc, event) values (?1, ?2, ?3)";
const PUT: &str = "insert or replace into document (kind, id, crc, text) values (?1, ?2, ?3, ?4)";
const REMOVE: &str = "delete from document where kind = ?1 and id = ?2";

/// A journal in an SQLite file: write-ahead log, `synchronous=FULL`, so each batch costs one sync.
///
/// Beside the file lie SQLite's own `-wal` and `-shm`, and `-lock`: locked by the one process that
/// writes, freed by the system when that process ends however it ends, and noting how far the store
/// reached, so that one that was cut off is noticed.
pub struct SqliteJournal {
    connection: Connection,
    guard: Guard,
    place: Place,
    /// Whether what an earlier process left in the write-ahead log has been written again. It may
    /// never have been synced; what is written after it must not rest on it.
    settled: bool,
    /// Whether the file is called one of the newest format, as it is with the first write.
    upgraded: bool,
    /// How many facts of the batch that comes next are in the open transaction, and the last of
    /// them.
    prepared: (usize, Option<Mark>),
}

impl SqliteJournal {
    /// Opens the store in a file for writing, and makes it if there is none.
    ///
    /// # Errors
    /// [`JournalError::Locked`] if it is open for writing elsewhere, [`JournalError::NotAStore`],
    /// [`JournalError::Newer`], [`JournalError::Damaged`], or [`JournalError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let place = Place::of(path.as_ref())?;
        let mut guard = Guard::take(&place)?;
        repair::finish(&place, &mut guard)?;
        let connection = schema::open_writer(&place, guard.witnessed())?;
        Ok(Self { connection, guard, place, settled: false, upgraded: false, prepared: (0, None) })
    }

    /// Runs one transaction: all of it is durable, or nothing happened.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.roll_back()?;
        self.within(work, true)
    }

    /// Does something in the transaction that is open, or a new one, and commits it if asked to. If
    /// that fails, all of the transaction is undone.
    fn within<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
        commit: bool,
    ) -> Result<T, JournalError> {
        self.settle()?;
        let done = (|| {
            if self.connection.is_autocommit() {
                self.connection.prepare_cached("begin immediate")?.execute([])?;
                if !self.upgraded {
                    schema::upgrade(&self.connection)?;
                }
            }
            let done = work(&self.connection)?;
            if commit {
                self.connection.prepare_cached("commit")?.execute([])?;
            }
            Ok(done)
        })();
        match done {
            Ok(done) if commit => {
                (self.upgraded, self.prepared) = (true, (0, None));
                Ok(done)
            }
            Ok(done) => Ok(done),
            Err(error) => {
                let error = said(self.place.name(), &error);
                self.roll_back()?;
                Err(error)
            }
        }
    }

    /// How many facts of a batch were prepared; those of another one are undone.
    fn there(&mut self, batch: &Batch) -> Result<usize, JournalError> {
        let (count, last) = self.prepared;
        // Some errors of SQLite's end a transaction, and with it what was in it.
        let is_there = count == 0 || !self.connection.is_autocommit();
        if is_there && batch.has(last, count) {
            return Ok(count);
        }
        self.roll_back()?;
        Ok(0)
    }

    /// Undoes what was prepared, or failed.
    fn roll_back(&mut self) -> Result<(), JournalError> {
        self.prepared = (0, None);
        if self.connection.is_autocommit() {
            return Ok(());
        }
        let back = self.connection.execute_batch("rollback");
        back.map_err(|error| JournalError::Io {
            place: self.place.name().to_owned(),
            problem: format!("a write could not be taken back: {error}"),
        })
    }

    fn settle(&mut self) -> Result<(), JournalError> {
        if self.settled {
            return Ok(());
        }
        left::make_durable(&self.connection, &self.place)?;
        self.settled = true;
        Ok(())
    }
}

impl Journal for SqliteJournal {
    fn place(&self) -> &str {
        self.place.name()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(SqliteReader::at(&self.place)?))
    }

    fn witnessed(&self) -> Option<Mark> {
        self.guard.witnessed()
    }

    fn make_durable(&mut self) -> Result<(), JournalError> {
        self.roll_back()?;
        self.settle()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let there = self.there(batch)?;
        self.within(|connection| insert(connection, batch, there), false)?;
        self.prepared = (batch.len(), batch.last());
        Ok(())
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let there = self.there(batch)?;
        self.within(
            |connection| {
                insert(connection, batch, there)?;
                batch.documents().iter().try_for_each(|document| put(connection, document))
            },
            true,
        )?;
        match batch.last() {
            Some(mark) => self.guard.note(mark),
            None => Ok(()),
        }
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        self.transact(|connection| {
            let sql = "insert or replace into part (snapshot, part, text) values (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![snapshot.cast_signed(), part, text])?;
            Ok(())
        })
    }

    fn put_lines(&mut self, snapshot: u64, lines: &[Line]) -> Result<(), JournalError> {
        self.transact(|connection| {
            lines.iter().try_for_each(|line| lines::insert(connection, snapshot, line))
        })
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        self.transact(|connection| {
            let sql = "insert into snapshot (sequence, crc, at_ms, parts, hash, seal) \
                       values (?1, ?2, ?3, ?4, ?5, ?6)";
            connection.prepare_cached(sql)?.execute(params![
                head.mark.sequence.cast_signed(),
                head.mark.check,
                head.at_ms,
                head.parts,
                head.hash,
                head.seal
            ])?;
            Ok(())
        })
    }

    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError> {
        self.transact(|connection| {
            let sql = "delete from fact where sequence <= min(?1, \
                       (select min(sequence) from fact) + ?2 - 1)";
            let mut delete = connection.prepare_cached(sql)?;
            delete.execute(params![until.cast_signed(), most]).map(narrow)
        })
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        self.transact(|connection| {
            let snapshot = snapshot.cast_signed();
            let sql = "delete from snapshot where sequence = ?1";
            let mut gone = connection.prepare_cached(sql)?.execute([snapshot])?;
            for (table, key) in lines::TABLES {
                let left = most.saturating_sub(narrow(gone));
                let sql = format!(
                    "delete from {table} where snapshot = ?1 and ({key}) in \
                     (select {key} from {table} where snapshot = ?1 limit ?2)"
                );
                let mut delete = connection.prepare_cached(&sql)?;
                gone += delete.execute(params![snapshot, left])?;
            }
            Ok(narrow(gone))
        })
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.roll_back()?;
        // The log is emptied here and not removed when the connection ends: whoever may only read
        // the store could not make it anew.
        schema::checkpoint(&self.connection).map_err(|error| said(self.place.name(), &error))?;
        self.guard.sync()
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Inserts the facts of a batch but those that are there.
fn insert(connection: &Connection, batch: &Batch, there: usize) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(APPEND)?;
    for (mark, text) in batch.iter().skip(there) {
        let text = ToSqlOutput::from(text);
        insert.execute(params![mark.sequence.cast_signed(), mark.check, text])?;
    }
    Ok(())
}

fn put(connection: &Connection, document: &Document) -> rusqlite::Result<()> {
    let Document { kind, id, text, check } = document;
    let done = match text {
        Some(text) => connection.prepare_cached(PUT)?.execute(params![kind, id, check, text]),
        None => connection.prepare_cached(REMOVE)?.execute([kind, id]),
    };
    done.map(drop)
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A journal in a folder of its own, which is removed after that.
    fn with_journal(name: &str, work: impl FnOnce(&mut SqliteJournal)) {
        let folder = format!("mailrota-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        work(&mut SqliteJournal::open(folder.join("store.db")).unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    fn batch(facts: u64) -> Batch {
        let mut batch = Batch::default();
        (1..=facts).for_each(|sequence| batch.push(Mark::new(sequence, 0), "a fact"));
        batch
    }

    #[test]
    fn whatever_else_is_asked_undoes_what_was_prepared() {
        with_journal("undone", |journal| {
            journal.prepare(&batch(1)).unwrap();
            assert!(!journal.connection.is_autocommit());
            journal.make_durable().unwrap();
            assert!(journal.connection.is_autocommit());
            journal.prepare(&batch(1)).unwrap();
            journal.close().unwrap();
            assert_eq!(journal.reader().unwrap().records(0, 9).unwrap(), []);
        });
    }

    #[test]
    fn what_was_prepared_in_a_transaction_that_is_gone_is_written_anew() {
        with_journal("gone", |journal| {
            journal.prepare(&batch(2)).unwrap();
            journal.connection.execute_batch("rollback").unwrap();
            journal.append(&batch(3)).unwrap();
            assert_eq!(journal.reader().unwrap().records(0, 9).unwrap().len(), 3);
        });
    }
}
