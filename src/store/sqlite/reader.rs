//! Reading a store beside whoever writes it.
//!
//! Each question is a transaction of its own and short, so that the write-ahead log can be emptied
//! in between, unless it is told to stand still.

use std::fmt;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::Document;
use crate::store::journal::seam::{Head, Reader, Record};
use crate::store::sqlite::place::Place;
use crate::store::sqlite::words::said;
use crate::store::sqlite::{lines, schema};

/// A view of a store that only reads.
pub(crate) struct SqliteReader {
    connection: Connection,
    place: String,
}

impl SqliteReader {
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        Self::at(&Place::of(path)?)
    }

    pub(crate) fn at(place: &Place) -> Result<Self, JournalError> {
        let current = place.current();
        let place = place.name().to_owned();
        let connection = schema::open_reader(&current, &place)?;
        Ok(Self { connection, place })
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The last fact that is there, or that a snapshot knows.
    pub(crate) fn end(&self) -> Result<Mark, JournalError> {
        let sql = "select sequence, crc from fact union select sequence, crc from snapshot \
                   order by sequence desc limit 1";
        let end = self.all(sql, [], |row| {
            Ok(Mark::new(row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
        })?;
        Ok(end.first().copied().unwrap_or_default())
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let rows = self.connection.prepare_cached(sql).and_then(|mut statement| {
            statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()
        });
        rows.map_err(|error| said(&self.place, &error))
    }
}

impl Reader for SqliteReader {
    fn snapshots(&mut self) -> Result<Vec<Head>, JournalError> {
        let sql = "select sequence, crc, at_ms, parts, hash, seal from snapshot order by sequence";
        self.all(sql, [], |row| {
            let mark = Mark::new(row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?);
            Ok(Head::new(mark, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
    }

    fn unfinished(&mut self) -> Result<Vec<u64>, JournalError> {
        let tables = lines::TABLES.map(|(table, _)| format!("select snapshot from {table}"));
        let sql = format!(
            "{} except select sequence from snapshot order by snapshot",
            tables.join(" union ")
        );
        self.all(&sql, [], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))
    }

    fn part(&mut self, snapshot: u64, part: u32) -> Result<Option<String>, JournalError> {
        let sql = "select text from part where snapshot = ?1 and part = ?2";
        let found = self.connection.prepare_cached(sql).and_then(|mut statement| {
            let part = params![snapshot.cast_signed(), part];
            statement.query_row(part, |row| text(row, 0)).optional()
        });
        found.map_err(|error| said(&self.place, &error))
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, JournalError> {
        let sql = "select sequence, crc, event from fact where sequence > ?1 \
                   order by sequence limit ?2";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.all(sql, params![after.cast_signed(), most], |row| {
            let sequence = row.get::<_, i64>(0)?.cast_unsigned();
            Ok(Record::new(sequence, row.get(1)?, text(row, 2)?))
        })
    }

    fn documents(&mut self) -> Result<(Vec<Document>, u64), JournalError> {
        let own = self.connection.is_autocommit();
        let instant = own.then(|| self.connection.unchecked_transaction()).transpose();
        let instant = instant.map_err(|error| said(&self.place, &error))?;
        let sql = "select kind, id, text, crc from document order by kind, id";
        let documents = self.all(sql, [], |row| {
            Ok(Document::new(text(row, 0)?, text(row, 1)?, Some(text(row, 2)?), row.get(3)?))
        })?;
        let last = self.end()?.sequence;
        let ended = instant.map_or(Ok(()), Transaction::finish);
        ended.map_err(|error| said(&self.place, &error))?;
        Ok((documents, last))
    }

    fn stand_still(&mut self) -> Result<(), JournalError> {
        // The instant is that of the first read, so one is made at once.
        let begun = self.connection.execute_batch("begin; select 1 from sqlite_schema limit 1");
        begun.map_err(|error| {
            self.go_on();
            said(&self.place, &error)
        })
    }

    fn go_on(&mut self) {
        // It only read. If this fails, so does what is asked next, and says why.
        let _ = self.connection.execute_batch("commit");
    }
}

/// A text as its bytes say, which may be damaged beyond being one.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let ValueRef::Text(bytes) = row.get_ref(column)? else { return row.get(column) };
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|error| rusqlite::Error::Utf8Error(column, error))
}

impl fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReader").field("place", &self.place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, Journal, SqliteJournal};

    #[test]
    fn one_that_stands_still_sees_nothing_that_is_written_later() {
        let folder = std::env::temp_dir().join(format!("mailrota-still-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut journal = SqliteJournal::open(folder.join("store.db")).unwrap();
        let mut reader = SqliteReader::open(&folder.join("store.db")).unwrap();
        let mut write = |sequence| {
            let mut batch = Batch::default();
            batch.push(Mark::new(sequence, 0), "a fact");
            journal.append(&batch).unwrap();
        };
        write(1);
        assert_eq!(reader.end().unwrap().sequence, 1);
        reader.stand_still().unwrap();
        write(2);
        assert_eq!(reader.documents().unwrap().1, 1);
        assert_eq!(reader.records(0, 9).unwrap().len(), 1);
        let mut other = SqliteReader::open(&folder.join("store.db")).unwrap();
        assert_eq!(other.documents().unwrap().1, 2);
        reader.go_on();
        assert_eq!(reader.documents().unwrap().1, 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
