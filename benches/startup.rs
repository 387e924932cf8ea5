//! How long a store takes to open, and how large it is: 100,000 accounts and the facts of a month.
//!
//! `cargo bench --features sqlite --bench startup -- 10000000` for that many facts; 200,000 if
//! nothing is said. Writes the store into the folder that `MAILROTA_BENCH_DIR` names, or the
//! build's own, opens it as it was left, and once more after a snapshot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::measurement::{Measurement, WallTime};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, LeadId, Options, Outcome, OwnerId,
    Request,
};
use rusqlite::Connection;

const CAMPAIGN: CampaignId = CampaignId(1);
/// How many emails are asked for in one call.
const AT_ONCE: u64 = 1_000;
/// Over how long the emails are spread.
const MONTH: TimeDelta = TimeDelta::days(30);
const OPENINGS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` only asks whether it runs.
    let is_bench = args.iter().any(|arg| arg == "--bench");
    let asked = args.iter().skip(1).find_map(|arg| arg.parse().ok());
    let (accounts, facts) =
        if is_bench { (100_000, asked.unwrap_or(200_000)) } else { (100, 1_000) };
    let parent = std::env::var_os("MAILROTA_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let folder = parent.join(format!("mailrota-startup-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join("store.db");
    let took = fill(&path, accounts, facts);
    eprintln!("written in {} ms", took.as_millis());
    report(&path, "as it was left");
    let engine = open(&path);
    engine.compact().expect("it can be read back");
    engine.close().expect("it did not fail");
    report(&path, "after a snapshot");
    drop(std::fs::remove_dir_all(&folder));
}

fn open(path: &Path) -> DurableEngine {
    let now = DateTime::UNIX_EPOCH + MONTH;
    DurableEngine::open(path, &Options::default(), now).expect("it is sound")
}

/// Writes a store of so many accounts and about so many facts, two for each email.
fn fill(path: &Path, accounts: u64, facts: u64) -> Duration {
    let start = WallTime.start();
    let mut now = DateTime::UNIX_EPOCH;
    let engine = DurableEngine::open(path, &Options::default(), now).expect("a new store");
    let calls = engine.asynchronous();
    let ids: Vec<AccountId> = (0..accounts).map(AccountId).collect();
    let added = ids.iter().map(|id| {
        let account = Account::new(*id, OwnerId(1), format!("a{id}@acme.example"));
        calls.add_account(account.daily_cap(100_000), now)
    });
    for ticket in added.collect::<Vec<_>>() {
        ticket.wait().expect("a new account");
    }
    engine.add_campaign(Campaign::new(CAMPAIGN, OwnerId(1)), now).expect("a new campaign");
    engine.attach(CAMPAIGN, &ids, now).expect("all in order");
    let calls_needed = (facts / 2).div_ceil(AT_ONCE);
    let step = MONTH / i32::try_from(calls_needed).expect("a month of calls");
    for n in 0..calls_needed {
        now += step;
        send(&engine, n * AT_ONCE, now);
    }
    engine.close().expect("it did not fail");
    WallTime.end(start)
}

/// Sends to leads from one on, all at one instant.
fn send(engine: &DurableEngine, first: u64, now: DateTime<Utc>) {
    let leads = (first..first + AT_ONCE).map(LeadId);
    let requests: Vec<Request> = leads.map(Request::new_lead).collect();
    let picks = engine.reserve_batch(CAMPAIGN, &requests, now).expect("good requests");
    let calls = engine.asynchronous();
    let settled = picks.iter().map(|pick| {
        let pick = pick.as_ref().expect("a good request");
        let id = pick.reserved().expect("somebody is ready").id;
        calls.settle(id, Outcome::Sent, now)
    });
    for ticket in settled.collect::<Vec<_>>() {
        ticket.wait().expect("it is out");
    }
}

fn report(path: &Path, how: &str) {
    let mut times: Vec<u128> = (0..OPENINGS)
        .map(|_| {
            let start = WallTime.start();
            let engine = open(path);
            let took = WallTime.end(start).as_millis();
            engine.close().expect("it did not fail");
            took
        })
        .collect();
    times.sort_unstable();
    let connection = Connection::open(path).expect("it is there");
    let number = |sql: &str| -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).expect("the store's tables")
    };
    let facts = number("select count(*) from fact");
    let snapshots = number("select count(*) from snapshot");
    let tail = number(
        "select (select coalesce(max(sequence), 0) from fact) - max(sequence) from snapshot",
    );
    let bytes = path.metadata().map_or(0, |file| file.len());
    eprintln!(
        "{how}: opens in {} ms (fastest {}), {facts} facts kept, {tail} after the newest of \
         {snapshots} snapshots, {bytes} bytes",
        times[OPENINGS / 2],
        times[0]
    );
}
