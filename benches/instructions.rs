//! Runs many turns of one kind and measures nothing itself: who counts its instructions learns what
//! a turn costs, the same on every run, where a clock on a busy machine tells little.
//!
//! `instructions <kind> <turns>` builds a pool, warms it up and runs the turns. What comes before
//! the turns does not depend on their number, so two runs with different numbers differ by turns
//! alone. `.ci/instructions` does that and compares with `benches/instructions.txt`.

use std::env;
use std::hint::black_box;
use std::mem;
use std::process::ExitCode;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Lineup, Outcome, OwnerId,
    Pick, Request, Schedule, Span, Timestamp, Zone,
};

const OWNER: OwnerId = OwnerId(1);
/// The mean of the accounts' caps, in emails a day.
const CAP_MEAN: u64 = 48;
/// Accounts in one call of attach, and the most calls that there are accounts for.
const ATTACHED: u64 = 1_000;
const ATTACHES_MAX: u64 = 20;

/// A kind of turn, with what builds a pool and runs so many of them.
type Kind = (&'static str, fn(u64));

/// Every kind; `.ci/instructions` names them too.
const KINDS: [Kind; 18] = [
    ("pick/10", |picks| Alone::of(10).run(picks)),
    ("pick/1000", |picks| Alone::of(1_000).run(picks)),
    ("pick/100000", |picks| Alone::of(100_000).run(picks)),
    ("turn/10", |turns| run(Pool::of(10), turns, Pool::spread)),
    ("turn/1000", |turns| run(Pool::of(1_000), turns, Pool::spread)),
    ("turn/100000", |turns| run(Pool::of(100_000), turns, Pool::spread)),
    ("flat-out/10", |turns| run(Pool::drained(10), turns, Pool::flat_out)),
    ("flat-out/1000", |turns| run(Pool::drained(1_000), turns, Pool::flat_out)),
    ("flat-out/100000", |turns| run(Pool::drained(100_000), turns, Pool::flat_out)),
    ("nobody/1000", |turns| run(Pool::drained(1_000), turns, Pool::nobody)),
    ("shared/4", |turns| run(Pool::shared(), turns, Pool::spread)),
    ("overlap/8", |turns| run(Pool::overlapping(), turns, Pool::spread)),
    ("all-in/20", |turns| run(Pool::all_in(20), turns, Pool::spread)),
    ("attach/1000", |turns| run(Pool::to_attach(), turns, Pool::attach)),
    ("change/1000", |turns| run(Pool::of(1_000), turns, Pool::change)),
    ("close/1000", |days| run(Pool::office(1_000), days, Pool::close)),
    ("forecast/100", |emails| Pool::of(100).forecast(emails)),
    ("zone/100", |emails| Pool::abroad(100).forecast(emails)),
];

/// The rotation alone, of the same accounts in the middle of the same work.
struct Alone {
    lineup: Lineup,
    /// In parts of a millisecond, as a fixed point number.
    clock: i64,
    step: i64,
}

impl Alone {
    const POINT: u32 = 16;

    fn of(count: u64) -> Self {
        let mut lineup = Lineup::new();
        for id in 0..count {
            let (cap, spacing) = limits(id, count);
            lineup.add(cap, cap, spacing);
        }
        let each = i64::try_from(count * CAP_MEAN).expect("a few million a day");
        let mut alone = Self { lineup, clock: 0, step: (86_400_000 << Self::POINT) * 3 / 2 / each };
        (0..count).for_each(|_| alone.pick());
        alone
    }

    fn pick(&mut self) {
        self.clock += self.step;
        let now = Timestamp::from_unix_ms(self.clock >> Self::POINT).expect("a few days");
        black_box(self.lineup.pick(now).expect("somebody may send at any time"));
    }

    fn run(mut self, picks: u64) {
        (0..picks).for_each(|_| self.pick());
        mem::forget(self);
    }
}

/// The cap and the spacing of one of so many accounts. About ten share a spacing, so that some come
/// back together and not all at once.
fn limits(id: u64, accounts: u64) -> (u32, Span) {
    let spacings = (accounts / 10).clamp(1, 1_080);
    let cap = u32::try_from(CAP_MEAN - 24 + id * 37 % 49).expect("a small number");
    (cap, Span::seconds(600 + id % spacings * (1_080 / spacings)))
}

/// An engine in the middle of its work.
struct Pool {
    engine: Engine,
    accounts: u64,
    campaigns: u64,
    now: DateTime<Utc>,
    /// Between two emails, if they are spread over the day.
    step: TimeDelta,
    turns: u64,
}

impl Pool {
    /// Accounts with a cap and a spacing each, and campaigns without accounts.
    fn new(accounts: u64, campaigns: u64) -> Self {
        Self::within(Zone::UTC, accounts, campaigns)
    }

    fn within(zone: Zone, accounts: u64, campaigns: u64) -> Self {
        let now = DateTime::UNIX_EPOCH;
        let mut engine = Engine::new(Config::default());
        for id in 0..accounts {
            let (cap, spacing) = limits(id, accounts);
            let account = Account::new(AccountId(id), OWNER, format!("a{id}@acme.example"))
                .daily_cap(cap)
                .spacing(spacing)
                .zone(zone);
            engine.add_account(account, now).expect("a new account");
        }
        for id in 0..campaigns {
            engine.add_campaign(Campaign::new(CampaignId(id), OWNER), now).expect("a new campaign");
        }
        // Emails take two thirds of all caps, so that somebody may send at any time of the day.
        let step = TimeDelta::days(1) * 3 / 2;
        let step = step / i32::try_from(accounts * CAP_MEAN).expect("a few million a day");
        Self { engine, accounts, campaigns, now, step, turns: 0 }
    }

    /// One campaign of everybody, after a round that was spread over the day.
    fn of(accounts: u64) -> Self {
        Self::new(accounts, 1).with_all().warmed(Self::spread)
    }

    /// The same where days begin and end by the table of a zone.
    fn abroad(accounts: u64) -> Self {
        let zone = "Europe/Madrid".parse().expect("a zone");
        Self::within(zone, accounts, 1).with_all().warmed(Self::spread)
    }

    fn with_all(mut self) -> Self {
        let all: Vec<_> = (0..self.accounts).map(AccountId).collect();
        self.engine.attach(CampaignId(0), &all, self.now).expect("all in order");
        self
    }

    /// One campaign of everybody, after a round at one instant: all rest.
    fn drained(accounts: u64) -> Self {
        Self::new(accounts, 1).with_all().warmed(Self::flat_out)
    }

    /// One campaign of everybody, all with one window, which is open; all have sent.
    fn office(accounts: u64) -> Self {
        let mut pool = Self::new(accounts, 1);
        let office = Schedule::working_days("09:00", "17:00").expect("a range of the day");
        for id in 0..accounts {
            let account = pool.engine.account(AccountId(id)).expect("it was added").clone();
            pool.engine.change_account(account.schedule(office.clone()), pool.now).expect("good");
        }
        pool.with_all().warmed(Self::flat_out)
    }

    /// Asks when the window has closed, and sends when it opens again.
    fn close(&mut self) {
        self.now = self.now.duration_trunc(TimeDelta::days(1)).expect("a few years");
        self.now += TimeDelta::hours(17);
        assert!(matches!(self.ask(), Pick::Wait(_)), "the window is closed");
        self.flat_out();
    }

    /// A thousand campaigns of ten accounts, each account in four of them. Two campaigns share at
    /// most three accounts, so that what one account sends is felt far around.
    fn shared() -> Self {
        let (accounts, campaigns) = (2_500, 1_000);
        let mut pool = Self::new(accounts, campaigns);
        for campaign in 0..campaigns {
            // No two differences of these are alike; two are even, as every second number is given
            // to three accounts and the others to two.
            let distances = [0, 1, 30, 101];
            let member = |id: &u64| {
                let first = id * 2 / 5;
                distances.contains(&((campaigns + campaign - first) % campaigns))
            };
            let members: Vec<_> = (0..accounts).filter(member).map(AccountId).collect();
            assert_eq!(members.len(), 10, "campaign {campaign}");
            pool.engine.attach(CampaignId(campaign), &members, pool.now).expect("all in order");
        }
        pool.warmed(Self::spread)
    }

    /// Ten campaigns over ten thousand accounts, each account in eight of them, after four rounds.
    /// Any two campaigns share most of their accounts, so that a send is felt in nearly all.
    fn overlapping() -> Self {
        let (accounts, campaigns) = (10_000, 10);
        let mut pool = Self::new(accounts, campaigns);
        for campaign in 0..campaigns {
            let member = |id: &u64| (campaign + campaigns - id % campaigns) % campaigns < 8;
            let members: Vec<_> = (0..accounts).filter(member).map(AccountId).collect();
            pool.engine.attach(CampaignId(campaign), &members, pool.now).expect("all in order");
        }
        (0..4).fold(pool, |pool, _| pool.warmed(Self::spread))
    }

    /// So many campaigns of the same five thousand accounts, after two rounds. An account that one
    /// of them lets rest mostly rests anew, by a send of another, before it is up.
    fn all_in(campaigns: u64) -> Self {
        let mut pool = Self::new(5_000, campaigns);
        let all: Vec<_> = (0..pool.accounts).map(AccountId).collect();
        for campaign in 0..campaigns {
            pool.engine.attach(CampaignId(campaign), &all, pool.now).expect("all in order");
        }
        (0..2).fold(pool, |pool, _| pool.warmed(Self::spread))
    }

    /// Accounts and campaigns that nobody is attached to yet.
    fn to_attach() -> Self {
        Self::new(ATTACHED * ATTACHES_MAX, ATTACHES_MAX)
    }

    /// After as many turns as there are accounts.
    fn warmed(mut self, turn: fn(&mut Self)) -> Self {
        (0..self.accounts).for_each(|_| turn(&mut self));
        self
    }

    fn ask(&mut self) -> Pick {
        let campaign = CampaignId(self.turns % self.campaigns);
        let request = Request::new_lead(LeadId(self.turns));
        self.engine.reserve(campaign, &request, self.now).expect("a good request")
    }

    /// Reserves and settles; where nobody may, time jumps to when somebody does.
    fn flat_out(&mut self) {
        loop {
            match self.ask() {
                Pick::Reserved(granted) => {
                    self.engine.settle(granted.id, Outcome::Sent, self.now).expect("it is out");
                    self.turns += 1;
                    return;
                }
                Pick::Wait(wait) => self.now = wait.until(),
                answer @ (Pick::Ended(_) | Pick::Unavailable(_)) => {
                    unreachable!("caps free up every day: {answer:?}")
                }
            }
        }
    }

    /// Reserves and settles, one email after another as the day goes by.
    fn spread(&mut self) {
        self.now += self.step;
        let before = self.now;
        self.flat_out();
        assert_eq!(self.now, before, "somebody may send at any time");
    }

    /// Asks while everybody rests.
    fn nobody(&mut self) {
        self.now += TimeDelta::milliseconds(1);
        let answer = self.ask();
        assert!(matches!(answer, Pick::Wait(_)), "{answer:?}");
        self.turns += 1;
    }

    /// Attaches accounts that are in no campaign to one that has none.
    fn attach(&mut self) {
        let first = self.turns * ATTACHED;
        let ids: Vec<_> = (first..first + ATTACHED).map(AccountId).collect();
        let report = self.engine.attach(CampaignId(self.turns), &ids, self.now);
        black_box(report.expect("all in order, and no more than there are"));
        self.turns += 1;
    }

    /// Looks ahead at so many emails.
    fn forecast(self, emails: u64) {
        let found = self.engine.forecast(CampaignId(0), emails, Span::days(30), self.now);
        assert_eq!(found.expect("a good question").emails, emails);
        mem::forget(self);
    }

    /// Changes the cap of one account after another, and so its weight.
    fn change(&mut self) {
        self.now += self.step;
        let id = AccountId(self.turns % self.accounts);
        let account = self.engine.account(id).expect("it was added").clone();
        let cap =
            if account.daily_cap % 2 == 0 { account.daily_cap + 1 } else { account.daily_cap - 1 };
        self.engine.change_account(account.daily_cap(cap), self.now).expect("a good change");
        self.turns += 1;
    }
}

fn run(mut pool: Pool, turns: u64, turn: fn(&mut Pool)) {
    for _ in 0..turns {
        turn(&mut pool);
    }
    // Taking down what the turns left behind is no part of them.
    mem::forget(pool);
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let kinds = KINDS.map(|(name, _)| name).join(", ");
    let usage = format!("usage: instructions <kind> <turns>, with one of {kinds}");
    // Cargo gives `--bench`, and what was meant for the other benches.
    if args.is_empty() || args.iter().any(|arg| arg.starts_with("--")) {
        println!("{usage}");
        return ExitCode::SUCCESS;
    }
    if let [name, turns] = args.as_slice() {
        let kind = KINDS.iter().find(|(kind, _)| kind == name);
        if let (Some((_, run)), Ok(turns)) = (kind, turns.parse()) {
            run(turns);
            return ExitCode::SUCCESS;
        }
    }
    eprintln!("{usage}");
    ExitCode::from(2)
}
