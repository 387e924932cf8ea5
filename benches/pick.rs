//! What picking a sender costs: the ways that users take today, side by side, and this crate.
//!
//! Every way keeps a cap for each day and a gap after each send. `spread`: 90 percent of all caps
//! is asked for, evenly over the day. `flat-out`: everybody who may send does, then time jumps to
//! when the next one may. `weights`: as `spread`, and each tenth pick changes a member's weight.
//! `mailrota` is a whole turn, reserve and settle; `mailrota, the pick` is the rotation alone,
//! which has the engine's rules. `floor` obeys nothing: a record of 32 bytes is read and written,
//! far from the last one, and a word is noted. Only a rule that goes through the members in the
//! order of memory can be below it. `books` is the same and what a turn writes down besides, in
//! collections of the standard library.
//!
//! A pool goes on from sample to sample, so that small ones pass through many days; the largest
//! see the morning of one only. A way that looks at everybody for one pick or one change is left
//! out where that takes too long.
//!
//! `cargo bench --bench pick -- --quick` for a first look, `-- spread/lvs/1000` for one row.

use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Lineup, Outcome, OwnerId,
    Request, Span, Timestamp, Weight,
};

use crate::bounds::{Books, Floor};
use crate::peers::alias::Alias;
use crate::peers::edf::Edf;
use crate::peers::fwrr::Fwrr;
use crate::peers::heaps::Heaps;
use crate::peers::lvs::Lvs;
use crate::peers::queues::Queues;
use crate::peers::smooth::Smooth;
use crate::peers::stride::Stride;
use crate::peers::weighted_rs::WeightedRs;
use crate::peers::{DAY, Member, Peer};

#[path = "pick/bounds.rs"]
mod bounds;
mod peers;

const GAP_MS: u64 = 600_000;
/// Of all caps of a day, in percent.
const ASKED: u64 = 90;

/// Caps and weights from 20 to 60.
fn between(number: u32) -> u32 {
    20 + number.wrapping_mul(2_654_435_761) % 1_009 % 41
}

const SIZES: [u32; 4] = [10, 1_000, 100_000, 1_000_000];

fn members(count: u32) -> Vec<Member> {
    let member = |number| {
        let cap = between(number);
        Member { weight: cap, cap, gap_ms: GAP_MS }
    };
    (0..count).map(member).collect()
}

/// When picks are asked for, and what else happens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    FlatOut,
    Spread,
    Weights,
}

/// A peer in the middle of its work.
struct Course<P> {
    peer: P,
    demand: Demand,
    members: u32,
    made: u32,
    /// In parts of a millisecond, as a fixed point number.
    clock: u64,
    step: u64,
}

impl<P: Peer> Course<P> {
    const POINT: u32 = 16;

    /// Goes far enough for as many to rest as will later.
    fn new(peer: P, demand: Demand, members: &[Member], first: u32) -> Self {
        let asked = members.iter().map(|of| u64::from(of.cap)).sum::<u64>() * ASKED / 100;
        let step = if demand == Demand::FlatOut { 0 } else { (DAY << Self::POINT) / asked };
        let members = u32::try_from(members.len()).expect("at most a million");
        let quiet = if demand == Demand::Weights { Demand::Spread } else { demand };
        let mut course = Self { peer, demand: quiet, members, made: 0, clock: 0, step };
        course.go(first);
        course.demand = demand;
        course
    }

    fn go(&mut self, picks: u32) {
        for _ in 0..picks {
            self.clock += self.step;
            let mut now = self.clock >> Self::POINT;
            let picked = self.peer.pick(now).unwrap_or_else(|| {
                now = self.peer.next_at(now);
                self.clock = now << Self::POINT;
                self.peer.pick(now).expect("somebody may, it said")
            });
            black_box(picked);
            self.made = self.made.wrapping_add(1);
            if self.demand == Demand::Weights && self.made % 10 == 0 {
                let member = self.made.wrapping_mul(7_919) % self.members;
                self.peer.set_weight(member, between(self.made));
            }
        }
    }
}

/// The crate under test: one campaign, every account in it.
struct Rota {
    engine: Engine,
    lead: u64,
    /// When somebody may again, as the last refusal said.
    until: DateTime<Utc>,
    now: DateTime<Utc>,
}

const CAMPAIGN: CampaignId = CampaignId(1);

fn at(ms: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(i64::try_from(ms).expect("not that late"))
}

impl Rota {
    /// The cap is in an account's weight already; the operator's share is one.
    fn new(members: &[Member]) -> Self {
        let (owner, now) = (OwnerId(1), at(0));
        let mut engine = Engine::new(Config::default());
        for (id, member) in (0..).zip(members) {
            let gap = i64::try_from(member.gap_ms / 1_000).expect("not that long");
            let account = Account::new(AccountId(id), owner, format!("a{id}@acme.example"))
                .daily_cap(member.cap)
                .spacing(Span::seconds(gap.unsigned_abs()));
            engine.add_account(account, now).expect("a new account");
        }
        engine.add_campaign(Campaign::new(CAMPAIGN, owner), now).expect("a new campaign");
        let ids: Vec<_> = (0..).zip(members).map(|(id, _)| AccountId(id)).collect();
        engine.attach(CAMPAIGN, &ids, now).expect("all in order");
        Self { engine, lead: 0, until: now, now }
    }
}

impl Peer for Rota {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        self.now = at(now_ms);
        let request = Request::new_lead(LeadId(self.lead));
        let pick = self.engine.reserve(CAMPAIGN, &request, self.now).expect("a good request");
        if let Some(until) = pick.until() {
            self.until = until;
        }
        let granted = pick.reserved()?;
        self.engine.settle(granted.id, Outcome::Sent, self.now).expect("it is out");
        self.lead += 1;
        u32::try_from(granted.account.0).ok()
    }

    /// One or two of the operator's shares.
    fn set_weight(&mut self, member: u32, weight: u32) {
        let account = self.engine.account(AccountId(member.into())).expect("it is there").clone();
        let share = Weight::new(if weight % 2 == 0 { 2 } else { 1 }).expect("up to 100");
        self.engine.change_account(account.weight(share), self.now).expect("a good weight");
    }

    fn next_at(&mut self, _now_ms: u64) -> u64 {
        u64::try_from((self.until - DateTime::UNIX_EPOCH).num_milliseconds()).expect("after 1970")
    }
}

/// The rotation of the crate under test alone: what a turn chooses and puts back by.
struct Alone {
    lineup: Lineup,
    until: u64,
}

impl Alone {
    fn new(members: &[Member]) -> Self {
        let mut lineup = Lineup::new();
        for member in members {
            lineup.add(member.weight, member.cap, Span::milliseconds(member.gap_ms));
        }
        Self { lineup, until: 0 }
    }
}

impl Peer for Alone {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        let now = i64::try_from(now_ms).expect("not that late");
        let now = Timestamp::from_unix_ms(now).expect("not that late");
        match self.lineup.pick(now) {
            Ok(member) => Some(member),
            Err(until) => {
                self.until = u64::try_from(until.unix_ms()).expect("after 1970");
                None
            }
        }
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.lineup.set_weight(member, weight);
    }

    fn next_at(&mut self, _now_ms: u64) -> u64 {
        self.until
    }
}

/// The rows of one group and one size of pool.
struct Table<'a, 'b> {
    group: &'a mut BenchmarkGroup<'b, WallTime>,
    demand: Demand,
    members: Vec<Member>,
}

/// The largest pool for a way, in each group; and from where on a sample is short.
#[derive(Clone, Copy)]
struct Most {
    flat_out: usize,
    spread: usize,
    weights: usize,
    long: usize,
}

const EACH: Most =
    Most { flat_out: 1_000_000, spread: 1_000_000, weights: 1_000_000, long: usize::MAX };
/// A change of weight goes through everybody.
const REBUILDS: Most = Most { weights: 100_000, ..EACH };
/// The same, and each member is added one by one.
const REFILLS: Most = Most { weights: 1_000, ..EACH };
const SCANS: Most = Most { flat_out: 1_000, spread: 100_000, weights: 1_000, long: 1_000 };

impl Table<'_, '_> {
    fn row<P: Peer>(&mut self, name: &str, most: Most, make: impl Fn(&[Member]) -> P) {
        let (count, demand) = (self.members.len(), self.demand);
        let (most_here, round) = match demand {
            Demand::FlatOut => (most.flat_out, count.max(1_000)),
            Demand::Spread => (most.spread, 1_000),
            Demand::Weights => (most.weights, if count > 1_000 { 200 } else { 1_000 }),
        };
        if count > most_here {
            return;
        }
        let is_long = count <= most.long;
        let (first, picks) = if is_long { (count / 2, round) } else { (50, 50) };
        let [first, picks] = [first, picks].map(|of| u32::try_from(of).expect("a million"));
        self.group.throughput(Throughput::Elements(picks.into()));
        let mut course = None;
        self.group.bench_function(BenchmarkId::new(name, count), |bench| {
            let course = course.get_or_insert_with(|| {
                Course::new(make(&self.members), demand, &self.members, first)
            });
            bench.iter(|| course.go(picks));
        });
    }

    fn rows(&mut self) {
        self.row("floor", EACH, Floor::new);
        self.row("mailrota", EACH, Rota::new);
        self.row("mailrota, the pick", EACH, Alone::new);
        self.row("queues", EACH, Queues::new);
        self.row("heaps", EACH, Heaps::new);
        self.row("fwrr", EACH, Fwrr::new);
        self.row("edf", EACH, Edf::new);
        self.row("stride", REBUILDS, Stride::new);
        self.row("lvs", REBUILDS, Lvs::new);
        self.row("weighted-rs", REFILLS, WeightedRs::new);
        self.row("alias", REBUILDS, Alias::new);
        self.row("smooth", SCANS, Smooth::new);
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .configure_from_args();
    for (name, demand) in
        [("spread", Demand::Spread), ("flat-out", Demand::FlatOut), ("weights", Demand::Weights)]
    {
        let mut group = criterion.benchmark_group(name);
        for count in SIZES {
            Table { group: &mut group, demand, members: members(count) }.rows();
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("books");
    for count in SIZES {
        let members = members(count);
        let mut table = Table { group: &mut group, demand: Demand::Spread, members };
        table.row("floor and books", EACH, Books::new);
    }
    group.finish();
    criterion.final_summary();
}
