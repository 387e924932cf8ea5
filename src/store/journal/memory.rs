//! A journal in memory, with faults on demand: what a disk may do to a store, for tests.
//!
//! It keeps what a crash would leave apart from what the running process sees, so that an answer
//! which was not durable is found out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::Document;
use crate::store::journal::seam::{Batch, Head, Journal, Reader, Record};

/// A disk in memory. It outlives the journals on it; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    inner: Arc<Mutex<Disk>>,
}

/// What goes wrong at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Somebody else writes. Nothing is written.
    Busy,
    /// There is no room. Nothing is written.
    Full,
    /// The operation fails, and nothing was written.
    Lost,
    /// The sync fails. What was written is seen until the crash and may be gone after it.
    SyncFailed,
    /// The operation fails after this many facts of it were written, durably.
    Torn(usize),
    /// The operation fails although all of it was written, durably.
    Written,
}

/// A journal on a disk in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    disk: MemoryDisk,
}

#[derive(Debug)]
struct MemoryReader {
    disk: MemoryDisk,
}

#[derive(Debug, Default)]
struct Disk {
    /// What the running process sees.
    seen: Content,
    /// What is left of it after a crash.
    durable: Content,
    faults: BTreeMap<u64, Fault>,
    /// What every write does from now on.
    broken: Option<Fault>,
    operations: u64,
    locked: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    facts: BTreeMap<u64, Record>,
    heads: BTreeMap<u64, Head>,
    parts: BTreeMap<(u64, u32), String>,
    documents: BTreeMap<(String, String), Document>,
}

const PLACE: &str = "memory";

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations there were so far, reading or writing.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Makes the operation of that number go wrong; the first one is 0.
    pub fn fail(&self, operation: u64, fault: Fault) {
        self.lock().faults.insert(operation, fault);
    }

    /// Makes every write go wrong from now on, or none.
    pub fn fail_writes(&self, fault: Option<Fault>) {
        self.lock().broken = fault;
    }

    /// The process is gone, and so is what was not synced. Whoever held the store open holds it no
    /// more, and writes to nothing.
    #[must_use]
    pub fn crash(&self) -> Self {
        let disk = self.lock();
        let content = disk.durable.clone();
        let left = Disk { seen: content.clone(), durable: content, ..Disk::default() };
        Self { inner: Arc::new(Mutex::new(left)) }
    }

    /// The facts that a crash would leave.
    pub fn durable(&self) -> Vec<Record> {
        self.lock().durable.facts.values().cloned().collect()
    }

    /// Changes a fact that is written, as a flipped bit does.
    pub fn damage(&self, sequence: u64, change: impl Fn(&mut Record)) {
        let mut disk = self.lock();
        let Disk { seen, durable, .. } = &mut *disk;
        for content in [seen, durable] {
            if let Some(record) = content.facts.get_mut(&sequence) {
                change(record);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// The fault of the next operation.
    fn operate(&mut self, writes: bool) -> Option<Fault> {
        let fault = self.faults.remove(&self.operations);
        self.operations += 1;
        fault.or(self.broken.filter(|_| writes))
    }

    fn read(&mut self) -> Result<&Content, JournalError> {
        match self.operate(false) {
            None => Ok(&self.seen),
            Some(fault) => Err(refused(fault)),
        }
    }

    fn write<T>(&mut self, work: impl Fn(&mut Content, usize) -> T) -> Result<T, JournalError> {
        let fault = self.operate(true);
        match fault {
            None => {
                let done = work(&mut self.seen, usize::MAX);
                work(&mut self.durable, usize::MAX);
                return Ok(done);
            }
            Some(Fault::Busy | Fault::Full | Fault::Lost) => {}
            Some(Fault::SyncFailed) => {
                work(&mut self.seen, usize::MAX);
            }
            Some(Fault::Torn(most)) => {
                work(&mut self.seen, most);
                work(&mut self.durable, most);
            }
            Some(Fault::Written) => {
                work(&mut self.seen, usize::MAX);
                work(&mut self.durable, usize::MAX);
            }
        }
        Err(refused(fault.unwrap_or(Fault::Lost)))
    }
}

fn refused(fault: Fault) -> JournalError {
    let (place, problem) = (PLACE.to_owned(), format!("a planned fault: {fault:?}"));
    match fault {
        Fault::Busy => JournalError::Busy { place },
        Fault::Full => JournalError::Full { place },
        Fault::Lost | Fault::Torn(_) | Fault::Written => JournalError::Io { place, problem },
        Fault::SyncFailed => JournalError::SyncFailed { place, problem },
    }
}

impl MemoryJournal {
    /// Opens the store on a disk for writing.
    ///
    /// # Errors
    /// [`JournalError::Locked`] if another journal on this disk is not dropped.
    pub fn open(disk: &MemoryDisk) -> Result<Self, JournalError> {
        let mut inner = disk.lock();
        if inner.locked {
            return Err(JournalError::Locked { place: PLACE.to_owned() });
        }
        inner.locked = true;
        drop(inner);
        Ok(Self { disk: disk.clone() })
    }
}

impl Drop for MemoryJournal {
    fn drop(&mut self) {
        self.disk.lock().locked = false;
    }
}

impl Journal for MemoryJournal {
    fn place(&self) -> &str {
        PLACE
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        self.disk.lock().read()?;
        Ok(Box::new(MemoryReader { disk: self.disk.clone() }))
    }

    fn witnessed(&self) -> Option<Mark> {
        None
    }

    fn make_durable(&mut self) -> Result<(), JournalError> {
        let mut disk = self.disk.lock();
        disk.write(|_, _| ())?;
        disk.durable = disk.seen.clone();
        Ok(())
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let mut disk = self.disk.lock();
        let first = batch.iter().next().map_or(u64::MAX, |(mark, _)| mark.sequence);
        if disk.seen.facts.keys().next_back().is_some_and(|last| *last >= first) {
            let problem = "the number is taken";
            return Err(JournalError::damaged(PLACE, Some(first), problem));
        }
        disk.write(|content, most| {
            for (mark, text) in batch.iter().take(most) {
                let record = Record { mark, text: text.to_owned() };
                content.facts.insert(mark.sequence, record);
            }
            // With the last fact, which notes what all of them come to.
            if most < batch.len() {
                return;
            }
            for document in batch.documents() {
                let key = (document.kind.clone(), document.id.clone());
                if document.text.is_some() {
                    content.documents.insert(key, document.clone());
                } else {
                    content.documents.remove(&key);
                }
            }
        })
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        self.disk.lock().write(|content, most| {
            if most > 0 {
                content.parts.insert((snapshot, part), text.to_owned());
            }
        })
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        self.disk.lock().write(|content, most| {
            if most > 0 {
                content.heads.insert(head.mark.sequence, *head);
            }
        })
    }

    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError> {
        self.disk.lock().write(|content, torn| {
            let oldest = content.facts.range(..=until).map(|(sequence, _)| *sequence);
            let oldest: Vec<u64> = oldest.take(torn.min(most as usize)).collect();
            for sequence in &oldest {
                content.facts.remove(sequence);
            }
            count(oldest.len())
        })
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        self.disk.lock().write(|content, torn| {
            let head = usize::from(content.heads.remove(&snapshot).is_some());
            let parts = content.parts.range((snapshot, 0)..=(snapshot, u32::MAX));
            let parts = parts.map(|(part, _)| *part).take(torn.min(most as usize));
            let parts: Vec<(u64, u32)> = parts.collect();
            for part in &parts {
                content.parts.remove(part);
            }
            count(head + parts.len())
        })
    }

    fn close(&mut self) -> Result<(), JournalError> {
        Ok(())
    }
}

impl Reader for MemoryReader {
    fn snapshots(&mut self) -> Result<Vec<Head>, JournalError> {
        Ok(self.disk.lock().read()?.heads.values().copied().collect())
    }

    fn unfinished(&mut self) -> Result<Vec<u64>, JournalError> {
        let mut disk = self.disk.lock();
        let content = disk.read()?;
        let snapshots = content.parts.keys().map(|(snapshot, _)| *snapshot);
        let mut open: Vec<u64> =
            snapshots.filter(|snapshot| !content.heads.contains_key(snapshot)).collect();
        open.dedup();
        Ok(open)
    }

    fn part(&mut self, snapshot: u64, part: u32) -> Result<Option<String>, JournalError> {
        Ok(self.disk.lock().read()?.parts.get(&(snapshot, part)).cloned())
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, JournalError> {
        let mut disk = self.disk.lock();
        let facts = disk.read()?.facts.range(after.saturating_add(1)..);
        Ok(facts.map(|(_, record)| record.clone()).take(most).collect())
    }

    fn documents(&mut self) -> Result<(Vec<Document>, u64), JournalError> {
        let mut disk = self.disk.lock();
        let content = disk.read()?;
        let last = [content.facts.keys().next_back(), content.heads.keys().next_back()];
        let last = last.into_iter().flatten().max().copied().unwrap_or_default();
        Ok((content.documents.values().cloned().collect(), last))
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
