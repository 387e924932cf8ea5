//! What a second thread gains: the same turns of two owners through one engine, locks and shards.
//!
//! Each iteration is `TURNS` turns, half of them for each owner, who has a pool of 1,000 accounts.
//! A turn locks twice: to reserve, and to settle. At the end each way is measured in long runs, one
//! after the other and over again, each time another first; the medians are given as multiples of
//! the plain engine's.
//!
//! `cargo bench --bench threads -- --quick` for a first look. Means little unless two cores idle.

use std::cell::RefCell;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use criterion::measurement::{Measurement, WallTime};
use criterion::{Criterion, Throughput};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Request,
    Shards,
};

/// Turns in one iteration.
const TURNS: u64 = 2_000;
/// Accounts of each owner.
const ACCOUNTS: u64 = 1_000;
/// Turns of each owner before any is timed: what ended 26 hours ago is forgotten by then, so that
/// memory is used again as in a service that has run for days.
const WARM: u64 = 100_000;
/// Turns of a long run, and how often it is made.
const LONG: u64 = 200_000;
const ROUNDS: usize = 7;

#[derive(Clone, Copy)]
enum Way {
    Plain,
    Mutex,
    OneShard,
    TwoShards,
}

/// A way to an owner's engine.
trait Door {
    fn with<R>(&self, owner: OwnerId, work: impl FnOnce(&mut Engine) -> R) -> R;
}

impl Door for RefCell<Engine> {
    fn with<R>(&self, _: OwnerId, work: impl FnOnce(&mut Engine) -> R) -> R {
        work(&mut self.borrow_mut())
    }
}

impl Door for Mutex<Engine> {
    fn with<R>(&self, _: OwnerId, work: impl FnOnce(&mut Engine) -> R) -> R {
        work(&mut self.lock().expect("nobody panicked"))
    }
}

impl Door for Shards {
    fn with<R>(&self, owner: OwnerId, work: impl FnOnce(&mut Engine) -> R) -> R {
        self.with(owner, work).expect("nobody panicked")
    }
}

/// The owners and their engines, in the middle of their work.
struct Pools {
    owners: [OwnerId; 2],
    /// Both owners in one engine.
    together: Engine,
    /// Each in the engine of its shard.
    apart: Vec<Engine>,
}

impl Pools {
    fn new() -> Self {
        let shards = Shards::new(Config::default(), NonZeroUsize::new(2).expect("two"));
        let first = OwnerId(0);
        let is_apart = |owner: &OwnerId| shards.shard_of(*owner) != shards.shard_of(first);
        let owners = [first, (1..100).map(OwnerId).find(is_apart).expect("half of all are")];
        let together = RefCell::new(Engine::new(Config::default()));
        for owner in owners {
            Door::with(&together, owner, |engine| add_pool(engine, owner));
            Door::with(&shards, owner, |engine| add_pool(engine, owner));
        }
        for n in 0..WARM {
            for owner in owners {
                turn(&together, owner, n);
                turn(&shards, owner, n);
            }
        }
        let apart = shards.each(|_, engine| engine.clone()).into_iter().flatten().collect();
        Self { owners, together: together.into_inner(), apart }
    }

    /// How long so many turns take, from when all threads are there to when the last is done.
    fn run(&self, way: Way, threads: usize, turns: u64) -> Duration {
        let together = self.together.clone();
        let shards = |engines| Shards::from_engines(engines).expect("as they were");
        match (way, threads) {
            (Way::Plain, _) => self.alone(&RefCell::new(together), turns),
            (Way::Mutex, 1) => self.alone(&Mutex::new(together), turns),
            (Way::Mutex, _) => self.side_by_side(&Mutex::new(together), turns),
            (Way::OneShard, 1) => self.alone(&shards(vec![together]), turns),
            (Way::OneShard, _) => self.side_by_side(&shards(vec![together]), turns),
            (Way::TwoShards, 1) => self.alone(&shards(self.apart.clone()), turns),
            (Way::TwoShards, _) => self.side_by_side(&shards(self.apart.clone()), turns),
        }
    }

    fn alone(&self, door: &impl Door, turns: u64) -> Duration {
        let start = WallTime.start();
        for n in 0..turns / 2 {
            for owner in self.owners {
                turn(door, owner, WARM + n);
            }
        }
        WallTime.end(start)
    }

    /// A thread for each owner.
    fn side_by_side(&self, door: &(impl Door + Sync), turns: u64) -> Duration {
        let all_here = Barrier::new(self.owners.len() + 1);
        let work = |owner| {
            all_here.wait();
            (0..turns / 2).for_each(|n| turn(door, owner, WARM + n));
        };
        let work = &work;
        thread::scope(|scope| {
            let threads = self.owners.map(|owner| scope.spawn(move || work(owner)));
            all_here.wait();
            let start = WallTime.start();
            for thread in threads {
                thread.join().expect("nobody panicked");
            }
            WallTime.end(start)
        })
    }
}

fn add_pool(engine: &mut Engine, owner: OwnerId) {
    let (now, campaign) = (DateTime::UNIX_EPOCH, CampaignId(owner.0));
    let ids: Vec<_> = (0..ACCOUNTS).map(|n| AccountId(owner.0 * ACCOUNTS + n)).collect();
    for id in &ids {
        let account = Account::new(*id, owner, format!("a{id}@acme.example"));
        engine.add_account(account.daily_cap(1_000_000), now).expect("a new account");
    }
    engine.add_campaign(Campaign::new(campaign, owner), now).expect("a new campaign");
    engine.attach(campaign, &ids, now).expect("all in order");
}

/// The owner's `n`th turn, in its `n`th second.
fn turn(door: &impl Door, owner: OwnerId, n: u64) {
    let seconds = i64::try_from(n).expect("a small number");
    let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
    let request = Request::new_lead(LeadId(n));
    let reserve = |engine: &mut Engine| engine.reserve(CampaignId(owner.0), &request, now);
    let pick = door.with(owner, reserve).expect("a good request");
    let id = pick.reserved().expect("somebody is ready").id;
    let settle = |engine: &mut Engine| engine.settle(id, Outcome::Sent, now);
    black_box(door.with(owner, settle).expect("it is out"));
}

fn main() {
    let ways = [
        ("1 engine, 1 thread", Way::Plain, 1),
        ("1 mutex, 1 thread", Way::Mutex, 1),
        ("2 shards, 1 thread", Way::TwoShards, 1),
        ("2 shards, 2 threads", Way::TwoShards, 2),
        ("1 shard, 2 threads", Way::OneShard, 2),
        ("1 mutex, 2 threads", Way::Mutex, 2),
    ];
    let pools = Pools::new();
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("threads");
    group.throughput(Throughput::Elements(TURNS));
    for (name, way, threads) in ways {
        group.bench_function(name, |bench| {
            // Each on a copy, so that a long measurement is not one of a longer memory.
            bench.iter_custom(|iterations| {
                (0..iterations).map(|_| pools.run(way, threads, TURNS)).sum()
            });
        });
    }
    group.finish();

    // `cargo test --benches` only asks whether it runs.
    let turns = if std::env::args().any(|arg| arg == "--bench") { LONG } else { TURNS };
    let mut times = ways.map(|_| Vec::new());
    for round in 0..ROUNDS {
        for n in (0..ways.len()).map(|n| (n + round) % ways.len()) {
            let (_, way, threads) = ways[n];
            times[n].push(pools.run(way, threads, turns).as_nanos());
        }
    }
    for times in &mut times {
        times.sort_unstable();
    }
    let plain = times[0][ROUNDS / 2];
    for ((name, ..), times) in ways.iter().zip(&times) {
        let time = times[ROUNDS / 2];
        let (rate, percent) = (u128::from(turns) * 1_000_000_000 / time, plain * 100 / time);
        let (whole, rest) = (percent / 100, percent % 100);
        eprintln!("{name}: {rate} turns a second, {whole}.{rest:02} x one engine on one thread");
    }
    criterion.final_summary();
}
