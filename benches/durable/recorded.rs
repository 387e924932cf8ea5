//! A journal that also notes what it was given, so that the same can be given to others.

use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use mailrota::{
    Batch, DurableEngine, Head, Journal, JournalError, Line, Mark, Options, Reader, SqliteJournal,
};

/// Facts in the batches in which they were written: number, check and text.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<Vec<(u64, u32, String)>>);

impl Written {
    pub(crate) fn batches(&self) -> &[Vec<(u64, u32, String)>] {
        &self.0
    }

    pub(crate) fn facts(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// The bytes of a batch of usual size.
    pub(crate) fn batch_bytes(&self) -> usize {
        let bytes: usize = self.0.iter().flatten().map(|(_, _, text)| text.len()).sum();
        bytes / self.0.len().max(1)
    }
}

/// What was noted so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Written>>);

impl Log {
    pub(crate) fn clear(&self) {
        self.take();
    }

    pub(crate) fn take(&self) -> Written {
        std::mem::take(&mut *self.0.lock().expect("nobody panicked"))
    }
}

#[derive(Debug)]
struct Recorded {
    inner: SqliteJournal,
    log: Log,
}

/// An engine on a new file, and what it writes.
pub(crate) fn open(path: &Path) -> (DurableEngine, Log) {
    let log = Log::default();
    let inner = SqliteJournal::open(path).expect("a new store");
    let journal = Box::new(Recorded { inner, log: log.clone() });
    let options = Options::default().snapshot_every(u64::MAX);
    let engine = DurableEngine::with_journal(journal, &options, DateTime::UNIX_EPOCH);
    (engine.expect("a new store"), log)
}

impl Journal for Recorded {
    fn place(&self) -> &str {
        self.inner.place()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        self.inner.reader()
    }

    fn witnessed(&self) -> Option<Mark> {
        self.inner.witnessed()
    }

    fn make_durable(&mut self) -> Result<(), JournalError> {
        self.inner.make_durable()
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let facts = batch.iter().map(|(mark, text)| (mark.sequence, mark.check, text.to_owned()));
        self.log.0.lock().expect("nobody panicked").0.push(facts.collect());
        self.inner.append(batch)
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        self.inner.put_part(snapshot, part, text)
    }

    fn put_lines(&mut self, snapshot: u64, lines: &[Line]) -> Result<(), JournalError> {
        self.inner.put_lines(snapshot, lines)
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        self.inner.finish_snapshot(head)
    }

    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError> {
        self.inner.forget_facts(until, most)
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        self.inner.forget_snapshot(snapshot, most)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.inner.close()
    }
}
