//! The words of random histories: what accounts are set to, what somebody does, and their draws.
//!
//! Numbers that are small, so that limits are met, and now and then the largest there are. Knows
//! nothing of engines.

use mailrota::{
    Account, Connection, LeadId, Limit, Link, Outcome, Pace, Ramp, Schedule, Span, Weight, Zone,
};
use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Zones with different days, some of them off by half an hour or with days of odd lengths.
pub(crate) const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Madrid",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Africa/Monrovia",
    "America/St_Johns",
    "Pacific/Apia",
];
/// How many leads there are, few enough that they are met again.
const LEADS: u64 = 12;
/// One thing that an account is set to.
#[derive(Clone, Debug)]
pub(crate) enum Setting {
    Broken(bool),
    Cap(u32),
    Even(bool),
    Jitter(u64),
    Limit(u32, u64),
    NoLimits,
    Office(bool),
    Operator(u8),
    Ramp(u32, u32),
    Spacing(u64),
    Suspended(bool),
    Zone(u8),
}

impl Setting {
    /// The account with it.
    pub(crate) fn on(&self, mut account: Account) -> Account {
        match self {
            Self::Broken(false) => account.connection(Connection::VERIFIED),
            Self::Broken(true) => {
                account.connection(Connection::new(Link::broken("535 no"), Link::Verified))
            }
            Self::Cap(cap) => account.daily_cap(*cap),
            Self::Even(even) => account.pace(if *even { Pace::Even } else { Pace::Asap }),
            Self::Jitter(seconds) => account.jitter(Span::seconds(*seconds)),
            Self::Limit(max, seconds) => {
                account.limits.truncate(2);
                account.limit(Limit::rolling(*max, Span::seconds(*seconds)).unwrap())
            }
            Self::NoLimits => {
                account.limits.clear();
                account
            }
            Self::Office(office) => account.schedule(hours(*office)),
            Self::Operator(weight) => account.weight(Weight::new(*weight).unwrap()),
            Self::Ramp(start, step) => account.ramp(Ramp::step(*start, *step)),
            Self::Spacing(seconds) => account.spacing(Span::seconds(*seconds)),
            Self::Suspended(suspended) => account.suspended(*suspended),
            Self::Zone(zone) => account.zone(zone_of(*zone)),
        }
    }
}

/// Office hours, or always.
pub(crate) fn hours(office: bool) -> Schedule {
    if office { Schedule::working_days("09:00", "17:30").unwrap() } else { Schedule::always() }
}

/// One of a few zones.
pub(crate) fn zone_of(n: u8) -> Zone {
    ZONES[usize::from(n) % ZONES.len()].parse().unwrap()
}

/// Who is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Demand(u8),
    /// All but so many, from one on.
    Except(u8, u8),
    FollowUp,
    NewLead,
}

/// One thing that somebody does. Accounts, campaigns and reservations are taken modulo how many
/// there are.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// In which campaign, for which lead, and under which key if any.
    Ask(u8, How, u64, Option<u8>),
    Attach(u8, u8),
    Begin(u8),
    Bind(u8, u64, u8),
    Campaign(u8, Option<u32>, Option<u32>, bool),
    Cancel(u8),
    Change(u8, Setting),
    /// The wall clock moves by so many milliseconds, backwards too.
    Clock(i64),
    /// Deletes an account, or brings one that was deleted back.
    Delete(u8),
    /// The same for a campaign.
    DeleteCampaign(u8),
    Detach(u8, u8),
    Domain(Option<u32>),
    Due(u8, u32),
    Hold(u8, Option<u32>),
    Import(u8, u32),
    Settle(u8, Outcome),
    /// The wall clock moves to the next instant at which something changes.
    Wake,
    /// A campaign gets office hours or none, and a zone.
    Window(u8, bool, u8),
}

/// The leads of both ends of the numbers.
pub(crate) fn lead_of(n: u64) -> LeadId {
    let lead = n % LEADS;
    LeadId(if lead % 2 == 0 { lead } else { u64::MAX - lead / 2 })
}

/// Any setting.
pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    let max = prop_oneof![20 => 0_u32..6, 1 => Just(u32::MAX)];
    let month = 31 * 86_400;
    let window = prop_oneof![
        Just(60),
        Just(3_600),
        Just(86_400),
        Just(7 * 86_400),
        Just(month),
        1_u64..100_000,
    ];
    prop_oneof![
        1 => any::<bool>().prop_map(Setting::Broken),
        4 => (0_u32..12).prop_map(Setting::Cap),
        1 => Just(Setting::Cap(u32::MAX)),
        1 => any::<bool>().prop_map(Setting::Even),
        1 => prop_oneof![9 => 0_u64..600, 1 => Just(month)].prop_map(Setting::Jitter),
        4 => (max, window).prop_map(|(max, seconds)| Setting::Limit(max, seconds)),
        1 => Just(Setting::NoLimits),
        2 => any::<bool>().prop_map(Setting::Office),
        2 => prop_oneof![Just(0_u8), 0_u8..=100].prop_map(Setting::Operator),
        2 => (0_u32..4, prop_oneof![9 => 0_u32..4, 1 => Just(u32::MAX)])
            .prop_map(|(start, step)| Setting::Ramp(start, step)),
        3 => prop_oneof![4 => Just(0), 4 => 1_u64..4_000, 1 => Just(month)]
            .prop_map(Setting::Spacing),
        1 => any::<bool>().prop_map(Setting::Suspended),
        2 => any::<u8>().prop_map(Setting::Zone),
    ]
}

/// A step of accounts that send and move from zone to zone.
pub(crate) fn step_across_zones() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    prop_oneof![
        6 => (n(), 0_u64..LEADS).prop_map(|(id, lead)| Step::Ask(id, How::NewLead, lead, None)),
        2 => (n(), n()).prop_map(|(id, zone)| Step::Change(id, Setting::Zone(zone))),
        2 => (0_i64..40_000_000).prop_map(Step::Clock),
        3 => n().prop_map(|id| Step::Settle(id, Outcome::Sent)),
    ]
}

/// Any step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    let outcome = prop_oneof![
        3 => Just(Outcome::Sent),
        1 => Just(Outcome::Deferred),
        1 => Just(Outcome::Rejected),
        1 => Just(Outcome::Unknown),
    ];
    let how = prop_oneof![
        8 => Just(How::NewLead),
        2 => Just(How::FollowUp),
        1 => n().prop_map(How::Demand),
        2 => (n(), 1_u8..5).prop_map(|(id, many)| How::Except(id, many)),
    ];
    let clock = prop_oneof![
        0_i64..1_000,
        0_i64..700_000,
        0_i64..90_000_000,
        -10_000_000_i64..0,
        Just(600_000),
        Just(3_600_000),
        Just(86_400_000),
        Just(32 * 86_400_000),
        Just(401 * 86_400_000),
    ];
    let cap = || proptest::option::of(0_u32..8);
    let big = |below: u32| prop_oneof![15 => 0..below, 1 => Just(u32::MAX)];
    prop_oneof![
        24 => (n(), how, 0_u64..LEADS, proptest::option::weighted(0.3, 0_u8..20))
            .prop_map(|(campaign, how, lead, key)| Step::Ask(campaign, how, lead, key)),
        2 => (n(), n()).prop_map(|(campaign, id)| Step::Attach(campaign, id)),
        1 => (n(), 0_u64..LEADS, n())
            .prop_map(|(campaign, lead, id)| Step::Bind(campaign, lead, id)),
        1 => (n(), cap(), cap(), proptest::bool::weighted(0.8))
            .prop_map(|(id, cap, new, active)| Step::Campaign(id, cap, new, active)),
        4 => n().prop_map(Step::Cancel),
        2 => n().prop_map(Step::Begin),
        4 => (n(), setting()).prop_map(|(id, setting)| Step::Change(id, setting)),
        7 => clock.prop_map(Step::Clock),
        1 => n().prop_map(Step::Delete),
        1 => n().prop_map(Step::DeleteCampaign),
        1 => (n(), n()).prop_map(|(campaign, id)| Step::Detach(campaign, id)),
        1 => proptest::option::of(0_u32..3_000).prop_map(Step::Domain),
        1 => (n(), big(12)).prop_map(|(id, due)| Step::Due(id, due)),
        1 => (n(), proptest::option::of(0_u32..3_000))
            .prop_map(|(id, until)| Step::Hold(id, until)),
        1 => (n(), big(5)).prop_map(|(id, emails)| Step::Import(id, emails)),
        8 => (n(), outcome).prop_map(|(id, outcome)| Step::Settle(id, outcome)),
        4 => Just(Step::Wake),
        1 => (n(), any::<bool>(), n())
            .prop_map(|(id, office, zone)| Step::Window(id, office, zone)),
    ]
}
