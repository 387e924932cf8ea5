//! Arbitrary bytes as commands that mean something: few accounts, few campaigns, two owners, small
//! numbers, and time that mostly goes by minutes.
//!
//! Knows how to make settings and requests, and nothing of what they should lead to.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, CampaignState, Config, Connection, LeadId, Limit,
    Link, Mode, Outcome, OwnerId, Pace, Percent, Ramp, Reputation, Request, Schedule, Span,
    Timestamp, Warmup, Weight, Zone,
};

/// The most steps of one input.
const STEPS_MAX: usize = 48;

/// A number below `MAX`; 0 where the bytes have run out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Below<const MAX: u64>(pub(crate) u64);

impl<'a, const MAX: u64> Arbitrary<'a> for Below<MAX> {
    fn arbitrary(from: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        from.int_in_range(0..=MAX - 1).map(Self)
    }
}

/// One of six accounts.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct A(Below<6>);

/// One of three campaigns.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct C(Below<3>);

impl A {
    pub(crate) fn id(self) -> AccountId {
        AccountId(self.0.0)
    }
}

impl C {
    pub(crate) fn id(self) -> CampaignId {
        CampaignId(self.0.0)
    }
}

#[derive(Debug)]
pub(crate) struct Input {
    opening: Opening,
    pub(crate) steps: Vec<Step>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(from: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let opening = from.arbitrary()?;
        let mut steps = Vec::new();
        while !from.is_empty() && steps.len() < STEPS_MAX {
            steps.push(from.arbitrary()?);
        }
        Ok(Self { opening, steps })
    }
}

#[derive(Arbitrary, Debug)]
struct Opening {
    config: Settings,
    start: Below<{ 400 * 24 * 60 }>,
    accounts: [AccountShape; 4],
    campaigns: [CampaignShape; 2],
    left_out: [Below<64>; 2],
}

#[derive(Arbitrary, Debug)]
struct Settings {
    ttl: Below<4>,
    grace: bool,
    horizon: bool,
    share: Below<101>,
    seed: u8,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) gap: Gap,
    pub(crate) command: Command,
}

impl<'a> Arbitrary<'a> for Step {
    /// Mostly emails, and mostly at once.
    fn arbitrary(from: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let Below(kind) = from.arbitrary::<Below<16>>()?;
        let gap = if kind % 2 == 0 { Gap::None } else { from.arbitrary()? };
        let command = match kind / 2 {
            0..=2 => Command::Reserve(from.arbitrary()?, from.arbitrary()?),
            3..=4 => Command::Settle(from.arbitrary()?, from.arbitrary()?),
            _ => from.arbitrary()?,
        };
        Ok(Self { gap, command })
    }
}

/// How much later a command comes.
#[derive(Arbitrary, Debug)]
pub(crate) enum Gap {
    None,
    Minutes(u8),
    Milliseconds(u16),
    Hours(Below<60>),
    Days(Below<420>),
    Back(u16),
    /// To the instant of the last wait, or one millisecond before.
    Wait(bool),
}

#[derive(Arbitrary, Debug)]
pub(crate) enum Command {
    AddAccount(A, AccountShape),
    AddCampaign(C, CampaignShape),
    Attach(C, Below<64>, ModeShape),
    Batch(C, [RequestShape; 3]),
    Begin(u8),
    Bind(C, Below<5>, A),
    Cancel(u8),
    ChangeAccount(A, AccountShape),
    ChangeCampaign(C, CampaignShape),
    Connection(A, Below<4>),
    DeleteAccount(A),
    DeleteCampaign(C),
    Detach(C, Below<64>, ModeShape),
    Due(A, i8, Below<8>),
    GiveBack,
    HoldAccount(A, Option<u16>),
    HoldDomain(bool, bool, Option<u16>),
    Look(A, C),
    Replay,
    Reputation(A, Below<101>),
    Reserve(C, RequestShape),
    Restore,
    Settle(u8, OutcomeShape),
    Suspend(A, bool),
    Tick,
    Usage(A, Below<6>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum ModeShape {
    All,
    Dry,
    Each,
}

impl ModeShape {
    pub(crate) fn mode(self) -> Mode {
        match self {
            Self::All => Mode::AllOrNone,
            Self::Dry => Mode::DryRun,
            Self::Each => Mode::EachThatCan,
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum OutcomeShape {
    Deferred,
    Rejected,
    Sent,
    Unknown,
}

impl OutcomeShape {
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Deferred => Outcome::Deferred,
            Self::Rejected => Outcome::Rejected,
            Self::Sent => Outcome::Sent,
            Self::Unknown => Outcome::Unknown,
        }
    }
}

#[derive(Arbitrary, Debug)]
pub(crate) struct RequestShape {
    lead: Below<5>,
    follow_up: bool,
    from: Option<A>,
    excluded: Option<A>,
    key: Option<Below<4>>,
}

impl RequestShape {
    pub(crate) fn request(&self) -> Request {
        let lead = LeadId(self.lead.0);
        let fresh = if self.follow_up { Request::follow_up(lead) } else { Request::new_lead(lead) };
        let fresh = fresh.excluding(self.excluded.map(A::id));
        let fresh = self.from.map_or(fresh.clone(), |from| fresh.from_account(from.id()));
        self.key.map_or(fresh.clone(), |key| fresh.key(key.0.to_string()))
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct AccountShape {
    owner: bool,
    domain: bool,
    cap: Below<8>,
    limits: [Option<(Below<4>, Below<5>)>; 2],
    spacing: Below<4>,
    jitter: bool,
    weight: Below<4>,
    zone: Below<6>,
    window: Below<6>,
    ramp: Below<6>,
    even: bool,
    trouble: Below<24>,
}

/// One zone without changes, and some whose clocks change at odd hours, by odd lengths.
fn zone(of: Below<6>) -> Zone {
    let names = [
        "UTC",
        "Europe/Madrid",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Pacific/Kiritimati",
    ];
    names[of.0 as usize].parse().expect("a zone of the table")
}

fn small(n: u64) -> u32 {
    u32::try_from(n).expect("bounded")
}

fn schedule(of: Below<6>, start: Timestamp) -> Schedule {
    let hours = |from, to| Schedule::working_days(from, to).expect("a range");
    match of.0 {
        0..=2 => Schedule::always(),
        3 => hours("09:00", "17:00").holiday(Zone::UTC.civil_day(start).plus_days(1)),
        4 => hours("22:30", "02:30"),
        _ => Schedule::closed(),
    }
}

impl AccountShape {
    pub(crate) fn account(&self, id: AccountId, start: Timestamp) -> Account {
        let domain = if self.domain { "acme.example" } else { "mail.example" };
        let weight = [1, 1, 7, 0][self.weight.0 as usize];
        let spacing = [0, 0, 1, 90][self.spacing.0 as usize];
        let mut account = Account::new(id, OwnerId(u64::from(self.owner)), format!("a@{domain}"))
            .daily_cap(small((self.cap.0 + 3) % 8))
            .spacing(Span::minutes(spacing))
            .weight(Weight::new(weight).expect("a weight"))
            .zone(zone(self.zone))
            .schedule(schedule(self.window, start))
            .pace(if self.even { Pace::Even } else { Pace::Asap });
        if self.jitter && spacing > 0 {
            account = account.jitter(Span::seconds(50));
        }
        for (max, length) in self.limits.iter().flatten() {
            let length = [1, 60, 24 * 60, 7 * 24 * 60, 31 * 24 * 60][length.0 as usize];
            let max = small(max.0);
            account = account.limit(Limit::rolling(max, Span::minutes(length)).expect("in range"));
        }
        account = match self.ramp.0 {
            0..=2 => account,
            3 => account.ramp(Ramp::table([1, 2, 5]).expect("a table")),
            4 => account.ramp(Ramp::step(1, 2)),
            _ => account.ramp(Ramp::factor(1, 150).expect("a factor")),
        };
        // Most accounts are in order.
        match self.trouble.0 {
            18 => account.suspended(true),
            19 => account.connection(Connection::new(Link::broken("no"), Link::Verified)),
            20 => account.connection(Connection::new(Link::Verified, Link::broken("no"))),
            21 => account.reputation_unknown(),
            22 => account.reputation(Reputation::new(80).expect("in range"), start),
            23 => account.reputation(Reputation::FULL, start),
            16 => account.ramp(Ramp::step(0, 2)),
            17 => account.warmup(Warmup::started(start).blocked("spam")),
            _ => account,
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct CampaignShape {
    owner: bool,
    state: Below<12>,
    zone: Below<6>,
    window: Below<6>,
    cap: Option<Below<8>>,
    new_leads: Option<Below<5>>,
}

impl CampaignShape {
    pub(crate) fn campaign(&self, id: CampaignId, start: Timestamp) -> Campaign {
        let state = match self.state.0 {
            9 => CampaignState::Draft,
            10 => CampaignState::Paused,
            11 => CampaignState::Stopped,
            _ => CampaignState::Active,
        };
        let mut campaign = Campaign::new(id, OwnerId(u64::from(self.owner)))
            .state(state)
            .zone(zone(self.zone))
            .schedule(schedule(self.window, start));
        campaign.daily_cap = self.cap.map(|cap| small(cap.0));
        campaign.new_lead_cap = self.new_leads.map(|cap| small(cap.0));
        campaign
    }
}

impl Input {
    /// Some minute of 2026 or early 2027.
    pub(crate) fn start(&self) -> Timestamp {
        let new_year = Timestamp::from_unix_ms(1_767_225_600_000).expect("in range");
        new_year.plus(Span::minutes(self.opening.start.0))
    }

    /// How far ahead an instant is looked for.
    pub(crate) fn horizon(&self) -> Span {
        Span::days(if self.opening.config.horizon { 3 } else { 40 })
    }

    pub(crate) fn config(&self) -> Config {
        let ttl = [Span::seconds(1), Span::minutes(10), Span::minutes(10), Span::hours(12)];
        let Settings { grace, share, seed, .. } = &self.opening.config;
        Config::default()
            .seed(u64::from(*seed))
            .new_lead_share(Percent::new(u8::try_from(share.0).expect("small")).expect("to 100"))
            .reservation_ttl(ttl[self.opening.config.ttl.0 as usize])
            .and_then(|config| config.gone_grace(Span::hours(if *grace { 2 } else { 0 })))
            .and_then(|config| config.horizon(self.horizon()))
            .and_then(|config| config.lead_memory(Span::days(if seed % 2 == 0 { 400 } else { 1 })))
            .expect("in range")
    }

    /// What there is before the first step, so that short inputs mean something.
    pub(crate) fn opening(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for (id, shape) in (0..).zip(&self.opening.accounts) {
            commands.push(Command::AddAccount(A(Below(id)), shape.clone()));
        }
        for (id, shape) in (0..).zip(&self.opening.campaigns) {
            commands.push(Command::AddCampaign(C(Below(id)), shape.clone()));
        }
        for (id, left_out) in (0..).zip(self.opening.left_out) {
            let accounts = Below(63 - left_out.0);
            commands.push(Command::Attach(C(Below(id)), accounts, ModeShape::Each));
        }
        commands
    }
}
