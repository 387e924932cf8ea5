//! What a lineup promises: exact share, caps, and no answer that is none, for any input.
//!
//! Its gaps and waits are asked beside the alternatives, in `peers.rs`.

use mailrota::{AccountId, Lineup, Span, Timestamp};
use proptest::collection::vec;
use proptest::prelude::prop_oneof;

use crate::promise_share::Tally;
use crate::strategies::holds;

/// > Every count is strictly within one send of its exact share over every prefix, for any weights.
///
/// Of few members and of many, in few weights and in any.
#[test]
fn exact_share_of_a_lineup() {
    let weight = || prop_oneof![1..=9_u32, 1..=u32::MAX];
    let members = prop_oneof![vec(1..=9_u32, 1..=100), vec(weight(), 1..=100)];
    holds(60, (members, 1..2_000), |(weights, n)| {
        let mut lineup = Lineup::new();
        for weight in &weights {
            lineup.add(*weight, u32::MAX, Span::ZERO);
        }
        let ids = (0..).map(AccountId);
        let mut tally = Tally::new(ids.zip(weights.iter().copied().map(u64::from)));
        for _ in 0..n {
            tally.count(AccountId(lineup.pick(Timestamp::EPOCH).unwrap().into()), 1)?;
        }
        tally.close(1)
    });
}

/// A cap is reached, and the next day begins before the next pick.
#[test]
fn who_joins_a_lineup_beside_one_that_is_about_to_leave_is_not_put_off() {
    let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
    let mut lineup = Lineup::new();
    let [light, heavy] = [(1, 1_000), (1_000, 500)]
        .map(|(weight, cap)| lineup.add(weight, cap, Span::milliseconds(1)));
    // The light one's next turn is a thousand sends of the heavy one away.
    assert_eq!([0, 0].map(|ms| lineup.pick(at(ms))), [Ok(heavy), Ok(light)]);
    assert!((1..500).all(|ms| lineup.pick(at(ms)) == Ok(heavy)));
    let joined = lineup.add(30, 1_000, Span::ZERO);
    let next_day = (86_400_000..86_400_200).map(|ms| lineup.pick(at(ms)));
    let turns = next_day.filter(|picked| *picked == Ok(joined)).count();
    assert!((5..=7).contains(&turns), "{turns} of 200 for 30 of 1,031");
}

/// The first day that there is has an end, and a member's cap holds until then.
#[test]
fn a_member_of_a_lineup_keeps_its_cap_at_the_first_instant() {
    let mut lineup = Lineup::new();
    lineup.add(1, 2, Span::ZERO);
    let (first, next) = (Timestamp::MIN, Timestamp::MIN.plus(Span::milliseconds(1)));
    assert_eq!(lineup.pick(first), Ok(0));
    assert_eq!(lineup.pick(next), Ok(0));
    let until = lineup.pick(next).unwrap_err();
    assert!(next < until && until <= first.plus(Span::days(1)), "{until}");
    assert_eq!(lineup.pick(until), Ok(0));
}

/// At the last instant that there is, and the one before, too.
#[test]
fn a_member_of_a_lineup_without_a_cap_is_never_picked() {
    let before = Timestamp::MAX.minus(Span::milliseconds(1));
    for members in [1, 40] {
        let mut lineup = Lineup::new();
        for _ in 0..members {
            lineup.add(1, 0, Span::ZERO);
        }
        for now in [Timestamp::MIN, Timestamp::EPOCH, before, Timestamp::MAX, Timestamp::MAX] {
            assert_eq!(lineup.pick(now), Err(Timestamp::MAX), "one of {members} at {now}");
        }
    }
}

/// From the largest weight to the least and back, places stay where sums do not overflow; among few
/// members and among many.
#[test]
fn a_member_of_a_lineup_can_go_from_any_weight_to_any() {
    for others in [1, 20] {
        let mut lineup = Lineup::new();
        lineup.add(u32::MAX, u32::MAX, Span::hours(1));
        for _ in 0..others {
            lineup.add(1, u32::MAX, Span::ZERO);
        }
        let mut now = Timestamp::EPOCH;
        for weight in [1, u32::MAX, 1, 2, u32::MAX, u32::MAX - 1, 1] {
            for _ in 0..4 * others {
                lineup.pick(now).unwrap();
            }
            lineup.set_weight(0, weight);
            for _ in 0..4 * others {
                lineup.pick(now).unwrap();
            }
            now = now.plus(Span::hours(1));
            lineup.pick(now).unwrap();
        }
    }
}
