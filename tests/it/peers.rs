//! The rules that the crate is measured against are what they are called, and keep caps and gaps.
//!
//! A peer that picks wrongly, or that refuses too early, would make the comparison worthless.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::{prop_assert, prop_assert_eq};

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Lineup, Outcome, OwnerId,
    Request, Span, Timestamp,
};

use crate::strategies::{Verdict, holds};

#[path = "../../benches/peers/mod.rs"]
mod rules;

use rules::alias::Alias;
use rules::edf::Edf;
use rules::fwrr::Fwrr;
use rules::heaps::Heaps;
use rules::lvs::Lvs;
use rules::queues::Queues;
use rules::smooth::Smooth;
use rules::stride::Stride;
use rules::weighted_rs::WeightedRs;
use rules::{DAY, Member, Peer};

type Make = fn(&[Member]) -> Box<dyn Peer>;

const QUEUES: Make = |members| Box::new(Queues::new(members));
const HEAPS: Make = |members| Box::new(Heaps::new(members));
const SMOOTH: Make = |members| Box::new(Smooth::new(members));
const LVS: Make = |members| Box::new(Lvs::new(members));
const EDF: Make = |members| Box::new(Edf::new(members));
const STRIDE: Make = |members| Box::new(Stride::new(members));
const ALIAS: Make = |members| Box::new(Alias::new(members));
const FWRR: Make = |members| Box::new(Fwrr::new(members));
const WEIGHTED_RS: Make = |members| Box::new(WeightedRs::new(members));

const ALL: [(&str, Make); 9] = [
    ("queues", QUEUES),
    ("heaps", HEAPS),
    ("smooth", SMOOTH),
    ("lvs", LVS),
    ("edf", EDF),
    ("stride", STRIDE),
    ("alias", ALIAS),
    ("fwrr", FWRR),
    ("weighted-rs", WEIGHTED_RS),
];

fn unlimited(weights: &[u32]) -> Vec<Member> {
    weights.iter().map(|weight| Member { weight: *weight, cap: u32::MAX, gap_ms: 0 }).collect()
}

/// The first picks as letters.
fn picks(peer: &mut dyn Peer, count: usize) -> String {
    let letter = |member: u32| char::from(b'a' + u8::try_from(member).unwrap());
    (0..count).map(|_| letter(peer.pick(0).unwrap())).collect()
}

/// Deadlines below are in parts of a turn of weight 1.
#[test]
fn without_caps_each_rule_gives_its_known_sequence() {
    for (name, make, weights, expected) in [
        // a is due at 1/5, 2/5, … and at 1 goes before b and c, being the first by number.
        ("queues", QUEUES, [5, 1, 1], "aaaaabcaaaaabc"),
        // 1/4 a, 1/3 b, 1/2 a c, 2/3 b, 3/4 a, 1 a b c.
        ("queues", QUEUES, [4, 3, 2], "abacbaabc"),
        ("heaps", HEAPS, [5, 1, 1], "aaaaabcaaaaabc"),
        ("heaps", HEAPS, [4, 3, 2], "abacbaabc"),
        // The example in the change that brought the rule to nginx.
        ("smooth", SMOOTH, [5, 1, 1], "aabacaaaabacaa"),
        // The example in the rule's description is the second; level 4: a, 3: ab, 2 and 1: abc.
        ("lvs", LVS, [5, 1, 1], "aaaaabcaaaaabc"),
        ("lvs", LVS, [4, 3, 2], "aababcabcaababcabc"),
        ("weighted-rs", WEIGHTED_RS, [5, 1, 1], "aaaaabcaaaaabc"),
        ("weighted-rs", WEIGHTED_RS, [4, 3, 2], "aababcabcaababcabc"),
        // At 1, b and c go before a, whose deadline was set after theirs; at 2 they do not, because
        // they set theirs at 1, before a was at 9/5.
        ("edf", EDF, [5, 1, 1], "aaaabcaaaaabca"),
        // 1/4 a, 1/3 b, 1/2 c (set first) a, 2/3 b, 3/4 a, 1 in the order of setting: c b a.
        ("edf", EDF, [4, 3, 2], "abcabacba"),
        // In units of a fifth: a is never skipped. In generation g, b is at g + 2.5 and c at g + 5
        // less a little, each modulo 5, and picked only from 4 on: c at once, b two generations
        // later; c at g = 4 is short by the little, and has its turn at 5.
        ("stride", STRIDE, [5, 1, 1], "acaabaaacaabaa"),
        // A window of 7. a enters first and is placed 7/5 further on each time: 8, 9, 11 (with
        // what was left over), 12, 14. Position 10 is a hole, which b fills; 14 is beyond the
        // window, so that c has the last.
        ("fwrr", FWRR, [5, 1, 1], "aaabaacaaabaac"),
    ] {
        let mut peer = make(&unlimited(&weights));
        assert_eq!(picks(&mut *peer, expected.len()), expected, "{name} with {weights:?}");
    }
}

#[test]
fn every_share_follows_its_weight() {
    let weights = [50, 40, 30, 20, 10];
    for (name, make) in ALL {
        let mut peer = make(&unlimited(&weights));
        let mut counts = [0_u32; 5];
        for _ in 0..15_000 {
            counts[peer.pick(0).unwrap() as usize] += 1;
        }
        for (weight, count) in weights.into_iter().zip(counts) {
            let off = count.abs_diff(weight * 100);
            assert!(off <= 150, "{name}: {counts:?} of 15,000 for {weights:?}");
        }
    }
}

#[test]
fn a_new_weight_counts() {
    for (name, make) in ALL {
        let mut peer = make(&unlimited(&[10, 10, 10]));
        picks(&mut *peer, 10);
        for weight in [20, 5, 40] {
            peer.set_weight(1, weight);
        }
        let of_b = picks(&mut *peer, 6_000).matches('b').count();
        assert!(of_b.abs_diff(4_000) <= 120, "{name}: {of_b} of 6,000, and 4,000 are due");
    }
}

/// Before the first pick it is as if the last weight had been the only one.
#[test]
fn a_weight_that_was_changed_leaves_nothing_behind() {
    for (name, make, expected) in [
        ("queues", QUEUES, "aaaaabcaaaaabc"),
        ("heaps", HEAPS, "aaaaabcaaaaabc"),
        ("smooth", SMOOTH, "aabacaaaabacaa"),
        ("stride", STRIDE, "acaabaaacaabaa"),
        ("fwrr", FWRR, "aaabaacaaabaac"),
    ] {
        let mut peer = make(&unlimited(&[1, 1, 1]));
        for weight in [9, 1, 7, 5] {
            peer.set_weight(0, weight);
        }
        assert_eq!(picks(&mut *peer, expected.len()), expected, "{name}");
    }
}

/// What was sent, as a list that is gone through for each question.
struct Naive<'a> {
    members: &'a [Member],
    sent: Vec<Vec<u64>>,
}

impl Naive<'_> {
    /// From when on a member may send if nothing else happens.
    fn free_at(&self, member: usize, now: u64) -> u64 {
        let Member { cap, gap_ms, .. } = self.members[member];
        let rested = self.sent[member].last().map_or(0, |last| last + gap_ms).max(now);
        let on_that_day = self.sent[member].iter().filter(|at| **at / DAY == rested / DAY).count();
        if on_that_day < cap as usize { rested } else { (rested / DAY + 1) * DAY }
    }

    fn first(&self, now: u64) -> u64 {
        (0..self.members.len()).map(|member| self.free_at(member, now)).min().unwrap()
    }
}

/// What happens before a pick.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Weigh(Index, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let weight = prop_oneof![1..=100_u32, Just(1_000_000_u32), Just(1_u32)];
    prop_oneof![
        6 => Just(Step::Pass(0)),
        4 => (1..400_000_u64).prop_map(Step::Pass),
        1 => (1..2 * DAY).prop_map(Step::Pass),
        1 => (any::<Index>(), weight).prop_map(|(i, w)| Step::Weigh(i, w)),
    ]
}

fn member() -> impl Strategy<Value = Member> {
    let weight = prop_oneof![1..=100_u32, Just(1_000_000_u32), Just(1_u32)];
    let gap = prop_oneof![Just(0_u64), Just(1_u64), 1..900_000_u64, Just(DAY + 7)];
    (weight, 1..6_u32, gap).prop_map(|(weight, cap, gap_ms)| Member { weight, cap, gap_ms })
}

fn keeps(name: &str, make: Make, members: &[Member], steps: &[Step]) -> Verdict {
    let mut peer = make(members);
    let mut naive = Naive { members, sent: vec![Vec::new(); members.len()] };
    let mut per_day: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    let mut now = DAY - 300_000;
    for step in steps {
        match step {
            Step::Pass(pause) => now += pause,
            Step::Weigh(member, weight) => {
                let member = u32::try_from(member.index(members.len())).unwrap();
                peer.set_weight(member, *weight);
            }
        }
        let Some(picked) = peer.pick(now) else {
            let first = naive.first(now);
            prop_assert!(first > now, "{name} finds nobody at {now}, and somebody may");
            prop_assert_eq!(peer.next_at(now), first, "{}", name);
            now = first;
            continue;
        };
        let at = picked as usize;
        prop_assert!(naive.free_at(at, now) == now, "{name} picks {picked} at {now} too early");
        let count = per_day.entry((picked, now / DAY)).or_default();
        *count += 1;
        prop_assert!(*count <= members[at].cap, "{name} picks {picked} too often");
        naive.sent[at].push(now);
    }
    Ok(())
}

#[test]
fn every_rule_keeps_caps_and_gaps_and_misses_nobody() {
    holds(100, (vec(member(), 1..8), vec(step(), 1..200)), |(members, steps)| {
        ALL.into_iter().try_for_each(|(name, make)| keeps(name, make, &members, &steps))
    });
}

/// The rotation of the crate alone, as the benches run it.
struct Alone(Lineup);

fn instant(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(ms).unwrap()).unwrap()
}

impl Alone {
    fn new(members: &[Member]) -> Self {
        let mut lineup = Lineup::new();
        for Member { weight, cap, gap_ms } in members {
            lineup.add(*weight, *cap, Span::milliseconds(*gap_ms));
        }
        Self(lineup)
    }
}

impl Peer for Alone {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        self.0.pick(instant(now_ms)).ok()
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.0.set_weight(member, weight);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        let until = self.0.pick(instant(now_ms)).expect_err("nobody may now");
        u64::try_from(until.unix_ms()).unwrap()
    }
}

const ALONE: Make = |members| Box::new(Alone::new(members));

#[test]
fn the_rotation_alone_is_eligible_earliest_deadline() {
    for (weights, expected) in [
        (vec![5, 1, 1], "abaacaaabaacaa"),
        (vec![50, 40, 30, 20, 10], "abcabdacbacdabe"),
        ([vec![100], vec![10; 10]].concat(), "abacadaeafagahaiajakab"),
    ] {
        let mut peer = Alone::new(&unlimited(&weights));
        assert_eq!(picks(&mut peer, expected.len()), expected, "{weights:?}");
    }
}

#[test]
fn the_rotation_alone_keeps_caps_and_gaps_and_misses_nobody() {
    holds(200, (vec(member(), 1..8), vec(step(), 1..200)), |(members, steps)| {
        keeps("mailrota", ALONE, &members, &steps)
    });
    holds(10, (vec(member(), 30..60), vec(step(), 1..500)), |(members, steps)| {
        keeps("mailrota", ALONE, &members, &steps)
    });
}

/// The engine with one campaign: an account's weight is its cap.
fn engine_of(members: &[Member]) -> Engine {
    let (owner, now) = (OwnerId(1), DateTime::UNIX_EPOCH);
    let mut engine = Engine::new(Config::default());
    engine.add_campaign(Campaign::new(CampaignId(1), owner), now).unwrap();
    let ids: Vec<_> = (0..).zip(members).map(|(id, _)| AccountId(id)).collect();
    for (id, member) in ids.iter().zip(members) {
        let account = Account::new(*id, owner, format!("a{id}@acme.example"));
        let account = account.daily_cap(member.cap).spacing(Span::milliseconds(member.gap_ms));
        engine.add_account(account, now).unwrap();
    }
    engine.attach(CampaignId(1), &ids, now).unwrap();
    engine
}

/// What the engine answers to a turn: an account, or until when to wait.
fn turn(engine: &mut Engine, lead: u64, now: DateTime<Utc>) -> Result<u64, Option<DateTime<Utc>>> {
    let pick = engine.reserve(CampaignId(1), &Request::new_lead(LeadId(lead)), now).unwrap();
    let Some(granted) = pick.reserved() else { return Err(pick.until()) };
    engine.settle(granted.id, Outcome::Sent, now).unwrap();
    Ok(granted.account.0)
}

fn same_sequence(members: &[Member], pauses: &[u64]) -> Verdict {
    let mut engine = engine_of(members);
    let mut lineup = Lineup::new();
    for Member { cap, gap_ms, .. } in members {
        lineup.add(*cap, *cap, Span::milliseconds(*gap_ms));
    }
    let mut now = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(86_100_000);
    for (lead, pause) in (0..).zip(pauses) {
        now += TimeDelta::milliseconds(i64::try_from(*pause).unwrap());
        let ours = lineup.pick(Timestamp::try_from(now).unwrap());
        let ours = ours.map(u64::from).map_err(|until| Some(until.to_datetime()));
        prop_assert_eq!(ours, turn(&mut engine, lead, now), "turn {} at {}", lead, now);
        if let Err(Some(until)) = ours {
            now = until;
        }
    }
    Ok(())
}

/// What the benches time as the pick has an order of its own, and the engine's rules: it gives the
/// same sequence.
#[test]
fn the_rotation_alone_gives_the_engines_sequence() {
    let gap = || prop_oneof![Just(0_u64), Just(600_000_u64), 1..900_000_u64, Just(DAY + 7)];
    let member = (1..9_u32, gap());
    let member = member.prop_map(|(cap, gap_ms)| Member { weight: cap, cap, gap_ms });
    let pause = || prop_oneof![6 => Just(0_u64), 4 => 1..400_000_u64, 1 => 1..2 * DAY];
    let few = vec(member.clone(), 1..8);
    holds(60, (few, vec(pause(), 1..200)), |(members, pauses)| same_sequence(&members, &pauses));
    let many = vec(member, 17..60);
    holds(20, (many, vec(pause(), 1..600)), |(members, pauses)| same_sequence(&members, &pauses));
}
