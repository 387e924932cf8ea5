//! What a turn costs where accounts are in several campaigns: this crate, and two ways of `pick`.
//!
//! Ten campaigns take turns over a hundred thousand accounts, each account in so many of them as
//! the row says. 90 percent of all caps is asked for, evenly over the day. What an account has sent
//! is counted once, for whichever campaign; whose turn it is, each campaign knows for itself. So a
//! send makes the account rest in campaigns that do not hear of it. `mailrota` is a whole turn,
//! reserve and settle. `heaps` and `stride` keep a cap for each day and a gap after each send.
//!
//! A pool goes on from sample to sample, after some rounds in which each send is held against a
//! count kept here. Every question must find a sender.
//!
//! `cargo bench --bench campaigns -- --quick` for a first look, `-- campaigns/heaps/8` for one row.

use std::hint::black_box;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Request,
    Span,
};

use crate::peers::heaps::LazyHeaps;
use crate::peers::retry::Asked;
use crate::peers::stride::Generations;
use crate::peers::{DAY, Ledger, Member, Order, Record, Store};

#[expect(dead_code, reason = "the other rules are for `pick`")]
mod peers;

const ACCOUNTS: u32 = 100_000;
const CAMPAIGNS: u32 = 10;
const GAP_MS: u64 = 600_000;
/// Of all caps of a day, in percent.
const ASKED: u64 = 90;
/// Sends for each account before anything is timed.
const ROUNDS: u32 = 4;
/// Turns in one iteration: a round, as accounts come back in waves that are shorter than it.
const TURNS: u32 = ACCOUNTS;

/// Caps, which are weights too, from 24 to 72.
fn cap(account: u32) -> u32 {
    24 + account * 37 % 49
}

/// Whether a campaign has an account that is in so many.
fn is_in(account: u32, campaign: u32, memberships: u32) -> bool {
    (campaign + CAMPAIGNS - account % CAMPAIGNS) % CAMPAIGNS < memberships
}

/// Every account of a campaign.
fn members(campaign: u32, memberships: u32) -> impl Iterator<Item = u32> {
    (0..ACCOUNTS).filter(move |account| is_in(*account, campaign, memberships))
}

/// Campaigns over the same accounts.
trait Way {
    /// Each account in so many campaigns.
    fn new(memberships: u32) -> Self;
    /// Picks an account for a campaign and charges it at once; nobody only if nobody may.
    fn turn(&mut self, campaign: u32, now_ms: u64) -> Option<u32>;
}

/// A rule for each campaign, and one record for each account.
struct Peers<O> {
    records: Vec<Record>,
    campaigns: Vec<Members<O>>,
}

/// A campaign. Its order counts members from zero.
struct Members<O> {
    accounts: Vec<u32>,
    order: O,
}

/// The records of a campaign's members, among those of all accounts.
struct Shared<'a> {
    records: &'a mut [Record],
    accounts: &'a [u32],
}

impl Shared<'_> {
    fn place(&self, member: u32) -> usize {
        self.accounts[member as usize] as usize
    }
}

impl Store for Shared<'_> {
    fn count(&self) -> usize {
        self.accounts.len()
    }

    fn record(&self, member: u32) -> &Record {
        &self.records[self.place(member)]
    }

    fn record_mut(&mut self, member: u32) -> &mut Record {
        let place = self.place(member);
        &mut self.records[place]
    }
}

impl<O: Order> Way for Peers<O> {
    fn new(memberships: u32) -> Self {
        let member = |id| Member { weight: cap(id), cap: cap(id), gap_ms: GAP_MS };
        let mut records: Vec<_> = (0..ACCOUNTS).map(|id| Record::new(&member(id))).collect();
        let campaign = |number| {
            let accounts: Vec<_> = members(number, memberships).collect();
            let shared = Shared { records: &mut records, accounts: &accounts };
            let order = O::new(&Ledger::over(shared));
            Members { accounts, order }
        };
        let campaigns = (0..CAMPAIGNS).map(campaign).collect();
        Self { records, campaigns }
    }

    fn turn(&mut self, campaign: u32, now_ms: u64) -> Option<u32> {
        let Members { accounts, order } = &mut self.campaigns[campaign as usize];
        let mut ledger = Ledger::over(Shared { records: &mut self.records, accounts });
        let member = order.pick(&mut ledger, now_ms)?;
        Some(accounts[member as usize])
    }
}

/// The crate under test.
struct Rota {
    engine: Engine,
    lead: u64,
}

fn at(ms: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(i64::try_from(ms).expect("not that late"))
}

impl Way for Rota {
    /// The cap is in an account's weight already; the operator's share is one.
    fn new(memberships: u32) -> Self {
        let (owner, now) = (OwnerId(1), at(0));
        let mut engine = Engine::new(Config::default());
        for id in 0..ACCOUNTS {
            let account = Account::new(AccountId(id.into()), owner, format!("a{id}@acme.example"))
                .daily_cap(cap(id))
                .spacing(Span::milliseconds(GAP_MS));
            engine.add_account(account, now).expect("a new account");
        }
        for number in 0..CAMPAIGNS {
            let id = CampaignId(number.into());
            engine.add_campaign(Campaign::new(id, owner), now).expect("a new campaign");
            let ids: Vec<_> = members(number, memberships).map(|id| AccountId(id.into())).collect();
            engine.attach(id, &ids, now).expect("all in order");
        }
        Self { engine, lead: 0 }
    }

    fn turn(&mut self, campaign: u32, now_ms: u64) -> Option<u32> {
        let now = at(now_ms);
        let request = Request::new_lead(LeadId(self.lead));
        self.lead += 1;
        let campaign = CampaignId(campaign.into());
        let pick = self.engine.reserve(campaign, &request, now).expect("a good request");
        let granted = pick.reserved()?;
        self.engine.settle(granted.id, Outcome::Sent, now).expect("it is out");
        u32::try_from(granted.account.0).ok()
    }
}

/// A way in the middle of its work.
struct Course<W> {
    way: W,
    campaign: u32,
    /// In parts of a millisecond, as a fixed point number.
    clock: u64,
    step: u64,
}

impl<W: Way> Course<W> {
    const POINT: u32 = 16;

    fn new(memberships: u32) -> Self {
        let asked = (0..ACCOUNTS).map(|id| u64::from(cap(id))).sum::<u64>() * ASKED / 100;
        let step = (DAY << Self::POINT) / asked;
        let mut course = Self { way: W::new(memberships), campaign: 0, clock: 0, step };
        let mut count = Count::new();
        for _ in 0..ROUNDS * ACCOUNTS {
            let account = course.turn();
            assert!(is_in(account, course.campaign, memberships), "{account} is of another");
            count.note(account, course.now());
        }
        course
    }

    fn now(&self) -> u64 {
        self.clock >> Self::POINT
    }

    fn turn(&mut self) -> u32 {
        self.clock += self.step;
        self.campaign = (self.campaign + 1) % CAMPAIGNS;
        let sender = self.way.turn(self.campaign, self.now());
        sender.expect("somebody may send at any time")
    }
}

/// What each account has sent, counted here.
struct Count {
    /// The last send, and how many there were on its day.
    sent: Vec<Option<(u64, u32)>>,
}

impl Count {
    fn new() -> Self {
        Self { sent: vec![None; ACCOUNTS as usize] }
    }

    fn note(&mut self, account: u32, now: u64) {
        let sent = &mut self.sent[account as usize];
        let before = sent.map_or(0, |(last, before)| {
            assert!(now >= last + GAP_MS, "{account} sends at {last} and at {now}");
            if last / DAY == now / DAY { before } else { 0 }
        });
        assert!(before < cap(account), "{account} sends more than its cap");
        *sent = Some((now, before + 1));
    }
}

fn row<W: Way>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, memberships: u32) {
    let mut course = None;
    group.bench_function(BenchmarkId::new(name, memberships), |bench| {
        let course = course.get_or_insert_with(|| Course::<W>::new(memberships));
        bench.iter(|| {
            for _ in 0..TURNS {
                black_box(course.turn());
            }
        });
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group("campaigns");
    group.throughput(Throughput::Elements(TURNS.into()));
    for memberships in [1, 2, 4, 8] {
        row::<Rota>(&mut group, "mailrota", memberships);
        row::<Peers<LazyHeaps>>(&mut group, "heaps", memberships);
        row::<Peers<Asked<Generations>>>(&mut group, "stride", memberships);
    }
    group.finish();
    criterion.final_summary();
}
