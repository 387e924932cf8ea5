//! The arithmetic of turns: virtual time in integers, with nothing lost to rounding.
//!
//! A place moves forward by one turn divided by a weight for each email. Knows nothing of accounts
//! or campaigns.

use serde::{Deserialize, Serialize};

use crate::vocab::as_text;

/// One turn of weight 1, in units of virtual time.
///
/// A place grows by one turn per send of an account of weight 1, and by as much less as an account
/// weighs more.
pub(crate) const TURN: i128 = 1 << 96;

/// How far from the origin a place may be, so that sums do not overflow: 2^28 turns, which are 268
/// million sends of the lightest account there can be.
pub(crate) const PLACE_MAX: u128 = 1 << 124;

/// How many bits of a place are left to rounding.
const ROUNDING_BITS: u32 = 32;

/// Places nearer than that may compare as one.
pub(crate) const GRAIN: i128 = 1 << ROUNDING_BITS;

/// The largest weight.
pub(crate) const WEIGHT_MAX: u64 = 10_000_000_000;

/// The most of an allowance that enters a weight.
const ALLOWANCE_MAX: u32 = 1_000_000;

/// What places are compared by. Nearer than a 2^64th of a turn they are one place, so that what
/// rounding left over decides no turn and equals go by their ids.
///
/// Two different places of an account of weight `w` in a campaign of total weight `t` are at least
/// `1 / (w * t)` turns apart, so as long as `w * t` is below 2^64 they compare as the exact
/// fractions would, as for a million accounts of weight 10^6. Each change of a weight or of who
/// takes part may round by a unit. Places that are equal on paper are told apart if a grain ends
/// between them: after `m` such changes with a chance of `m` in 2^32.
#[inline]
pub(crate) const fn grain(at: i128) -> i128 {
    (at + GRAIN / 2) >> ROUNDING_BITS
}

/// The last place that is [compared](grain) as this one.
#[inline]
pub(crate) const fn end_of_grain(at: i128) -> i128 {
    ((at + GRAIN / 2) | (GRAIN - 1)) - GRAIN / 2
}

/// A place and a number, as one number that compares as the [grain] and then the number.
#[inline]
pub(crate) const fn with_number(at: i128, number: u16) -> i128 {
    ((at + GRAIN / 2) & -GRAIN) | number as i128
}

/// An account's weight in the rotation: allowance x reputation x the operator's weight, each at
/// least 1, so at most 10^10. One million accounts stay below 10^16.
pub(crate) fn weight(allowance: u32, reputation: u8, operator: u8) -> u64 {
    u64::from(allowance.clamp(1, ALLOWANCE_MAX))
        * u64::from(reputation.max(1))
        * u64::from(operator.max(1))
}

/// A place in virtual time that moves by fractions of a turn, the remainder carried along: after
/// `k` steps of one weight it stands at exactly `k * TURN / weight`, rounded down once.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub(crate) struct Place {
    at: i128,
    carry: u64,
    divisor: u64,
    /// One turn of the weight that it last moved by, rounded down, which spares a division a step.
    whole: i128,
}

/// A place as it is written down.
#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(with = "as_text")]
    at: i128,
    carry: u64,
    divisor: u64,
}

impl Place {
    /// Where it stands.
    pub(crate) const fn at(self) -> i128 {
        self.at
    }

    pub(crate) const fn is_origin(&self) -> bool {
        self.at == 0
    }

    /// Puts it somewhere else, the remainder dropped.
    pub(crate) const fn jump(&mut self, at: i128) {
        (self.at, self.carry) = (at, 0);
    }

    /// One turn of `weight`, rounded down.
    #[inline]
    pub(crate) const fn turn(&self, weight: u64) -> i128 {
        if self.divisor == weight { self.whole } else { divided(weight) }
    }

    /// The place one turn of `weight` further.
    #[inline]
    pub(crate) const fn next(&self, weight: u64) -> i128 {
        let whole = self.turn(weight);
        let over = self.carried(weight) + rest(whole, weight) >= weight;
        self.at + whole + over as i128
    }

    /// Moves one turn of `weight` forward.
    #[inline]
    pub(crate) const fn forward(&mut self, weight: u64) {
        self.measure(weight);
        let carry = self.carry + rest(self.whole, weight);
        // Whether it is over can hardly be foretold, so that nothing branches.
        let over = carry >= weight;
        self.carry = carry - (weight & (over as u64).wrapping_neg());
        self.at += self.whole + over as i128;
    }

    /// Takes one turn of `weight` back.
    pub(crate) const fn back(&mut self, weight: u64) {
        self.measure(weight);
        self.at -= self.whole;
        let rest = rest(self.whole, weight);
        if self.carry >= rest {
            self.carry -= rest;
        } else {
            self.carry = weight - (rest - self.carry);
            self.at -= 1;
        }
    }

    /// Sees to it that the remainder is one of this weight.
    #[inline]
    const fn measure(&mut self, weight: u64) {
        if self.divisor != weight {
            (self.carry, self.divisor, self.whole) = (0, weight, divided(weight));
        }
    }

    /// The remainder, if it belongs to this weight; below it.
    #[inline]
    const fn carried(&self, weight: u64) -> u64 {
        if self.divisor == weight { self.carry } else { 0 }
    }
}

/// The turns of one weight, one after the other. Whoever walks them keeps what rounding leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stride {
    /// One turn, rounded down.
    whole: i128,
    /// What that leaves, in parts of the weight.
    rest: u64,
    weight: u64,
}

impl Stride {
    pub(crate) const fn of(weight: u64) -> Self {
        let whole = divided(weight);
        Self { whole, rest: rest(whole, weight), weight }
    }

    /// One turn, rounded down.
    #[inline]
    pub(crate) const fn turn(&self) -> i128 {
        self.whole
    }

    pub(crate) const fn weight(&self) -> u64 {
        self.weight
    }

    /// How far the next turn goes. So many in a row go as far as their sum, rounded down once, if
    /// what is carried began with nothing.
    #[inline]
    pub(crate) const fn step(&self, carried: &mut u64) -> i128 {
        let sum = *carried + self.rest;
        let over = sum >= self.weight;
        *carried = sum - (self.weight & (over as u64).wrapping_neg());
        self.whole + over as i128
    }

    /// What was carried a turn before.
    pub(crate) const fn carried_before(&self, carried: u64) -> u64 {
        if carried >= self.rest { carried - self.rest } else { carried + self.weight - self.rest }
    }
}

/// One turn of a weight, rounded down.
#[inline(never)]
const fn divided(weight: u64) -> i128 {
    if weight == 0 { 0 } else { TURN / weight as i128 }
}

/// What rounding leaves of a turn. It is below the weight, and a turn has no lower 64 bits, so that
/// theirs are enough.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as said above")]
const fn rest(whole: i128, weight: u64) -> u64 {
    (TURN as u64).wrapping_sub((whole as u64).wrapping_mul(weight))
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.carry, self.divisor) == (other.at, other.carry, other.divisor)
    }
}

impl Eq for Place {}

impl From<Fields> for Place {
    fn from(Fields { at, carry, divisor }: Fields) -> Self {
        // A remainder is below its weight; another one could only come from a damaged text.
        let carry = carry.min(divisor.saturating_sub(1));
        Self { at, carry, divisor, whole: divided(divisor) }
    }
}

impl From<Place> for Fields {
    fn from(Place { at, carry, divisor, .. }: Place) -> Self {
        Self { at, carry, divisor }
    }
}

/// The place, kept where sums do not overflow. An account that rests while others send may be many
/// of its turns behind, and those of a much smaller weight reach far. It catches up by one turn at
/// most, so that how far it is behind beyond that does not matter.
pub(crate) fn within_reach(place: i128) -> i128 {
    let most = i128::try_from(PLACE_MAX).unwrap_or(i128::MAX);
    place.clamp(-most, most)
}

/// The start that keeps an account as many of its turns before or after `virtual_time` when its
/// weight changes. It may be out of [reach](within_reach).
pub(crate) const fn rescaled(start: i128, virtual_time: i128, old: u64, new: u64) -> i128 {
    let turns = (start - virtual_time).saturating_mul(old as i128);
    virtual_time.saturating_add(turns.div_euclid(new as i128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_steps_lose_nothing() {
        for weight in [1, 3, 7, 999_983, 10_000_000_000] {
            let mut place = Place::default();
            for _ in 0..1_000_000 {
                place.forward(weight);
            }
            assert_eq!(place.at(), 1_000_000 * TURN / i128::from(weight), "weight {weight}");
            for _ in 0..1_000_000 {
                place.back(weight);
            }
            assert_eq!((place.at(), place.carry), (0, 0), "weight {weight}");
        }
    }

    #[test]
    fn strides_go_where_a_place_goes() {
        for weight in [1, 3, 7, 999_983, 10_000_000_000] {
            let (mut place, mut at, mut carried) = (Place::default(), 0, 0);
            let stride = Stride::of(weight);
            for _ in 0..10_000 {
                place.forward(weight);
                let before = carried;
                at += stride.step(&mut carried);
                assert_eq!(stride.carried_before(carried), before);
                assert_eq!((at, carried), (place.at(), place.carry), "weight {weight}");
            }
        }
    }

    #[test]
    fn next_is_where_forward_goes() {
        let mut place = Place::default();
        for weight in [3, 3, 7, 7, 3] {
            let next = place.next(weight);
            place.forward(weight);
            assert_eq!(place.at(), next);
        }
    }

    #[test]
    fn rounding_does_not_tell_places_apart() {
        let third = TURN / 3;
        assert_eq!(grain(third), grain(third + 1));
        assert_eq!(grain(third * 3), grain(TURN));
        // The nearest two of a million accounts of weight 10^6.
        let (w, t) = (1_000_000_i128, 1_000_000_000_000_i128);
        assert!(grain(TURN / w) > grain(TURN / w - TURN / (w * t)));
    }

    /// A turn of a weight is as long as one of the next weight and one of both multiplied. From
    /// wherever they are taken, and however often the weight changes, they end at one place.
    #[test]
    fn ways_that_are_as_long_end_at_one_place() {
        for d in 1..1_000 {
            for weight in 2..100 {
                let mut ends = [Place::default(); 2];
                for end in &mut ends {
                    end.jump(TURN * 7 / d);
                }
                for _ in 0..16 {
                    ends[0].forward(weight);
                    ends[1].forward(weight + 1);
                    ends[1].forward(weight * (weight + 1));
                }
                let [one, other] = ends.map(Place::at);
                assert_eq!(grain(one), grain(other), "from 7/{d}, turns of {weight}");
            }
        }
    }

    #[test]
    fn a_grain_has_an_end_and_places_in_it_go_by_number() {
        let half = GRAIN / 2;
        for at in [-2 * half - 9, -half - 1, -half, -1, 0, 1, half - 1, half, TURN / 3] {
            let end = end_of_grain(at);
            assert!(at <= end && grain(end) == grain(at) && grain(end + 1) == grain(at) + 1);
            for other in [at - half - 9, at - 1, at, at + 1, at + half + 9] {
                for (number, of) in [(0, 1), (1, 0), (7, 7)] {
                    let as_one = with_number(at, number).cmp(&with_number(other, of));
                    assert_eq!(as_one, (grain(at), number).cmp(&(grain(other), of)));
                }
            }
        }
    }

    #[test]
    fn a_weight_is_at_least_one_and_bounded() {
        assert_eq!(weight(50, 95, 1), 4_750);
        assert_eq!(weight(0, 0, 0), 1);
        assert_eq!(weight(u32::MAX, 100, 100), WEIGHT_MAX);
    }

    #[test]
    fn many_turns_of_the_heaviest_are_within_reach_of_the_lightest() {
        for turns in [-3, 3] {
            let start = within_reach(rescaled(turns * TURN, 0, WEIGHT_MAX, 1));
            assert_eq!(start.unsigned_abs(), PLACE_MAX);
            assert_eq!(start.signum(), turns.signum());
        }
    }

    #[test]
    fn a_new_weight_keeps_the_turns_owed() {
        let (now, w, v) = (5 * TURN, 4, 2);
        let half_a_turn_before = now - TURN / 8;
        assert_eq!(rescaled(half_a_turn_before, now, w, v), now - TURN / 4);
    }
}
