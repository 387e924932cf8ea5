//! The durable engine on an SQLite file: what was answered is there when it is opened again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, JournalError, LeadId, Options,
    Outcome, OwnerId, Request, StoreError,
};

use crate::world::monday;

/// A folder that is there as long as it is looked at.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mailrota-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(folder: &Folder) -> Result<DurableEngine, StoreError> {
    DurableEngine::open(folder.store(), &Options::default(), monday())
}

fn set_up(engine: &DurableEngine, accounts: u64) {
    let now = monday();
    for id in 1..=accounts {
        let account = Account::new(AccountId(id), OwnerId(1), "a@b.example").daily_cap(1_000);
        engine.add_account(account, now).unwrap();
    }
    engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
    let all: Vec<_> = (1..=accounts).map(AccountId).collect();
    engine.attach(CampaignId(1), &all, now).unwrap();
}

fn reserve(engine: &DurableEngine, lead: u64) -> mailrota::Reservation {
    let request = Request::new_lead(LeadId(lead)).key(format!("lead-{lead}"));
    let pick = engine.reserve(CampaignId(1), &request, monday()).unwrap();
    pick.reserved().cloned().unwrap()
}

#[test]
fn what_was_answered_is_there_when_opened_again() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    let first = reserve(&engine, 1);
    engine.settle(first.id, Outcome::Sent, monday()).unwrap();
    let second = reserve(&engine, 2);
    let before = engine.snapshot();
    drop(engine);
    let engine = open(&folder).unwrap();
    assert_eq!(engine.snapshot(), before);
    // The key finds the reservation of the life before.
    assert_eq!(reserve(&engine, 2).id, second.id);
    assert!(engine.settle(first.id, Outcome::Sent, monday()).unwrap().repeated);
}

#[test]
fn only_one_has_a_store_open_for_writing() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    let refused = open(&folder).unwrap_err();
    assert!(matches!(refused, StoreError::Journal(JournalError::Locked { .. })), "{refused}");
    engine.close().unwrap();
    open(&folder).unwrap();
}

#[test]
fn many_threads_share_writes_and_lose_nothing() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 50);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let engine = engine.clone();
            scope.spawn(move || {
                for n in 0..25 {
                    let reservation = reserve(&engine, thread * 1_000 + n);
                    engine.settle(reservation.id, Outcome::Sent, monday()).unwrap();
                }
            });
        }
    });
    let before = engine.snapshot();
    drop(engine);
    let engine = open(&folder).unwrap();
    assert_eq!(engine.snapshot(), before);
    let sent = |id| engine.standing(AccountId(id), monday()).unwrap().sent;
    assert_eq!((1..=50).map(sent).sum::<u32>(), 400);
}
