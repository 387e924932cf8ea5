//! The same bytes written by others: nothing but syncs, bare SQLite, and redb.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};
use redb::{Database, TableDefinition};
use rusqlite::{Connection, params};

use crate::recorded::Written;

/// Appends the bytes of a batch of usual size and syncs, over and over.
pub(crate) fn syncs(path: &Path, times: u64, written: &Written) -> Duration {
    let mut file = File::create(path).expect("a new file");
    let bytes = vec![b'x'; written.batch_bytes().max(1)];
    let start = WallTime.start();
    for _ in 0..times {
        file.write_all(&bytes).expect("there is room");
        file.sync_data().expect("the disk confirms");
    }
    WallTime.end(start)
}

/// Each batch in a transaction, in a table like the store's, with the same settings.
pub(crate) fn sqlite(path: &Path, written: &Written) -> Duration {
    let mut connection = Connection::open(path).expect("a new file");
    let set_up = "pragma journal_mode = wal; pragma synchronous = full; create table fact \
        (sequence integer primary key, crc integer not null, event text not null) strict";
    connection.execute_batch(set_up).expect("a new table");
    let start = WallTime.start();
    for batch in written.batches() {
        let transaction = connection.transaction().expect("nobody else writes");
        let sql = "insert into fact (sequence, crc, event) values (?1, ?2, ?3)";
        let mut insert = transaction.prepare_cached(sql).expect("good SQL");
        for (sequence, crc, text) in batch {
            let sequence = i64::try_from(*sequence).expect("a small number");
            insert.execute(params![sequence, crc, text]).expect("a new number");
        }
        drop(insert);
        transaction.commit().expect("the disk confirms");
    }
    WallTime.end(start)
}

/// Each batch in a transaction.
pub(crate) fn redb(path: &Path, written: &Written) -> Duration {
    const FACTS: TableDefinition<'_, u64, (u32, &str)> = TableDefinition::new("fact");
    let database = Database::create(path).expect("a new file");
    let start = WallTime.start();
    for batch in written.batches() {
        let transaction = database.begin_write().expect("nobody else writes");
        let mut table = transaction.open_table(FACTS).expect("a table");
        for (sequence, crc, text) in batch {
            table.insert(sequence, (*crc, text.as_str())).expect("there is room");
        }
        drop(table);
        transaction.commit().expect("the disk confirms");
    }
    WallTime.end(start)
}
