//! Whether anybody notices a snapshot: how long the slowest calls of a service take while snapshots
//! of 100,000 accounts are taken one after the other, and while none is. And what a call that is
//! refused costs while the disk is full, beside questions that are answered.
//!
//! `cargo bench --features sqlite --bench pauses -- 60` for that many seconds of each; 10 if
//! nothing is said. Writes the store into the folder that `MAILROTA_BENCH_DIR` names, or the
//! build's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use chrono::DateTime;
use criterion::measurement::{Measurement, WallTime};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, Fault, LeadId, MemoryDisk,
    MemoryJournal, Options, Outcome, OwnerId, Request, Span,
};

const CAMPAIGN: CampaignId = CampaignId(1);
const CALLERS: u64 = 8;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` only asks whether it runs.
    let is_bench = args.iter().any(|arg| arg == "--bench");
    let asked = args.iter().skip(1).find_map(|arg| arg.parse().ok());
    let (accounts, seconds) = if is_bench { (100_000, asked.unwrap_or(10)) } else { (100, 1) };
    let parent = std::env::var_os("MAILROTA_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let folder = parent.join(format!("mailrota-pauses-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let engine = open(&folder.join("store.db"), accounts);
    let span = Duration::from_secs(seconds);
    let next = AtomicU64::new(0);
    report("no snapshots", service(&engine, span, &next, false));
    report("snapshots all the time", service(&engine, span, &next, true));
    engine.close().expect("it did not fail");
    drop(std::fs::remove_dir_all(&folder));
    full_disk(accounts);
}

fn open(path: &Path, accounts: u64) -> DurableEngine {
    // Old facts and snapshots go at once, so that this is measured too.
    let options = Options::default().snapshot_every(u64::MAX).history(Span::ZERO);
    let engine = DurableEngine::open(path, &options, DateTime::UNIX_EPOCH).expect("a new store");
    filled(engine, accounts)
}

fn filled(engine: DurableEngine, accounts: u64) -> DurableEngine {
    let now = DateTime::UNIX_EPOCH;
    let calls = engine.asynchronous();
    let ids: Vec<AccountId> = (0..accounts).map(AccountId).collect();
    let added = ids.iter().map(|id| {
        let account = Account::new(*id, OwnerId(1), format!("a{id}@acme.example"));
        calls.add_account(account.daily_cap(1_000_000), now)
    });
    for ticket in added.collect::<Vec<_>>() {
        ticket.wait().expect("a new account");
    }
    engine.add_campaign(Campaign::new(CAMPAIGN, OwnerId(1)), now).expect("a new campaign");
    engine.attach(CAMPAIGN, &ids, now).expect("all in order");
    engine
}

/// How long each call took, in microseconds, and how many snapshots there were.
fn service(
    engine: &DurableEngine,
    span: Duration,
    next: &AtomicU64,
    snapshots: bool,
) -> (Vec<u128>, u32) {
    let done = &AtomicBool::new(false);
    thread::scope(|scope| {
        let keeper = scope.spawn(move || {
            let mut taken = 0;
            while snapshots && !done.load(Ordering::Relaxed) {
                engine.compact().expect("it can be read back");
                taken += 1;
            }
            taken
        });
        let caller = || {
            let (mut times, now) = (Vec::new(), DateTime::UNIX_EPOCH);
            while !done.load(Ordering::Relaxed) {
                let lead = LeadId(next.fetch_add(1, Ordering::Relaxed));
                let start = WallTime.start();
                let pick = engine.reserve(CAMPAIGN, &Request::new_lead(lead), now);
                times.push(WallTime.end(start).as_micros());
                let id = pick.expect("a good request").reserved().expect("somebody is ready").id;
                let start = WallTime.start();
                engine.settle(id, Outcome::Sent, now).expect("it is out");
                times.push(WallTime.end(start).as_micros());
            }
            times
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        thread::sleep(span);
        done.store(true, Ordering::Relaxed);
        let times = callers.into_iter().flat_map(|caller| caller.join().expect("no panic"));
        (times.collect(), keeper.join().expect("no panic"))
    })
}

/// The first call finds that the disk is full and the state is read anew; the next look for room.
fn full_disk(accounts: u64) {
    let (disk, now) = (MemoryDisk::new(), DateTime::UNIX_EPOCH);
    let journal = MemoryJournal::open(&disk).expect("a new disk");
    let engine = DurableEngine::with_journal(Box::new(journal), &Options::default(), now);
    let engine = filled(engine.expect("a new store"), accounts);
    disk.fail_writes(Some(Fault::Full));
    let done = AtomicBool::new(false);
    let (calls, asked) = thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut longest = 0;
            while !done.load(Ordering::Relaxed) {
                let start = WallTime.start();
                engine.standing(AccountId(1), now).expect("it is there");
                longest = longest.max(WallTime.end(start).as_micros());
                thread::sleep(Duration::from_millis(1));
            }
            longest
        });
        let call = |lead| {
            let start = WallTime.start();
            let refused = engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(lead)), now);
            let took = WallTime.end(start).as_micros();
            refused.expect_err("the disk is full");
            took
        };
        let calls: Vec<_> = (0..5).map(call).collect();
        done.store(true, Ordering::Relaxed);
        (calls, asked.join().expect("no panic"))
    });
    eprintln!("a full disk: refused in {calls:?} us, a question answered in {asked} us at most");
}

fn report(how: &str, (mut times, snapshots): (Vec<u128>, u32)) {
    times.sort_unstable();
    let count = times.len();
    let at = |per_mille: usize| times[(count * per_mille / 1_000).min(count - 1)];
    eprintln!(
        "{how}: {count} calls by {CALLERS} callers, {snapshots} snapshots; p50 {} us, p99 {} us, \
         p99.9 {} us, max {} us",
        at(500),
        at(990),
        at(999),
        times[count - 1]
    );
}
