//! Services of many callers, each of which reserves, waits, settles, waits, and begins anew.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use chrono::DateTime;
use criterion::measurement::{Measurement, WallTime};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, LeadId, Options, Outcome, OwnerId,
    Request,
};

use crate::tasks::all;

const ACCOUNTS: u64 = 1_000;
const CAMPAIGN: CampaignId = CampaignId(1);

/// A new store with a pool that is never used up.
pub(crate) fn open(path: &Path) -> DurableEngine {
    let options = Options::default().snapshot_every(u64::MAX);
    let engine = DurableEngine::open(path, &options, DateTime::UNIX_EPOCH).expect("a new store");
    set_up(&engine);
    engine
}

pub(crate) fn set_up(engine: &DurableEngine) {
    let now = DateTime::UNIX_EPOCH;
    let calls = engine.asynchronous();
    let ids: Vec<AccountId> = (0..ACCOUNTS).map(AccountId).collect();
    // Together, since one after the other each would be synced.
    let added = ids.iter().map(|id| {
        let account = Account::new(*id, OwnerId(1), format!("a{id}@acme.example"));
        calls.add_account(account.daily_cap(1_000_000), now)
    });
    for ticket in added.collect::<Vec<_>>() {
        ticket.wait().expect("a new account");
    }
    engine.add_campaign(Campaign::new(CAMPAIGN, OwnerId(1)), now).expect("a new campaign");
    engine.attach(CAMPAIGN, &ids, now).expect("all in order");
}

/// A thread for each caller.
pub(crate) fn threads(engine: &DurableEngine, callers: u64, each: u64) -> Duration {
    let all_here = &Barrier::new(usize::try_from(callers).expect("few") + 1);
    let now = DateTime::UNIX_EPOCH;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                scope.spawn(move || {
                    all_here.wait();
                    for n in 0..each {
                        let request = Request::new_lead(LeadId(caller * each + n));
                        let pick = engine.reserve(CAMPAIGN, &request, now).expect("a good request");
                        let id = pick.reserved().expect("somebody is ready").id;
                        engine.settle(id, Outcome::Sent, now).expect("it is out");
                    }
                })
            })
            .collect();
        all_here.wait();
        let start = WallTime.start();
        for thread in threads {
            thread.join().expect("nobody panicked");
        }
        WallTime.end(start)
    })
}

/// A task for each caller, all on this thread.
pub(crate) fn tasks(engine: &DurableEngine, callers: u64, each: u64) -> Duration {
    let (calls, now) = (engine.asynchronous(), DateTime::UNIX_EPOCH);
    let calls = &calls;
    let tasks = (0..callers).map(|caller| async move {
        for n in 0..each {
            let request = Request::new_lead(LeadId(caller * each + n));
            let pick = calls.reserve(CAMPAIGN, &request, now).await.expect("a good request");
            let id = pick.reserved().expect("somebody is ready").id;
            calls.settle(id, Outcome::Sent, now).await.expect("it is out");
        }
    });
    let start = WallTime.start();
    all(tasks);
    WallTime.end(start)
}
