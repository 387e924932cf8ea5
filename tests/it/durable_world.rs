//! Short words for tests of stores in files.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, LeadId, Options, OwnerId, Request,
    Reservation, StoreError,
};

use crate::world::monday;

/// A folder that is there as long as it is looked at.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mailrota-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn open(folder: &Folder) -> Result<DurableEngine, StoreError> {
    DurableEngine::open(folder.store(), &Options::default(), monday())
}

pub(crate) fn set_up(engine: &DurableEngine, accounts: u64) {
    let now = monday();
    for id in 1..=accounts {
        let account = Account::new(AccountId(id), OwnerId(1), "a@b.example").daily_cap(1_000);
        engine.add_account(account, now).unwrap();
    }
    engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
    let all: Vec<_> = (1..=accounts).map(AccountId).collect();
    engine.attach(CampaignId(1), &all, now).unwrap();
}

pub(crate) fn reserve(engine: &DurableEngine, lead: u64) -> Reservation {
    let request = Request::new_lead(LeadId(lead)).key(format!("lead-{lead}"));
    let pick = engine.reserve(CampaignId(1), &request, monday()).unwrap();
    pick.reserved().cloned().unwrap()
}
