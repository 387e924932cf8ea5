//! What attaching a thousand accounts to a campaign costs: all or none, and as a dry run.
//!
//! `cargo bench --bench attach -- --quick` for a first look.

use std::hint::black_box;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, Throughput};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, Link, Mode, OwnerId, Schedule, Span,
};

const ACCOUNTS: u64 = 1_000;

fn main() {
    let now = DateTime::UNIX_EPOCH;
    let (owner, campaign) = (OwnerId(1), CampaignId(1));
    let office = Schedule::working_days("09:00", "17:00").expect("a range of the day");
    let mut engine = Engine::new(Config::default());
    engine.add_campaign(Campaign::new(campaign, owner), now).expect("a new campaign");
    let ids: Vec<AccountId> = (0..ACCOUNTS).map(AccountId).collect();
    for id in &ids {
        let account = Account::new(*id, owner, format!("a{id}@acme.example"));
        let account = account.spacing(Span::minutes(5)).schedule(office.clone());
        engine.add_account(account, now).expect("a new account");
    }
    // One with problems keeps all others out, and is named with the rest.
    let mut spoiled = engine.clone();
    let mut account = spoiled.account(AccountId(500)).expect("it was added").clone();
    account.connection.smtp = Link::broken("535 5.7.8 not accepted");
    spoiled.change_account(account, now).expect("it is there");

    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    let mut group = criterion.benchmark_group("attach 1000 accounts");
    group.throughput(Throughput::Elements(ACCOUNTS));
    for (name, engine, mode) in [
        ("all or none", &engine, Mode::AllOrNone),
        ("all or none, refused", &spoiled, Mode::AllOrNone),
        ("dry run", &engine, Mode::DryRun),
    ] {
        group.bench_function(name, |bench| {
            let attach = |engine: &mut Engine| {
                black_box(engine.attach_with(campaign, &ids, mode, now).is_ok())
            };
            bench.iter_batched_ref(|| engine.clone(), attach, BatchSize::PerIteration);
        });
    }
    group.finish();
    criterion.final_summary();
}
