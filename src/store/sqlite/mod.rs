//! The journal in one SQLite file, which people can look into with the tools they have.
//!
//! Translates between the journal's words and SQL, and holds no rule of its own.

mod guard;
mod left;
mod lines;
mod reader;
mod repair;
mod schema;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::store::chain::Mark;
use crate::store::documents::Document;
use crate::store::error::JournalError;
use crate::store::journal::{Batch, Head, Journal, Reader};
use crate::store::ledger::Line;
use crate::store::sqlite::guard::Guard;
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
    path: PathBuf,
    place: String,
    /// Whether what an earlier process left in the write-ahead log has been written again. It may
    /// never have been synced; what is written after it must not rest on it.
    settled: bool,
    /// Whether the file is called one of the newest format, as it is with the first write.
    upgraded: bool,
}

impl SqliteJournal {
    /// Opens the store in a file for writing, and makes it if there is none.
    ///
    /// # Errors
    /// [`JournalError::Locked`] if it is open for writing elsewhere, [`JournalError::NotAStore`],
    /// [`JournalError::Newer`], [`JournalError::Damaged`], or [`JournalError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref().to_owned();
        let place = path.display().to_string();
        let mut guard = Guard::take(&path, &place)?;
        repair::finish(&path, &place, &mut guard)?;
        let connection = schema::open_writer(&path, &place, guard.witnessed())?;
        Ok(Self { connection, guard, path, place, settled: false, upgraded: false })
    }

    /// Runs one transaction: all of it is durable, or nothing happened.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.settle()?;
        let done = (|| {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if !self.upgraded {
                schema::upgrade(&transaction)?;
            }
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })();
        let error = match done {
            Ok(done) => {
                self.upgraded = true;
                return Ok(done);
            }
            Err(error) => said(&self.place, &error),
        };
        if !self.connection.is_autocommit() {
            let back = self.connection.execute_batch("rollback");
            back.map_err(|error| JournalError::Io {
                place: self.place.clone(),
                problem: format!("a write could not be taken back: {error}"),
            })?;
        }
        Err(error)
    }

    fn settle(&mut self) -> Result<(), JournalError> {
        if self.settled {
            return Ok(());
        }
        left::make_durable(&self.connection, &self.path, &self.place)?;
        self.settled = true;
        Ok(())
    }
}

impl Journal for SqliteJournal {
    fn place(&self) -> &str {
        &self.place
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(SqliteReader::open(&self.path)?))
    }

    fn witnessed(&self) -> Option<Mark> {
        self.guard.witnessed()
    }

    fn make_durable(&mut self) -> Result<(), JournalError> {
        self.settle()
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        self.transact(|transaction| {
            let mut insert = transaction.prepare_cached(APPEND)?;
            for (mark, text) in batch.iter() {
                let text = ToSqlOutput::from(text);
                insert.execute(params![mark.sequence.cast_signed(), mark.check, text])?;
            }
            for Document { kind, id, text, check } in batch.documents() {
                let done = match text {
                    Some(text) => {
                        let mut put = transaction.prepare_cached(PUT)?;
                        put.execute(params![kind, id, check, text])
                    }
                    None => transaction.prepare_cached(REMOVE)?.execute([kind, id]),
                };
                done?;
            }
            Ok(())
        })?;
        match batch.last() {
            Some(mark) => self.guard.note(mark, &self.place),
            None => Ok(()),
        }
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        self.transact(|transaction| {
            let sql = "insert or replace into part (snapshot, part, text) values (?1, ?2, ?3)";
            transaction.prepare_cached(sql)?.execute(params![
                snapshot.cast_signed(),
                part,
                text
            ])?;
            Ok(())
        })
    }

    fn put_lines(&mut self, snapshot: u64, lines: &[Line]) -> Result<(), JournalError> {
        self.transact(|transaction| {
            lines.iter().try_for_each(|line| lines::insert(transaction, snapshot, line))
        })
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        self.transact(|transaction| {
            let sql = "insert into snapshot (sequence, crc, at_ms, parts, hash, seal) \
                       values (?1, ?2, ?3, ?4, ?5, ?6)";
            transaction.prepare_cached(sql)?.execute(params![
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
        self.transact(|transaction| {
            let sql = "delete from fact where sequence <= min(?1, \
                       (select min(sequence) from fact) + ?2 - 1)";
            let mut delete = transaction.prepare_cached(sql)?;
            delete.execute(params![until.cast_signed(), most]).map(narrow)
        })
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        self.transact(|transaction| {
            let snapshot = snapshot.cast_signed();
            let sql = "delete from snapshot where sequence = ?1";
            let mut gone = transaction.prepare_cached(sql)?.execute([snapshot])?;
            for (table, key) in lines::TABLES {
                let left = most.saturating_sub(narrow(gone));
                let sql = format!(
                    "delete from {table} where snapshot = ?1 and ({key}) in \
                     (select {key} from {table} where snapshot = ?1 limit ?2)"
                );
                let mut delete = transaction.prepare_cached(&sql)?;
                gone += delete.execute(params![snapshot, left])?;
            }
            Ok(narrow(gone))
        })
    }

    fn close(&mut self) -> Result<(), JournalError> {
        schema::checkpoint(&self.connection).map_err(|error| said(&self.place, &error))?;
        self.guard.sync(&self.place)
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").field("path", &self.path).finish_non_exhaustive()
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
