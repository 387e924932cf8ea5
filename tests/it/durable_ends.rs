//! However the threads of a store end, nobody is left waiting for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use mailrota::{
    Account, AccountId, DurableEngine, DurableError, Fault, MemoryDisk, MemoryJournal, Options,
    OwnerId, StoreError,
};

use crate::durable_gate::{Asking, Gate};
use crate::world::monday;

/// A waker that drops what may be the last handle, on the thread that wakes it.
struct Dropper {
    engine: Mutex<Option<DurableEngine>>,
    done: mpsc::Sender<()>,
}

impl Wake for Dropper {
    fn wake(self: Arc<Self>) {
        // A snapshot that the last write made due is under way by then.
        thread::sleep(Duration::from_millis(40));
        drop(self.engine.lock().unwrap().take());
        let _ = self.done.send(());
    }
}

fn account(id: u64) -> Account {
    Account::new(AccountId(id), OwnerId(1), "ana@acme.example")
}

#[test]
fn a_waker_may_drop_the_last_handle_while_a_snapshot_is_taken() {
    // One of these writes is the one that makes a snapshot due.
    for calls in 0..24 {
        let journal = Box::new(MemoryJournal::open(&MemoryDisk::new()).unwrap());
        let options = Options::default().snapshot_every(8);
        let engine = DurableEngine::with_journal(journal, &options, monday()).unwrap();
        for id in 0..calls {
            engine.add_account(account(id), monday()).unwrap();
        }
        let mut last = engine.asynchronous().add_account(account(calls), monday());
        let (done, dropped) = mpsc::channel();
        let waker = Waker::from(Arc::new(Dropper { engine: Mutex::new(Some(engine)), done }));
        if Pin::new(&mut last).poll(&mut Context::from_waker(&waker)).is_pending() {
            let waited = dropped.recv_timeout(Duration::from_secs(20));
            assert!(waited.is_ok(), "after {calls} calls it was never dropped");
        }
    }
}

/// A waker that closes the store, on the thread that wakes it, and keeps that thread busy.
struct Closer {
    engine: DurableEngine,
    closed: mpsc::Sender<Result<(), StoreError>>,
}

impl Wake for Closer {
    fn wake(self: Arc<Self>) {
        let _ = self.closed.send(self.engine.close());
        thread::sleep(Duration::from_millis(500));
    }
}

/// An engine whose writes wait at a gate.
fn gated(disk: &MemoryDisk, gate: &Arc<Gate>) -> DurableEngine {
    let appends = Arc::clone(gate);
    let journal = Asking::open(disk).unwrap().writes(move || {
        appends.pass();
        true
    });
    DurableEngine::with_journal(Box::new(journal), &Options::default(), monday()).unwrap()
}

#[test]
fn a_store_that_a_waker_closed_is_closed_once_another_close_returns() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = gated(&disk, &gate);
    gate.set(true);
    let mut last = engine.asynchronous().add_account(account(1), monday());
    let (closed, told) = mpsc::channel();
    let waker = Waker::from(Arc::new(Closer { engine: engine.clone(), closed }));
    assert!(Pin::new(&mut last).poll(&mut Context::from_waker(&waker)).is_pending());
    gate.set(false);
    // It cannot wait for its own thread.
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(Ok(())));
    engine.close().unwrap();
    MemoryJournal::open(&disk).unwrap();
}

#[test]
fn a_store_is_closed_for_each_of_those_who_close_it_at_once() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = gated(&disk, &gate);
    gate.set(true);
    let came = gate.came();
    let written = engine.asynchronous().add_account(account(1), monday());
    while gate.came() == came {
        thread::yield_now();
    }
    let opens = Mutex::new(());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                engine.close().unwrap();
                let _alone = opens.lock().unwrap();
                MemoryJournal::open(&disk).unwrap();
            });
        }
        thread::sleep(Duration::from_millis(200));
        gate.set(false);
    });
    written.wait().unwrap();
}

#[test]
fn whoever_waits_is_told_if_going_back_panics() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let breaks = Arc::new(AtomicBool::new(false));
    let (appends, broken) = (Arc::clone(&gate), Arc::clone(&breaks));
    let journal = Asking::open(&disk).unwrap().writes(move || {
        appends.pass();
        true
    });
    let journal = journal
        .reads(move || assert!(!broken.load(Ordering::Relaxed), "a reader that a test breaks"));
    let options = Options::default();
    let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
    let calls = engine.asynchronous();
    gate.set(true);
    let came = gate.came();
    let written = calls.add_account(account(1), monday());
    while gate.came() == came {
        thread::yield_now();
    }
    let queued = calls.add_account(account(2), monday());
    breaks.store(true, Ordering::Relaxed);
    disk.fail_writes(Some(Fault::Full));
    gate.set(false);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for ticket in [written, queued] {
            let _ = tell.send(ticket.wait());
        }
    });
    for which in ["written", "queued"] {
        let answer = told.recv_timeout(Duration::from_secs(20));
        let refused = matches!(answer, Ok(Err(DurableError::Store(StoreError::Panicked))));
        assert!(refused, "the one {which}: {answer:?}");
    }
}
