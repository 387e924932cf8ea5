//! What a process that died left in the write-ahead log without a sync, while somebody else reads:
//! the next one must make it durable although it cannot empty the log.
//!
//! The facts are written by plain SQL, since no process of the crate leaves them so for long.

use std::fs;
use std::path::Path;

use mailrota::{Journal, SqliteJournal};
use rusqlite::Connection;

use crate::crash::disk::Variant;
use crate::crash::images::{Place, failures, told};
use crate::crash::tests::recorded;
use crate::crash::worker::{Subject, Task, acked};

/// Somebody reads from before the first fact on.
pub(crate) const LEFT: Subject = Subject { name: "left", work, check };

fn work(task: &Task) {
    let path = task.folder.join("left.db");
    drop(SqliteJournal::open(&path).unwrap());
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("begin").unwrap();
    let count = || reader.query_row("select count(*) from fact", [], |row| row.get::<_, i64>(0));
    assert_eq!(count(), Ok(0));
    for step in 1..=task.steps {
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("pragma synchronous = off").unwrap();
        let sql = "insert into fact values (?1, 0, 'left')";
        writer.execute(sql, [i64::try_from(step).unwrap()]).unwrap();
        drop(writer);
        let mut journal = SqliteJournal::open(&path).unwrap();
        journal.make_durable().unwrap();
        let mut found = journal.reader().unwrap();
        assert_eq!(found.records(0, 100).unwrap().len() as u64, step);
        acked(&step.to_string());
    }
    assert_eq!(count(), Ok(0), "the reader saw what came later");
}

fn check(folder: &Path, acked: &[&str]) -> Result<(), String> {
    if acked.is_empty() {
        return Ok(());
    }
    let store = Connection::open(folder.join("left.db")).map_err(|why| why.to_string())?;
    let found = store.query_row("select count(*) from fact", [], |row| row.get(0));
    let found: i64 = found.map_err(|why| why.to_string())?;
    if found < i64::try_from(acked.len()).unwrap() {
        Err(format!("{found} of {}", acked.len()))
    } else {
        Ok(())
    }
}

/// > Nothing acknowledged is lost.
#[test]
fn what_was_left_is_durable_before_it_is_answered_though_somebody_reads() {
    let recording = recorded(&LEFT, 1, 3);
    let lost = |point| Place { point, variant: Variant::Lost, seed: 1 };
    let all: Vec<_> = recording.points().into_iter().map(lost).collect();
    let failed = failures(&LEFT, &recording, &all, &[]);
    let chain = recording.kept.display().to_string();
    assert!(failed.is_empty(), "{}", told(&LEFT, &chain, &failed));
    fs::remove_file(recording.kept).unwrap();
}
