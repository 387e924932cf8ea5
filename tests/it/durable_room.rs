//! A disk that stays full: each call is refused at once, nobody who asks has to wait, and calls
//! work when there is room.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, DurableError, Fault, JournalError,
    LeadId, MemoryDisk, Options, OwnerId, Request, StoreError,
};

use crate::durable_gate::{Asking, Gate};
use crate::world::monday;

fn engine(disk: &MemoryDisk, gate: &Arc<Gate>, accounts: u64) -> DurableEngine {
    let readers = Arc::clone(gate);
    filled(Asking::open(disk).unwrap().reads(move || readers.pass()), accounts)
}

fn filled(journal: Asking, accounts: u64) -> DurableEngine {
    let options = Options::default();
    let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
    let calls = engine.asynchronous();
    let ids: Vec<_> = (1..=accounts).map(AccountId).collect();
    let added = ids.iter().map(|id| {
        let account = Account::new(*id, OwnerId(1), format!("a{id}@acme.example"));
        calls.add_account(account.daily_cap(1_000), monday())
    });
    added.collect::<Vec<_>>().into_iter().for_each(|added| added.wait().unwrap());
    engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), monday()).unwrap();
    engine.attach(CampaignId(1), &ids, monday()).unwrap();
    engine.compact().unwrap();
    engine
}

fn request(lead: u64) -> Request {
    Request::new_lead(LeadId(lead)).key(format!("lead {lead}"))
}

fn is_full<T, E>(answer: Result<T, DurableError<E>>) -> bool {
    let Err(DurableError::Store(error)) = answer else { return false };
    matches!(error, StoreError::Journal(JournalError::Full { .. }))
}

fn reserve(engine: &DurableEngine, lead: u64) -> bool {
    is_full(engine.reserve(CampaignId(1), &request(lead), monday()))
}

/// > Long work never blocks readers. Disk full: the call gets the error.
#[test]
fn whoever_asks_is_answered_while_a_failed_write_is_undone() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate, 3);
    let (before, readers) = (engine.snapshot(), gate.came());
    gate.set(true);
    disk.fail_writes(Some(Fault::Full));
    let (tell, told) = mpsc::channel();
    let refused = thread::scope(|scope| {
        let refused = scope.spawn(|| reserve(&engine, 1));
        while gate.came() == readers {
            thread::yield_now();
        }
        scope.spawn(|| tell.send(engine.standing(AccountId(1), monday()).is_ok()));
        let answered = told.recv_timeout(Duration::from_secs(20));
        let calls = engine.asynchronous();
        let meanwhile = answered
            .is_ok()
            .then(|| is_full(calls.reserve(CampaignId(1), &request(2), monday()).wait()));
        gate.set(false);
        assert_eq!((answered, meanwhile), (Ok(true), Some(true)));
        refused.join().unwrap()
    });
    assert!(refused);
    assert_eq!(engine.snapshot(), before);
}

#[test]
fn a_disk_that_stays_full_is_not_read_for_each_call() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate, 3);
    let (before, readers) = (engine.snapshot(), gate.came());
    disk.fail_writes(Some(Fault::Full));
    for lead in 0..50 {
        assert!(reserve(&engine, lead));
        assert_eq!(engine.snapshot(), before, "nothing of it stays");
    }
    let undone = gate.came() - readers;
    assert_eq!(undone, 1, "the state was read so often");
    assert!(engine.compact().is_err() && reserve(&engine, 0));
    disk.fail_writes(None);
    assert!(!reserve(&engine, 0), "a call works once there is room");
    engine.compact().unwrap();
    engine.close().unwrap();
}

#[test]
fn many_who_ask_at_once_share_a_look_for_room() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let looks = Arc::clone(&gate);
    let journal = Asking::open(&disk).unwrap().parts(move || looks.pass());
    let engine = filled(journal, 3);
    disk.fail_writes(Some(Fault::Full));
    assert!(reserve(&engine, 0));
    gate.set(true);
    let before = gate.came();
    thread::scope(|scope| {
        for lead in 0..16 {
            let engine = &engine;
            scope.spawn(move || assert!(reserve(engine, lead)));
        }
        // The first look waits until all have asked.
        thread::sleep(Duration::from_millis(300));
        gate.set(false);
    });
    let looks = gate.came() - before;
    assert!(looks <= 4, "{looks} looks for 16 who asked together");
    engine.close().unwrap();
}

/// Nobody looks once there is room, so the look that finds it tells all who asked meanwhile.
#[test]
fn who_asks_during_the_look_that_finds_room_is_told() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let looks = Arc::clone(&gate);
    let engine = filled(Asking::open(&disk).unwrap().parts(move || looks.pass()), 3);
    disk.fail_writes(Some(Fault::Full));
    assert!(reserve(&engine, 1));
    let came = gate.came();
    gate.set(true);
    disk.fail_writes(None);
    while gate.came() == came {
        thread::yield_now();
    }
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(reserve(&engine, 2)));
    // Until it asks.
    thread::sleep(Duration::from_millis(200));
    gate.set(false);
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(false));
}

#[test]
fn futures_work_again_by_themselves_once_there_is_room() {
    let (disk, gate) = (MemoryDisk::new(), Arc::new(Gate::default()));
    let engine = engine(&disk, &gate, 3);
    let calls = engine.asynchronous();
    let reserve = |lead| is_full(calls.reserve(CampaignId(1), &request(lead), monday()).wait());
    disk.fail_writes(Some(Fault::Full));
    assert!(reserve(1) && reserve(2));
    disk.fail_writes(None);
    let worked = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(25));
        !reserve(1)
    });
    assert!(worked);
    // A store without room is closed like any other.
    disk.fail_writes(Some(Fault::Full));
    assert!(reserve(3));
    engine.close().unwrap();
}
