//! The smallest store there is, on `SQLite` alone, as a control: what is seen here is seen by the
//! harness and owed to nothing else.

use std::path::Path;

use rusqlite::Connection;

use crate::crash::worker::{Subject, Task, acked};

/// Syncs before it answers: loses nothing.
pub(crate) const FULL: Subject =
    Subject { name: "control-full", work: |task| work(task, "FULL"), check };

/// Answers before it syncs: must be seen to lose.
pub(crate) const NORMAL: Subject =
    Subject { name: "control-normal", work: |task| work(task, "NORMAL"), check };

/// Pages in the log until they are moved to the file: few, so that this happens often.
const CHECKPOINT: u32 = 24;

fn open(folder: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let store = Connection::open(folder.join("control.db"))?;
    store.pragma_update(None, "journal_mode", "WAL")?;
    store.pragma_update(None, "synchronous", synchronous)?;
    store.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    store.execute("create table if not exists fact (n integer primary key, text text)", [])?;
    Ok(store)
}

fn work(task: &Task, synchronous: &str) {
    let store = open(&task.folder, synchronous).unwrap();
    for step in 0..task.steps {
        let n = task.life * 1_000_000 + step;
        store
            .execute("insert into fact values (?1, ?2)", (i64::try_from(n).unwrap(), text(n)))
            .unwrap();
        acked(&n.to_string());
    }
}

/// Long enough that a page holds few.
fn text(n: u64) -> String {
    format!("{n} ").repeat(60)
}

fn check(folder: &Path, acked: &[&str]) -> Result<(), String> {
    let store = open(folder, "FULL").map_err(|why| format!("does not open: {why}"))?;
    for n in acked {
        let n: i64 = n.parse().unwrap();
        let found = store.query_row("select text from fact where n = ?1", [n], |row| row.get(0));
        let found: String = found.map_err(|why| format!("{n} of {}: {why}", acked.len()))?;
        if found != text(n.try_into().unwrap()) {
            return Err(format!("{n} is not what it was"));
        }
    }
    Ok(())
}
