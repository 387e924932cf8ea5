//! When answers leave: not before they are durable, together with others, and questions at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, DurableError, Fault, JournalError,
    LeadId, MemoryDisk, Options, OwnerId, Pick, Request, StoreError,
};

use crate::durable_gate::{Asking, Gate};
use crate::world::monday;

fn engine(disk: &MemoryDisk, gate: &Arc<Gate>) -> DurableEngine {
    let appends = Arc::clone(gate);
    let journal = Asking::open(disk).unwrap().writes(move || {
        appends.pass();
        true
    });
    let options = Options::default();
    let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
    let account = Account::new(AccountId(1), OwnerId(1), "ana@acme.example");
    engine.add_account(account.daily_cap(1_000_000), monday()).unwrap();
    engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), monday()).unwrap();
    engine.attach(CampaignId(1), &[AccountId(1)], monday()).unwrap();
    engine
}

fn request(lead: u64) -> Request {
    Request::new_lead(LeadId(lead)).key(format!("lead {lead}"))
}

/// How many grants a crash would leave.
fn grants(disk: &MemoryDisk) -> usize {
    disk.durable().iter().filter(|record| record.text.contains("\"reserved\"")).count()
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, woken: &Arc<Woken>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(woken));
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}

/// > No answer leaves before its fact is durable.
#[test]
fn nothing_is_answered_before_all_it_rests_on_is_durable() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate);
    let woken = Arc::new(Woken::default());
    gate.set(true);
    let asynchronous = engine.asynchronous();
    let mut first = asynchronous.reserve(CampaignId(1), &request(1), monday());
    let mut dropped = asynchronous.reserve(CampaignId(1), &request(2), monday());
    // These make no fact; they saw one.
    let mut again = asynchronous.reserve(CampaignId(1), &request(1), monday());
    let mut tick = asynchronous.tick(monday());
    assert!(poll(&mut first, &woken).is_pending() && poll(&mut dropped, &woken).is_pending());
    assert!(poll(&mut again, &woken).is_pending() && poll(&mut tick, &woken).is_pending());
    drop(dropped);
    // A question is answered at once, from memory.
    assert_eq!(engine.standing(AccountId(1), monday()).unwrap().reserved, 2);
    assert_eq!((grants(&disk), woken.0.load(Ordering::Relaxed)), (0, 0));
    gate.set(false);
    let granted = first.wait().unwrap().reserved().cloned().unwrap();
    let Pick::Reserved(same) = again.wait().unwrap() else { panic!("the key got another end") };
    assert_eq!(granted.id, same.id);
    tick.wait().unwrap();
    assert_eq!(grants(&disk), 2, "a dropped future takes nothing back");
    assert!(woken.0.load(Ordering::Relaxed) <= 4);
    // With nothing left to write, an answer is there at once: a moment after the last was told.
    let operations = disk.operations();
    let is_ready = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        let mut again = asynchronous.reserve(CampaignId(1), &request(2), monday());
        poll(&mut again, &woken).is_ready()
    });
    assert!(is_ready && disk.operations() == operations);
}

#[test]
fn calls_of_many_threads_share_writes() {
    let pause = Duration::from_millis(2);
    let gate = Arc::new(Gate::slow(pause));
    let engine = engine(&MemoryDisk::new(), &gate);
    let before = gate.came();
    std::thread::scope(|scope| {
        for thread in 0..64 {
            let engine = engine.clone();
            scope.spawn(move || {
                for n in 0..10 {
                    let request = request(thread * 100 + n);
                    let pick = engine.reserve(CampaignId(1), &request, monday()).unwrap();
                    assert!(pick.reserved().is_some());
                }
            });
        }
    });
    let appends = gate.came() - before;
    assert!(appends <= 64, "640 calls took {appends} writes");
    assert_eq!(engine.standing(AccountId(1), monday()).unwrap().reserved, 640);
}

/// All that was decided on facts that were not written goes with them, and later calls work.
#[test]
fn without_room_everybody_who_waits_is_told_and_nothing_stays() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate);
    let (before, facts) = (engine.snapshot(), disk.durable());
    gate.set(true);
    let calls: Vec<_> = (0..20)
        .map(|lead| engine.asynchronous().reserve(CampaignId(1), &request(lead), monday()))
        .collect();
    disk.fail(disk.operations(), Fault::Full);
    gate.set(false);
    for call in calls {
        let error = call.wait().unwrap_err();
        let full =
            matches!(error, DurableError::Store(StoreError::Journal(JournalError::Full { .. })));
        assert!(full, "{error}");
    }
    assert_eq!((engine.snapshot(), disk.durable()), (before, facts));
    let pick = engine.reserve(CampaignId(1), &request(0), monday()).unwrap();
    assert!(pick.reserved().is_some());
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_opened_again() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate);
    disk.fail(disk.operations(), Fault::SyncFailed);
    let error = engine.reserve(CampaignId(1), &request(1), monday()).unwrap_err();
    assert!(error.to_string().contains("did not confirm"), "{error}");
    let operations = disk.operations();
    let error = engine.reserve(CampaignId(1), &request(2), monday()).unwrap_err();
    assert!(matches!(error, DurableError::Store(StoreError::Stopped(_))), "{error}");
    assert_eq!(disk.operations(), operations, "it is not tried again");
    assert!(matches!(engine.close(), Err(StoreError::Stopped(_))));
    assert!(engine.standing(AccountId(1), monday()).is_ok(), "questions are answered");
}

#[test]
fn a_closed_store_says_so_and_what_was_queued_is_written() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate);
    gate.set(true);
    let call = engine.asynchronous().reserve(CampaignId(1), &request(1), monday());
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| engine.close());
        gate.set(false);
        closing.join().unwrap().unwrap();
    });
    assert!(call.wait().unwrap().reserved().is_some());
    assert_eq!(grants(&disk), 1);
    let error = engine.tick(monday()).unwrap_err();
    assert!(matches!(error, DurableError::Store(StoreError::Closed)), "{error}");
    engine.close().unwrap();
}
