//! The suite that any journal must pass, on those that are here, and on some that must not.

use mailrota::conformance::{check, check_engine};
use mailrota::{Journal, JournalError, MemoryDisk, MemoryJournal, SqliteJournal};

use crate::durable_gate::Asking;
use crate::durable_world::Folder;

#[test]
fn the_journal_in_memory_conforms() {
    let disk = MemoryDisk::new();
    check(&mut || Ok(Box::new(MemoryJournal::open(&disk)?))).unwrap();
    let disk = MemoryDisk::new();
    check_engine(&mut || Ok(Box::new(MemoryJournal::open(&disk)?))).unwrap();
}

#[test]
fn the_journal_in_a_file_conforms() {
    let folder = Folder::new();
    check(&mut || Ok(Box::new(SqliteJournal::open(folder.store())?))).unwrap();
    let folder = Folder::new();
    check_engine(&mut || Ok(Box::new(SqliteJournal::open(folder.store())?))).unwrap();
}

/// A journal that confirms every third batch without writing it.
fn forgetful(disk: &MemoryDisk, mut asked: u32) -> Result<Box<dyn Journal>, JournalError> {
    let journal = Asking::open(disk)?.writes(move || {
        asked += 1;
        asked % 3 != 0
    });
    Ok(Box::new(journal))
}

#[test]
fn a_journal_that_forgets_does_not_conform() {
    let disk = MemoryDisk::new();
    let broken = check_engine(&mut || forgetful(&disk, 0)).unwrap_err();
    assert!(broken.contains("missing"), "{broken}");
    let disk = MemoryDisk::new();
    let broken = check(&mut || forgetful(&disk, 1)).unwrap_err();
    assert!(broken.starts_with("the facts"), "{broken}");
}
