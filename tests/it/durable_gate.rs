//! A journal in memory that asks before it is read or written, and a gate to keep it waiting.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

use mailrota::{Batch, Head, Journal, JournalError, Mark, MemoryDisk, MemoryJournal, Reader};

/// Whoever comes waits while it is shut.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
    came: AtomicU32,
    /// How long it takes to come through.
    pause: Duration,
}

impl Gate {
    pub(crate) fn slow(pause: Duration) -> Self {
        Self { pause, ..Self::default() }
    }

    pub(crate) fn set(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }

    /// How many came to it.
    pub(crate) fn came(&self) -> u32 {
        self.came.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self) {
        self.came.fetch_add(1, Ordering::Relaxed);
        let shut = self.shut.lock().unwrap();
        drop(self.opened.wait_while(shut, |shut| *shut).unwrap());
        thread::sleep(self.pause);
    }
}

/// A journal in memory that asks first.
pub(crate) struct Asking {
    inner: MemoryJournal,
    /// Whether a batch is written, which is confirmed all the same.
    writes: Box<dyn FnMut() -> bool + Send>,
    reads: Box<dyn Fn() + Send>,
    parts: Box<dyn FnMut() + Send>,
}

impl Asking {
    pub(crate) fn open(disk: &MemoryDisk) -> Result<Self, JournalError> {
        let inner = MemoryJournal::open(disk)?;
        Ok(Self {
            inner,
            writes: Box::new(|| true),
            reads: Box::new(|| {}),
            parts: Box::new(|| {}),
        })
    }

    /// What is asked before each batch.
    pub(crate) fn writes(mut self, ask: impl FnMut() -> bool + Send + 'static) -> Self {
        self.writes = Box::new(ask);
        self
    }

    /// What is done before somebody begins to read.
    pub(crate) fn reads(mut self, first: impl Fn() + Send + 'static) -> Self {
        self.reads = Box::new(first);
        self
    }

    /// What is done before a part of a snapshot is written, or tried.
    pub(crate) fn parts(mut self, first: impl FnMut() + Send + 'static) -> Self {
        self.parts = Box::new(first);
        self
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Journal for Asking {
    fn place(&self) -> &str {
        self.inner.place()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        (self.reads)();
        self.inner.reader()
    }

    fn witnessed(&self) -> Option<Mark> {
        self.inner.witnessed()
    }

    fn make_durable(&mut self) -> Result<(), JournalError> {
        self.inner.make_durable()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), JournalError> {
        self.inner.prepare(batch)
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        if (self.writes)() { self.inner.append(batch) } else { Ok(()) }
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        (self.parts)();
        self.inner.put_part(snapshot, part, text)
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
