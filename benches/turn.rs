//! What a turn costs: reserve and settle, every rule checked, beside two naive ways to pick.
//!
//! Each iteration is `TURNS` turns on a copy of a pool that has already gone round once; emails
//! come one a second. `flat`: everybody is ready. `spaced`: about half of the pool rests.
//! `shared`: each account is in several campaigns, which take turns. The naive ways keep a day's
//! cap and a spacing and nothing else: no window, no reservation that lapses, no key, no reason.
//!
//! `cargo bench --bench turn -- --quick` for a first look, `-- flat/1000` for one row.

use std::fmt::Display;
use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Request,
    Span, Weight,
};

/// Turns in one iteration.
const TURNS: u64 = 1_000;
/// More than any account sends here.
const CAP: u32 = 1_000_000;

/// Who is in which campaign, and how long each rests after a send.
#[derive(Clone, Copy)]
struct Shape {
    accounts: u64,
    campaigns: u64,
    /// How many campaigns each account is in.
    memberships: u64,
    spacing_seconds: u64,
}

impl Shape {
    /// One campaign of everybody.
    const fn pool(accounts: u64, spacing_seconds: u64) -> Self {
        Self { accounts, campaigns: 1, memberships: 1, spacing_seconds }
    }

    /// From 1 to 100, mixed.
    fn weight(account: u64) -> u8 {
        u8::try_from(account * 37 % 100 + 1).expect("up to 100")
    }

    /// Every account of a campaign.
    fn members(self, campaign: u64) -> Vec<u64> {
        let is_in = |account: &u64| {
            let first = account * self.memberships % self.campaigns;
            (campaign + self.campaigns - first) % self.campaigns < self.memberships
        };
        (0..self.accounts).filter(is_in).collect()
    }
}

/// The crate under test, in the middle of its work.
#[derive(Clone)]
struct Service {
    engine: Engine,
    campaigns: u64,
    now: DateTime<Utc>,
    turns: u64,
}

impl Service {
    fn new(shape: Shape) -> Self {
        let now = DateTime::UNIX_EPOCH;
        let mut engine = Engine::new(Config::default());
        for id in 0..shape.accounts {
            let weight = Weight::new(Shape::weight(id)).expect("up to 100");
            let account = Account::new(AccountId(id), OwnerId(1), format!("a{id}@acme.example"))
                .daily_cap(CAP)
                .weight(weight)
                .spacing(Span::seconds(shape.spacing_seconds));
            engine.add_account(account, now).expect("a new account");
        }
        for id in 0..shape.campaigns {
            let campaign = Campaign::new(CampaignId(id), OwnerId(1));
            engine.add_campaign(campaign, now).expect("a new campaign");
            let members: Vec<_> = shape.members(id).into_iter().map(AccountId).collect();
            engine.attach(CampaignId(id), &members, now).expect("all in order");
        }
        let mut service = Self { engine, campaigns: shape.campaigns, now, turns: 0 };
        for _ in 0..shape.accounts.max(shape.campaigns) {
            service.turn();
        }
        service
    }

    fn turn(&mut self) {
        self.now += TimeDelta::seconds(1);
        let campaign = CampaignId(self.turns % self.campaigns);
        let request = Request::new_lead(LeadId(self.turns));
        self.turns += 1;
        let pick = self.engine.reserve(campaign, &request, self.now).expect("a good request");
        let granted = pick.reserved().expect("somebody is ready");
        self.engine.settle(granted.id, Outcome::Sent, self.now).expect("it is out");
    }
}

/// What a naive picker knows of an account.
#[derive(Clone, Copy)]
struct Sender {
    weight: u64,
    day: u64,
    sent: u32,
    ready_at: u64,
}

#[derive(Clone, Copy)]
enum Way {
    /// The least deadline of those that may send; the next is a stride further.
    EarliestDeadline,
    /// Everybody who may send gains its weight; the richest sends and pays for all.
    SmoothWeights,
}

/// A campaign as a list that is gone through for each pick.
#[derive(Clone)]
struct Naive {
    way: Way,
    senders: Vec<Sender>,
    /// Per campaign: the account and its deadline, or its current weight.
    lists: Vec<Vec<(usize, i64)>>,
    spacing_seconds: u64,
    now: u64,
    turns: usize,
}

impl Naive {
    fn new(shape: Shape, way: Way) -> Self {
        let sender = |id| Sender { weight: Shape::weight(id).into(), day: 0, sent: 0, ready_at: 0 };
        let start = |id: u64| (usize::try_from(id).expect("a small number"), 0);
        let list = |campaign| shape.members(campaign).into_iter().map(start).collect();
        let mut naive = Self {
            way,
            senders: (0..shape.accounts).map(sender).collect(),
            lists: (0..shape.campaigns).map(list).collect(),
            spacing_seconds: shape.spacing_seconds,
            now: 0,
            turns: 0,
        };
        // A round of the whole pool would take minutes; half of it rests as well.
        for (id, sender) in (1..).zip(&mut naive.senders) {
            sender.ready_at = id % shape.accounts * shape.spacing_seconds * 2 / shape.accounts;
        }
        naive
    }

    fn turn(&mut self) {
        self.now += 1;
        let (now, day) = (self.now, self.now / 86_400);
        let campaign = self.turns % self.lists.len();
        let list = &mut self.lists[campaign];
        let senders = &self.senders;
        let may_send = |id: usize| {
            let sender = &senders[id];
            sender.ready_at <= now && (sender.day != day || sender.sent < CAP)
        };
        let picked = match self.way {
            Way::EarliestDeadline => {
                let ready = list.iter_mut().filter(|(id, _)| may_send(*id));
                let first = ready.min_by_key(|(id, deadline)| (*deadline, *id));
                let (id, deadline) = first.expect("somebody is ready");
                *deadline += stride(senders[*id].weight);
                *id
            }
            Way::SmoothWeights => {
                let mut total = 0;
                let mut best: Option<&mut (usize, i64)> = None;
                for entry in list.iter_mut().filter(|(id, _)| may_send(*id)) {
                    let weight = i64::try_from(senders[entry.0].weight).expect("up to 100");
                    total += weight;
                    entry.1 += weight;
                    if best.as_ref().is_none_or(|best| best.1 < entry.1) {
                        best = Some(entry);
                    }
                }
                let best = best.expect("somebody is ready");
                best.1 -= total;
                best.0
            }
        };
        let sender = &mut self.senders[picked];
        sender.sent = if sender.day == day { sender.sent + 1 } else { 1 };
        sender.day = day;
        sender.ready_at = now + self.spacing_seconds;
        self.turns += 1;
        black_box(picked);
    }
}

fn stride(weight: u64) -> i64 {
    i64::try_from((1_u64 << 40) / weight).expect("below 2^40")
}

fn compare(group: &mut BenchmarkGroup<'_, WallTime>, name: impl Display, shape: Shape) {
    group.throughput(Throughput::Elements(TURNS));
    let id = |way: &str| BenchmarkId::new(way, &name);
    let service = Service::new(shape);
    group.bench_function(id("mailrota"), |bench| {
        let turns = |service: &mut Service| (0..TURNS).for_each(|_| service.turn());
        bench.iter_batched_ref(|| service.clone(), turns, BatchSize::PerIteration);
    });
    let ways = [("earliest-deadline", Way::EarliestDeadline), ("smooth", Way::SmoothWeights)];
    for (way, of) in ways {
        let naive = Naive::new(shape, of);
        group.bench_function(id(way), |bench| {
            let turns = |naive: &mut Naive| (0..TURNS).for_each(|_| naive.turn());
            bench.iter_batched_ref(|| naive.clone(), turns, BatchSize::PerIteration);
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("flat");
    for accounts in [10, 1_000, 100_000] {
        compare(&mut group, accounts, Shape::pool(accounts, 0));
    }
    group.finish();
    let mut group = criterion.benchmark_group("spaced");
    for accounts in [10, 1_000, 100_000] {
        compare(&mut group, accounts, Shape::pool(accounts, accounts / 2));
    }
    group.finish();
    let mut group = criterion.benchmark_group("shared");
    for (name, accounts, memberships) in [
        ("1000 campaigns, each account in 4", 10_000, 4),
        ("1000 campaigns, each account in all", 100, 1_000),
    ] {
        let shape = Shape { accounts, campaigns: 1_000, memberships, spacing_seconds: 0 };
        compare(&mut group, name, shape);
    }
    group.finish();
    criterion.final_summary();
}
