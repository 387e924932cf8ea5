//! The suite that any journal must pass, on those that are here, and on some that must not.

use mailrota::conformance::{check, check_engine};
use mailrota::{
    Batch, Head, Journal, JournalError, Mark, MemoryDisk, MemoryJournal, Reader, SqliteJournal,
};

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
#[derive(Debug)]
struct Forgetful(MemoryJournal, u32);

impl Journal for Forgetful {
    fn place(&self) -> &str {
        self.0.place()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        self.0.reader()
    }

    fn witnessed(&self) -> Option<Mark> {
        self.0.witnessed()
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        self.1 += 1;
        if self.1 % 3 == 0 { Ok(()) } else { self.0.append(batch) }
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        self.0.put_part(snapshot, part, text)
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        self.0.finish_snapshot(head)
    }

    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError> {
        self.0.forget_facts(until, most)
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        self.0.forget_snapshot(snapshot, most)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.0.close()
    }
}

#[test]
fn a_journal_that_forgets_does_not_conform() {
    let disk = MemoryDisk::new();
    let forgetful = || -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(Forgetful(MemoryJournal::open(&disk)?, 0)))
    };
    let broken = check_engine(&mut { forgetful }).unwrap_err();
    assert!(broken.contains("missing"), "{broken}");
    let disk = MemoryDisk::new();
    let forgetful = || -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(Forgetful(MemoryJournal::open(&disk)?, 1)))
    };
    let broken = check(&mut { forgetful }).unwrap_err();
    assert!(broken.starts_with("the facts"), "{broken}");
}
