//! The tables of a store, and how its file is opened.
//!
//! What a file is, is told by two numbers in its header: whose it is, and in which format.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::sqlite::place::Place;
use crate::store::sqlite::words::said;

/// "rota" in ASCII.
const APPLICATION_ID: u32 = 0x726f_7461;

/// The format that this build writes. It reads all before it too: 1 did not note documents in the
/// chain.
const FORMAT: u32 = 2;

/// Up to which size a store is looked through by SQLite when it is opened. In a larger one only
/// what is read is compared with its checks.
const LOOKED_THROUGH: u64 = 32 << 20;

/// How long a writer waits for another connection, such as a shell, to end its transaction.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: &str = include_str!("tables.sql");

/// Opens a file for the one writer, and makes the tables in an empty one.
pub(crate) fn open_writer(
    store: &Place,
    witnessed: Option<Mark>,
) -> Result<Connection, JournalError> {
    let (path, place) = (store.file(), store.name());
    let is_new = !path.exists();
    if let Some(mark) = witnessed.filter(|_| path.metadata().map_or(true, |file| file.len() == 0)) {
        let lock = store.name_beside("-lock");
        let problem = format!("it is empty, and {lock} says that it had fact {}", mark.sequence);
        return Err(JournalError::damaged(place, None, problem));
    }
    let opened = (|| {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(PATIENCE)?;
        // A store that is refused is left as it is, its log too.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(connection)
    })();
    let mut connection = opened.map_err(|error| said(place, &error))?;
    if is_empty(&connection).map_err(|error| said(place, &error))? {
        create(&mut connection).map_err(|error| said(place, &error))?;
    } else {
        check_format(&connection, place)?;
        let is_small = path.metadata().is_ok_and(|file| file.len() <= LOOKED_THROUGH);
        let found = if is_small { problems(&connection, false) } else { Ok(Vec::new()) };
        if let Some(problem) = found.map_err(|error| said(place, &error))?.pop() {
            return Err(JournalError::damaged(place, None, problem));
        }
    }
    let set = connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full");
    set.map_err(|error| said(place, &error))?;
    if is_new {
        sync_folder(path).map_err(|error| JournalError::SyncFailed {
            place: place.to_owned(),
            problem: error.to_string(),
        })?;
    }
    Ok(connection)
}

/// What SQLite itself finds wrong with a file: its pages, its tables, and whether these are ours.
pub(crate) fn problems(connection: &Connection, thorough: bool) -> rusqlite::Result<Vec<String>> {
    let pragma = if thorough { "integrity_check" } else { "quick_check" };
    let mut found = connection.prepare(&format!("pragma {pragma}(10)"))?;
    let found = found.query_map([], |row| row.get::<_, String>(0))?;
    let mut found: Vec<String> = found.collect::<rusqlite::Result<_>>()?;
    found.retain(|problem| problem != "ok");
    let model = Connection::open_in_memory()?;
    model.execute_batch(TABLES)?;
    // What somebody added does no harm.
    let there = tables(connection)?;
    if !tables(&model)?.iter().all(|table| there.contains(table)) {
        found.push("its tables are not those of this format".to_owned());
    }
    Ok(found)
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql =
        "select type || ' ' || name || ' ' || coalesce(sql, '') from sqlite_schema order by 1";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Opens a file to read what is durable, beside whoever writes.
pub(crate) fn open_reader(path: &Path, place: &str) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    });
    let connection = opened.map_err(|error| said(place, &error))?;
    check_format(&connection, place)?;
    Ok(connection)
}

/// Moves everything from the write-ahead log into the file, synced, and empties the log, as far as
/// nobody reads; nothing rests on it.
pub(crate) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    // After a check of its pages, a file that has just got its first log counts as locked by its
    // own connection until that has read something.
    is_empty(connection)?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
}

/// Moves everything from the log into the file, durably, and does away with the log.
pub(crate) fn leave_log(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("pragma synchronous = full; pragma journal_mode = delete")
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map(i32::cast_unsigned)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "select not exists (select 1 from sqlite_schema)";
    let no_tables = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(no_tables
        && number(connection, "application_id")? == 0
        && number(connection, "user_version")? == 0)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Calls a store one of this format, from which on an older build refuses it.
pub(crate) fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    if number(connection, "user_version")? < FORMAT {
        connection.pragma_update(None, "user_version", FORMAT)?;
    }
    Ok(())
}

fn check_format(connection: &Connection, place: &str) -> Result<(), JournalError> {
    let asked =
        (|| Ok((number(connection, "application_id")?, number(connection, "user_version")?)))();
    let (id, found) = asked.map_err(|error| said(place, &error))?;
    if id != APPLICATION_ID {
        let problem = format!("its application id is {id:#010x}, not {APPLICATION_ID:#010x}");
        return Err(JournalError::NotAStore { place: place.to_owned(), problem });
    }
    if found > FORMAT {
        return Err(JournalError::Newer { place: place.to_owned(), found, known: FORMAT });
    }
    Ok(())
}

/// Makes the name of a new file durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
