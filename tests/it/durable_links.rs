//! A link to a store is that store: whoever comes through it meets the same lock, the same log and
//! the same note of how far it reached.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use mailrota::{
    DurableEngine, Filter, History, Journal, JournalError, SqliteJournal, StoreError, check, repair,
};
use rusqlite::Connection;

use crate::durable_world::{Folder, open, reserve, set_up};

/// A folder with nothing in it but a link to the store of another.
fn link_to(folder: &Folder) -> Folder {
    let link = Folder::new();
    symlink(folder.store(), link.store()).unwrap();
    link
}

/// Whether a folder has still nothing in it but a link.
fn is_only_link(folder: &Folder) -> bool {
    let names = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name());
    let is_link = folder.store().symlink_metadata().unwrap().is_symlink();
    is_link && names.eq(["store.db"])
}

fn is_locked(opened: &Result<DurableEngine, StoreError>) -> bool {
    matches!(opened, Err(StoreError::Journal(JournalError::Locked { .. })))
}

/// What a process that was killed leaves, with facts in the log.
fn left() -> Folder {
    let (folder, copy) = (Folder::new(), Folder::new());
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    reserve(&engine, 1);
    for name in ["store.db", "store.db-wal", "store.db-lock"] {
        fs::copy(folder.0.join(name), copy.0.join(name)).unwrap();
    }
    copy
}

/// > One process writes.
#[test]
fn a_store_and_a_link_to_it_are_open_once() {
    let folder = Folder::new();
    let link = link_to(&folder);
    // The first makes the store where the link leads.
    for (first, second) in [(&link, &folder), (&folder, &link)] {
        let engine = open(first).unwrap();
        let refused = open(second);
        assert!(is_locked(&refused), "{refused:?}");
        let place = second.store().display().to_string();
        assert!(refused.unwrap_err().to_string().starts_with(&place));
        engine.close().unwrap();
    }
    assert!(is_only_link(&link));
    assert!(check(link.store()).unwrap().is_sound());
}

/// > A log that was lost: refused.
#[test]
fn a_log_that_is_gone_is_noticed_through_a_link() {
    let folder = left();
    let link = link_to(&folder);
    assert!(check(link.store()).unwrap().is_sound());
    fs::remove_file(folder.0.join("store.db-wal")).unwrap();
    let report = check(link.store()).unwrap();
    assert!(!report.is_sound() && report.missing > 0, "{report}");
    let refused = open(&link).unwrap_err();
    assert!(matches!(refused, StoreError::Journal(JournalError::Damaged { .. })), "{refused}");
    // An empty file is no new store if there was one; what says so is called by where it is.
    fs::write(folder.store(), "").unwrap();
    let refused = open(&link).unwrap_err().to_string();
    let lock = fs::canonicalize(&folder.0).unwrap().join("store.db-lock");
    assert!(refused.contains(&*lock.display().to_string()), "{refused}");
    assert!(is_only_link(&link));
}

/// > The next process that opens the store first writes everything that the log holds once more.
#[test]
fn the_log_that_was_left_is_written_again_through_a_link() {
    let folder = left();
    let link = link_to(&folder);
    let log = File::options().write(true).open(folder.0.join("store.db-wal")).unwrap();
    log.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let modified = || log.metadata().unwrap().modified().unwrap();
    let mut journal = SqliteJournal::open(link.store()).unwrap();
    assert_eq!(modified(), SystemTime::UNIX_EPOCH);
    journal.make_durable().unwrap();
    assert!(modified() > SystemTime::UNIX_EPOCH);
}

#[test]
fn a_repair_through_a_link_mends_the_store_and_leaves_the_link() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    reserve(&engine, 1);
    engine.close().unwrap();
    let link = link_to(&folder);
    let damage = "update fact set event = replace(event, 'b.example', 'c.example') \
                  where sequence = 3";
    Connection::open(folder.store()).unwrap().execute(damage, []).unwrap();
    assert!(!check(link.store()).unwrap().is_sound());
    repair(link.store()).unwrap();
    assert!(is_only_link(&link));
    for place in [link.store(), folder.store()] {
        let report = check(&place).unwrap();
        assert!(report.is_sound() && report.end.sequence == 2, "{report}");
        let mut facts = 0;
        let count = |_: u64, _: &_, _: &_| {
            facts += 1;
            true
        };
        History::open(&place).unwrap().facts(&Filter::new(), count).unwrap();
        assert_eq!(facts, 2);
    }
    assert!(folder.0.join("store.db-damaged").exists());
    open(&link).unwrap();
}
