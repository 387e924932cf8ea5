//! One door for properties: runs a law over drawn cases, and says how to draw a failing one again.
//!
//! Also the draws that several properties share. Knows nothing of what is promised.

use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;

use mailrota::{Account, Reputation, Weight};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use crate::world::{account, monday};

/// What a law says about one case.
pub(crate) type Verdict = Result<(), TestCaseError>;

/// Checks a law on `cases` drawn cases, or on `PROPTEST_CASES` times as many percent of them. A
/// failure prints the smallest case found and the seed that draws it again.
pub(crate) fn holds<S: Strategy>(cases: u32, strategy: S, law: impl Fn(S::Value) -> Verdict) {
    let seed = number("PROPTEST_RNG_SEED").unwrap_or_else(|| RandomState::new().hash_one(cases));
    let percent = number("PROPTEST_CASES").unwrap_or(100);
    let cases = u64::from(cases).saturating_mul(percent).div_ceil(100);
    let config = Config {
        cases: u32::try_from(cases).unwrap_or(u32::MAX),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(&strategy, law) {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default().to_owned();
        panic!(
            "{error}\ndraw it again: PROPTEST_RNG_SEED={seed} PROPTEST_CASES={percent} cargo test \
             --test it {name}"
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The three numbers that make an account's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strength {
    pub(crate) cap: u32,
    pub(crate) reputation: u8,
    pub(crate) operator: u8,
}

impl Strength {
    /// The weight that follows from them.
    pub(crate) fn weight(self) -> u64 {
        let allowance = u64::from(self.cap.clamp(1, 1_000_000));
        allowance * u64::from(self.reputation) * u64::from(self.operator)
    }

    /// An account with them.
    pub(crate) fn account(self, id: u64) -> Account {
        let reputation = Reputation::new(self.reputation).unwrap();
        account(id)
            .daily_cap(self.cap)
            .reputation(reputation, monday().try_into().unwrap())
            .weight(Weight::new(self.operator).unwrap())
    }
}

/// Strengths of one pool: all alike, of a few sizes, a million to one, or anything.
pub(crate) fn pool(size: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Strength>> {
    proptest::collection::vec(strength(), size)
}

/// One account's strength; a cap that is not used up by a few thousand emails unless it is rarely
/// asked.
pub(crate) fn strength() -> impl Strategy<Value = Strength> {
    let cap = prop_oneof![
        Just(1_000_000),
        Just(1_000),
        1_u32..50,
        1_u32..=1_000_000,
        any::<u32>().prop_map(|cap| cap.max(1)),
    ];
    let operator = prop_oneof![Just(1), Just(100), 1_u8..=100];
    (cap, 81_u8..=100, operator).prop_map(|(cap, reputation, operator)| Strength {
        cap,
        reputation,
        operator,
    })
}
