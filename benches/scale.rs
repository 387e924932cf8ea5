//! What a service of many campaigns costs: the time of a turn and of a wait, and memory.
//!
//! Owners have ten accounts each, in four time zones, and campaigns share them unevenly. A day is
//! simulated: a campaign asks when its wait said, has several emails out at a time, and stops when
//! its share of 60 % of all caps is sent or its accounts are used up. Every send is held against a
//! count kept here: one over a cap, too close to the one before or outside a window is a panic.
//! Memory is what the process has resident, with what its allocator keeps for later, so it is right
//! for large sizes only. Knows nothing of the inside of the engine.
//!
//! `cargo bench --bench scale -- 1000000 100000 24` for a million accounts, a hundred thousand
//! campaigns and 24 hours; by default a tenth of that.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Display;
use std::time::{Duration, Instant};
use std::{env, fs};

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Pick,
    Request, ReservationId, Schedule, Span,
};

/// Monday, 23 November 2026. No clock changes in the months after it.
const START_MS: i64 = 1_795_392_000_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const SPACING_MS: i64 = 600_000;
/// From one email of a campaign to its next.
const STEP_MS: i64 = 1_500;
/// Zones with their minutes from UTC, from which civil days are counted here.
const ZONES: [(&str, i64); 4] =
    [("UTC", 0), ("Europe/Madrid", 60), ("America/New_York", -300), ("Asia/Kolkata", 330)];
/// Whose is each of twenty campaigns: one owner has five, one has three, one two, ten have one.
const OWNERS: [u64; 20] = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const ACCOUNTS_OF_OWNER: u64 = 10;
/// What `/proc/self/statm` tells in pages is told in bytes under this name.
const RESIDENT: &str = "VmRSS:";

/// How much there is of everything.
#[derive(Clone, Copy)]
struct Size {
    accounts: u64,
    campaigns: u64,
    hours: i64,
}

impl Size {
    fn from_args() -> Self {
        let numbers: Vec<u64> = env::args().filter_map(|arg| arg.parse().ok()).collect();
        // `cargo test --benches` only asks whether it runs.
        let accounts = if env::args().any(|arg| arg == "--bench") { 100_000 } else { 1_000 };
        let number = |n: usize, default| numbers.get(n).copied().unwrap_or(default);
        let size = Self {
            accounts: number(0, accounts),
            campaigns: number(1, number(0, accounts) / 10),
            hours: number(2, 24).try_into().expect("a number of hours"),
        };
        let fits = size.campaigns >= 1 && size.accounts >= 10 * size.campaigns;
        assert!(fits && size.hours < 24 * 90, "give 10 accounts a campaign, and less than 90 days");
        size
    }

    /// Sends that each campaign is to make.
    fn share(self) -> u64 {
        let caps: u64 = (0..self.accounts).map(|id| u64::from(cap(id))).sum();
        caps * 6 / 10 / self.campaigns
    }

    fn owner(self, campaign: u64) -> u64 {
        let twenty = OWNERS.len() as u64;
        let first = campaign / twenty * twenty * (self.accounts / ACCOUNTS_OF_OWNER);
        first / self.campaigns + OWNERS[index(campaign % twenty)]
    }

    /// The accounts of a campaign: 5 to 10 of its owner's, from different ones on.
    fn members(self, campaign: u64) -> Vec<AccountId> {
        let place = |n| (campaign * 3 + n) % ACCOUNTS_OF_OWNER;
        let id = |n| AccountId(self.owner(campaign) * ACCOUNTS_OF_OWNER + place(n));
        (0..5 + campaign % 6).map(id).collect()
    }
}

/// From 20 to 60, mixed.
fn cap(account: u64) -> u32 {
    u32::try_from(20 + account * 17 % 41).expect("up to 60")
}

/// The zone of an owner and of all that is the owner's.
fn zone(owner: u64) -> (&'static str, i64) {
    ZONES[index(owner % 4)]
}

/// Whether a campaign sends from 09:00 to 17:00 only; by pairs, so that an owner's differ.
fn has_window(campaign: u64) -> bool {
    campaign / 2 % 2 == 0
}

/// An account's civil day and the minute of it.
fn local(account: u64, at: i64) -> (i64, i64) {
    let at = at + zone(account / ACCOUNTS_OF_OWNER).1 * 60_000;
    (at.div_euclid(DAY_MS), at.rem_euclid(DAY_MS) / 60_000)
}

/// What an account has sent, counted here.
#[derive(Clone, Copy, Default)]
struct Sent {
    last_at: i64,
    day: i64,
    emails: u32,
    is_out: bool,
}

/// How far a campaign is.
#[derive(Clone, Copy)]
struct Course {
    sent: u64,
    out: u64,
    asks_at: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Settle { campaign: u64, account: u64, id: ReservationId },
    Ask { campaign: u64 },
}

#[derive(Default)]
struct Tally {
    turns: u64,
    waits: u64,
    unavailable: u64,
    out_max: u64,
    granting: Duration,
    settling: Duration,
    waiting: Duration,
}

struct Simulation {
    size: Size,
    share: u64,
    engine: Engine,
    sent: Vec<Sent>,
    courses: Vec<Course>,
    agenda: BinaryHeap<Reverse<(i64, Step)>>,
    tally: Tally,
}

impl Simulation {
    fn new(size: Size) -> Self {
        let course = Course { sent: 0, out: 0, asks_at: START_MS };
        let ask = |campaign| Reverse((START_MS, Step::Ask { campaign }));
        Self {
            size,
            share: size.share(),
            engine: Engine::new(Config::default()),
            sent: vec![Sent::default(); index(size.accounts)],
            courses: vec![course; index(size.campaigns)],
            agenda: (0..size.campaigns).map(ask).collect(),
            tally: Tally::default(),
        }
    }

    fn run(&mut self) {
        let end = START_MS + self.size.hours * HOUR_MS;
        while let Some(Reverse((at, step))) = self.agenda.pop() {
            match step {
                Step::Settle { campaign, account, id } => self.settle(campaign, account, id, at),
                Step::Ask { campaign } if at < end => self.ask(campaign, at),
                Step::Ask { .. } => {}
            }
        }
    }

    fn ask(&mut self, campaign: u64, at: i64) {
        let course = &mut self.courses[index(campaign)];
        // An entry that a settlement overtook, or nothing left to send.
        if course.asks_at != at || course.sent == self.share {
            return;
        }
        let request = Request::new_lead(LeadId(course.sent));
        let start = clock();
        let pick = self.engine.reserve(CampaignId(campaign), &request, instant(at));
        let took = start.elapsed();
        let asks_at = match pick.expect("a good request") {
            Pick::Reserved(granted) => {
                self.tally.granting += took;
                (course.sent, course.out) = (course.sent + 1, course.out + 1);
                self.tally.out_max = self.tally.out_max.max(course.out);
                let (account, id) = (granted.account.0, granted.id);
                let later = at + 2_000 + i64::try_from(id.0 % 7).expect("below 7") * 1_000;
                self.agenda.push(Reverse((later, Step::Settle { campaign, account, id })));
                self.granted(campaign, account, at);
                at + STEP_MS
            }
            Pick::Wait(wait) => {
                self.tally.waiting += took;
                self.tally.waits += 1;
                wait.until().timestamp_millis()
            }
            Pick::Unavailable(_) => {
                self.tally.unavailable += 1;
                return;
            }
            Pick::Ended(_) => panic!("no key was given"),
        };
        self.courses[index(campaign)].asks_at = asks_at;
        assert!(asks_at > at, "campaign {campaign} waits at {at} until {asks_at}");
        self.agenda.push(Reverse((asks_at, Step::Ask { campaign })));
    }

    fn granted(&mut self, campaign: u64, account: u64, at: i64) {
        let (day, minute) = local(account, at);
        let sent = &mut self.sent[index(account)];
        let used = if sent.day == day { sent.emails } else { 0 };
        assert!(used < cap(account), "account {account} is at its cap at {at}");
        let rested = !sent.is_out && at >= sent.last_at + SPACING_MS;
        assert!(rested, "account {account} sends at {at} after {}", sent.last_at);
        let open = !has_window(campaign) || (9 * 60..17 * 60).contains(&minute);
        assert!(open, "campaign {campaign} sends at {at}, outside its window");
        sent.is_out = true;
    }

    fn settle(&mut self, campaign: u64, account: u64, id: ReservationId, at: i64) {
        let start = clock();
        let settled = self.engine.settle(id, Outcome::Sent, instant(at));
        self.tally.settling += start.elapsed();
        settled.expect("it is out");
        self.tally.turns += 1;
        let (day, _) = local(account, at);
        let sent = &mut self.sent[index(account)];
        let emails = if sent.day == day { sent.emails + 1 } else { 1 };
        assert!(emails <= cap(account), "account {account} passes its cap at {at}");
        *sent = Sent { last_at: at, day, emails, is_out: false };
        let course = &mut self.courses[index(campaign)];
        course.out -= 1;
        // The wait was reckoned as if all that is out lapsed.
        if course.out == 0 && course.asks_at > at {
            course.asks_at = at;
            self.agenda.push(Reverse((at, Step::Ask { campaign })));
        }
    }

    fn report(&self, wall: Duration) {
        let Self { size, share, tally, .. } = self;
        let done = self.courses.iter().filter(|course| course.sent == *share).count();
        let [reserve, settle] = [tally.granting, tally.settling].map(|time| per(time, tally.turns));
        line("turns", tally.turns, &format!(" of {} in all shares", share * size.campaigns));
        line("shares sent", done, &format!(" of {}, {share} emails each", size.campaigns));
        line("waits", tally.waits, &format!(", unavailable {}", tally.unavailable));
        line("out at a time, at most", tally.out_max, " of one campaign");
        line("wall time", wall.as_millis(), " ms, the bench's own included");
        line("a turn", reserve + settle, &format!(" ns: reserve {reserve}, settle {settle}"));
        line("an answer to wait", per(tally.waiting, tally.waits), " ns");
        let timing = (0..1_000).map(|_| clock().elapsed()).sum();
        line("timing, in each call", per(timing, 1_000), " ns");
    }
}

fn line(name: &str, number: impl Display, rest: &str) {
    println!("{name:<24} {number:>12}{rest}");
}

/// Adds accounts and campaigns and attaches. Says how many attachments that made, and what was
/// resident before and after each.
fn populate(engine: &mut Engine, size: Size) -> (u64, [u64; 4]) {
    let empty = status(RESIDENT);
    for id in 0..size.accounts {
        add_account(engine, id, OwnerId(id / ACCOUNTS_OF_OWNER), START_MS);
    }
    let accounts = status(RESIDENT);
    let (now, mut attachments) = (instant(START_MS), 0);
    let office = Schedule::working_days("09:00", "17:00").expect("a range of the day");
    for id in 0..size.campaigns {
        let owner = size.owner(id);
        let schedule = if has_window(id) { office.clone() } else { Schedule::always() };
        let zone = zone(owner).0.parse().expect("a zone");
        let campaign = Campaign::new(CampaignId(id), OwnerId(owner)).zone(zone).schedule(schedule);
        engine.add_campaign(campaign, now).expect("a new campaign");
    }
    let campaigns = status(RESIDENT);
    for id in 0..size.campaigns {
        let members = size.members(id);
        engine.attach(CampaignId(id), &members, now).expect("all in order");
        attachments += members.len() as u64;
    }
    (attachments, [empty, accounts, campaigns, status(RESIDENT)])
}

fn add_account(engine: &mut Engine, id: u64, owner: OwnerId, at: i64) {
    let account = Account::new(AccountId(id), owner, format!("a{id}@acme.example"))
        .daily_cap(cap(id))
        .spacing(Span::milliseconds(SPACING_MS.unsigned_abs()))
        .zone(zone(owner.0).0.parse().expect("a zone"));
    engine.add_account(account, instant(at)).expect("a new account");
}

/// Tells the time of a look ahead over 30 days for 100 accounts of an owner of their own.
fn forecast(name: &str, engine: &mut Engine, size: Size, at: i64) {
    let (owner, campaign) = (OwnerId(size.accounts), CampaignId(size.campaigns));
    let ids: Vec<_> = (0..100).map(|n| AccountId(size.accounts + n)).collect();
    for id in &ids {
        add_account(engine, id.0, owner, at);
    }
    engine.add_campaign(Campaign::new(campaign, owner), instant(at)).expect("a new campaign");
    engine.attach(campaign, &ids, instant(at)).expect("all in order");
    let start = clock();
    let found = engine.forecast(campaign, 1_000_000, Span::days(30), instant(at));
    let emails = found.expect("a good question").emails;
    line(name, start.elapsed().as_millis(), &format!(" ms for {emails} emails"));
}

/// The times to write an engine of accounts without a history down and to bring it back.
fn snapshots(size: Size) {
    let mut engine = Engine::new(Config::default());
    populate(&mut engine, size);
    let start = clock();
    let snapshot = engine.snapshot();
    line("taken", start.elapsed().as_millis(), " ms");
    let text = serde_json::to_string(&snapshot).expect("it can be written");
    line("taken and written", start.elapsed().as_millis(), " ms");
    line("length", text.len() >> 20, " MiB");
    drop((engine, snapshot));
    let start = clock();
    let snapshot = serde_json::from_str(&text).expect("it can be read");
    line("read", start.elapsed().as_millis(), " ms");
    let again = Engine::restore(snapshot).expect("it is sound");
    line("read and restored", start.elapsed().as_millis(), " ms");
    assert_eq!(again.accounts().count() as u64, size.accounts);
}

fn main() {
    let size = Size::from_args();
    println!("{} accounts, {} campaigns, {} h", size.accounts, size.campaigns, size.hours);
    line("load of the machine", read("/proc/loadavg").trim(), "");
    let mut world = Simulation::new(size);
    let (attachments, [empty, accounts, campaigns, attached]) = populate(&mut world.engine, size);
    let start = clock();
    world.run();
    let wall = start.elapsed();
    let day = status(RESIDENT);

    println!("\nthe day");
    world.report(wall);
    println!("\nmemory: growth of what the process has resident, as the system tells it");
    let row = |name: &str, from: u64, to: u64, count: u64| {
        let grown = to.saturating_sub(from);
        line(name, grown / count.max(1), &format!(" bytes, {} MiB for {count}", grown >> 20));
    };
    row("account, settings alone", empty, accounts, size.accounts);
    row("campaign", accounts, campaigns, size.campaigns);
    row("attachment", campaigns, attached, attachments);
    row("turn remembered", attached, day, world.tally.turns);
    row("account, the whole day", empty, day, size.accounts);
    line("peak", status("VmHWM:") >> 20, " MiB");

    println!("\n30 days ahead for 100 accounts");
    let none = Size { accounts: 0, campaigns: 0, hours: 0 };
    forecast("alone in an engine", &mut Engine::new(Config::default()), none, START_MS);
    let after = START_MS + (size.hours + 1) * HOUR_MS;
    forecast("in this one, after", &mut world.engine, size, after);
    drop(world);

    let accounts = size.accounts.min(100_000);
    let size = Size { accounts, campaigns: accounts / 10, hours: 0 };
    println!("\nsnapshot of {accounts} accounts and {} campaigns, as JSON", size.campaigns);
    snapshots(size);
    line("load of the machine", read("/proc/loadavg").trim(), "");
}

#[expect(clippy::disallowed_methods, reason = "a measurement is of the machine's time")]
fn clock() -> Instant {
    Instant::now()
}

fn instant(unix_ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(unix_ms)
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("as many as memory has room for")
}

fn per(time: Duration, count: u64) -> u128 {
    time.as_nanos() / u128::from(count.max(1))
}

/// A size that the system tells of this process, in bytes; 0 where it tells none.
fn status(name: &str) -> u64 {
    let text = read("/proc/self/status");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
