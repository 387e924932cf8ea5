//! A journal that fails once, at any operation and in every way: on a real store, so that what it
//! leaves behind is what a real failure leaves.

use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mailrota::{
    Batch, DurableEngine, Head, Journal, JournalError, Mark, Reader, Recovery, SqliteJournal,
    StoreError,
};

use crate::crash::engine;
use crate::crash::images::scratch;
use crate::crash::worker::Task;
use crate::world::monday;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// There is no room, and nothing was written.
    Full,
    /// Reading or writing failed, and nothing was written.
    Io,
    /// It failed, and all was written.
    IoBehind,
    /// All was written, and the disk does not confirm it.
    Sync,
}

const FAULTS: [Fault; 4] = [Fault::Full, Fault::Io, Fault::IoBehind, Fault::Sync];

/// One operation in so many fails in turn.
const EVERY: usize = if cfg!(debug_assertions) { 5 } else { 1 };

#[derive(Debug)]
struct Failing {
    inner: SqliteJournal,
    /// How many operations there were.
    count: Arc<AtomicU64>,
    fails_at: u64,
    fault: Fault,
}

impl Failing {
    fn run<T>(
        &mut self,
        work: impl FnOnce(&mut SqliteJournal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if self.count.fetch_add(1, Ordering::Relaxed) != self.fails_at {
            return work(&mut self.inner);
        }
        if [Fault::IoBehind, Fault::Sync].contains(&self.fault) {
            work(&mut self.inner)?;
        }
        let (place, problem) = (self.inner.place().to_owned(), "as the test wants it".to_owned());
        Err(match self.fault {
            Fault::Full => JournalError::Full { place },
            Fault::Io | Fault::IoBehind => JournalError::Io { place, problem },
            Fault::Sync => JournalError::SyncFailed { place, problem },
        })
    }
}

impl Journal for Failing {
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
        self.run(SqliteJournal::make_durable)
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), JournalError> {
        self.run(|inner| inner.prepare(batch))
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        self.run(|inner| inner.append(batch))
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        self.run(|inner| inner.put_part(snapshot, part, text))
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        self.run(|inner| inner.finish_snapshot(head))
    }

    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError> {
        self.run(|inner| inner.forget_facts(until, most))
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        self.run(|inner| inner.forget_snapshot(snapshot, most))
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.run(SqliteJournal::close)
    }
}

/// Whether this is what a caller is told of the fault, at once or later.
fn tells(fault: Fault, error: &StoreError) -> bool {
    let (StoreError::Journal(cause) | StoreError::Stopped(cause)) = error else { return false };
    match fault {
        Fault::Full => matches!(error, StoreError::Journal(JournalError::Full { .. })),
        Fault::Io | Fault::IoBehind => matches!(cause, JournalError::Io { .. }),
        Fault::Sync => matches!(cause, JournalError::SyncFailed { .. }),
    }
}

/// Works on a store that fails so at this operation, and opens it again. Whether it came so far.
fn survives(fault: Fault, fails_at: u64) -> bool {
    let folder = scratch("failing");
    let told = Mutex::new(Vec::new());
    let tell = |fact: &str| told.lock().unwrap().push(fact.to_owned());
    let task = |life| Task { folder: folder.clone(), seed: fails_at, life, steps: 40, threads: 2 };
    let count = Arc::new(AtomicU64::new(0));
    let inner = SqliteJournal::open(engine::path(&folder)).unwrap();
    let journal = Failing { inner, count: Arc::clone(&count), fails_at, fault };
    let options = engine::options(Recovery::Keep);
    let opened = DurableEngine::with_journal(Box::new(journal), &options, monday());
    let worked = opened.map(|engine| {
        if let Err(refused) = engine::service(&engine, &task(0), false, &tell) {
            assert!(tells(fault, &refused), "{fault:?} at {fails_at}: {refused}");
            let again = engine::service(&engine, &task(1), false, &tell);
            match again {
                Ok(()) => {
                    assert_eq!(fault, Fault::Full, "it went on after a failure at {fails_at}");
                }
                Err(StoreError::Stopped(_)) => assert_ne!(fault, Fault::Full),
                Err(other) => panic!("{fault:?} at {fails_at}, and then {other}"),
            }
        }
    });
    if let Err(refused) = worked {
        assert!(tells(fault, &refused), "{fault:?} at {fails_at}, in opening: {refused}");
    }
    let told = told.into_inner().unwrap();
    let lines: Vec<_> = told.iter().map(String::as_str).collect();
    engine::check(&folder, &lines, Recovery::Keep).unwrap_or_else(|why| {
        panic!("{fault:?} at {fails_at}: {why}\nthe store is in {}", folder.display());
    });
    fs::remove_dir_all(folder).unwrap();
    count.load(Ordering::Relaxed) > fails_at
}

/// > After a failed sync the engine stops answering writes until reopened. Disk full, I/O error:
/// > the call gets the error, nothing half-applied in memory, later calls work once there is room.
#[test]
fn a_failure_at_any_operation_loses_nothing() {
    for fault in FAULTS {
        let operations = (0..).step_by(EVERY).take_while(|fails_at| survives(fault, *fails_at));
        let operations = operations.count();
        println!("{fault:?} at {operations} operations, one in {EVERY}");
        assert!(operations * EVERY > 40);
    }
}
