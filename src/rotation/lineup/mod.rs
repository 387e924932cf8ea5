//! The rotation alone: members with a weight, a cap a day and a gap, and whose turn it is.
//!
//! A few members lie side by side, more stand in the engine's own order; the sequence is the
//! engine's either way. Knows no reservations, keys, leads, windows or reasons.

mod block;
mod lanes;
mod members;
#[cfg(test)]
mod model;

use crate::rotation::lineup::block::{Block, ROOM};
use crate::rotation::lineup::lanes::Many;
use crate::vocab::{Span, Timestamp};

/// A weighted rotation of members for callers that need no reservations: each pick counts as sent.
///
/// ```
/// use mailrota::{Lineup, Span, Timestamp};
///
/// let mut lineup = Lineup::new();
/// for weight in [5, 1, 1] {
///     lineup.add(weight, 100, Span::ZERO);
/// }
/// let now = Timestamp::parse("2026-11-20T09:00:00Z")?;
/// let picks: Vec<_> = (0..7).map_while(|_| lineup.pick(now).ok()).collect();
/// assert_eq!(picks, [0, 1, 0, 0, 2, 0, 0]);
/// # Ok::<(), mailrota::TimeError>(())
/// ```
///
/// Counts follow the weights to within one send, no member exceeds its cap in a day of universal
/// time, and two sends of one member are never closer than its gap. It is made for 2^30 picks of a
/// member of weight 1, a billion, and for as many times more as a member weighs.
#[derive(Clone, Debug)]
pub struct Lineup(Members);

/// The members, by how many there are.
#[derive(Clone, Debug)]
enum Members {
    Few(Box<Block>),
    Many(Box<Many>),
}

impl Lineup {
    /// A rotation without members.
    pub fn new() -> Self {
        Self(Members::Few(Box::new(Block::new())))
    }

    /// Adds a member and returns its number, counted from 0. A weight of 0 counts as 1; `cap` is
    /// the most sends in a day of universal time.
    pub fn add(&mut self, weight: u32, cap: u32, gap: Span) -> u32 {
        let weight = weight.max(1);
        if let Members::Few(block) = &mut self.0 {
            if block.seats().len() < ROOM {
                return block.add(weight.into(), cap, gap);
            }
            self.0 = Members::Many(Box::new(Many::of(block)));
        }
        match &mut self.0 {
            Members::Few(block) => block.add(weight.into(), cap, gap),
            Members::Many(many) => many.add(weight.into(), cap, gap),
        }
    }

    /// Picks a member and counts its send. A `now` before the latest one counts as that.
    ///
    /// # Errors
    /// The least instant at which somebody may send; [`Timestamp::MAX`] if nobody ever may.
    pub fn pick(&mut self, now: Timestamp) -> Result<u32, Timestamp> {
        match &mut self.0 {
            Members::Few(block) => block.pick(now),
            Members::Many(many) => many.pick(now),
        }
    }

    /// Gives a member another weight. It stays as many of its turns before or behind as it was.
    pub fn set_weight(&mut self, member: u32, weight: u32) {
        let weight = weight.max(1);
        match &mut self.0 {
            Members::Few(block) => block.set_weight(member, weight.into()),
            Members::Many(many) => many.set_weight(member, weight.into()),
        }
    }
}

impl Default for Lineup {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::lineup::model::Model;

    /// How many histories there are.
    const SEEDS: u64 = 400;

    #[test]
    fn a_gap_and_a_cap_are_kept_and_waits_end_when_they_say() {
        let (at, day) = (|ms| Timestamp::from_unix_ms(ms).unwrap(), 86_400_000);
        let mut lineup = Lineup::new();
        assert_eq!(lineup.pick(at(0)), Err(Timestamp::MAX));
        lineup.add(1, 2, Span::seconds(1));
        lineup.add(1, 0, Span::seconds(1));
        assert_eq!(lineup.pick(at(0)), Ok(0));
        assert_eq!(lineup.pick(at(0)), Err(at(1_000)));
        assert_eq!(lineup.pick(at(1_000)), Ok(0));
        assert_eq!(lineup.pick(at(3_000)), Err(at(day)));
        assert_eq!(lineup.pick(at(day)), Ok(0));
    }

    /// What may happen in a history, by a draw.
    struct Course {
        members: u64,
        weight_max: u64,
        cap_max: u64,
        gaps: u64,
        gap_ms: u64,
        /// One step in so many is that somebody joins.
        joins: u64,
    }

    /// Members join, send, rest, use up their caps and get other weights, over some days. Those
    /// that lie side by side, those that stand in lanes from the beginning and those that go over
    /// from one to the other are picked as the model says.
    fn is_as_the_model_says(mut seed: u64, steps: u32) {
        let first = seed;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % most
        };
        let mut one_of = |of: &[u64]| of[usize::try_from(draw(of.len() as u64)).unwrap()];
        let course = Course {
            members: one_of(&[8, 16, 20, 60]),
            weight_max: one_of(&[2, 3, 60, 5_000]),
            cap_max: one_of(&[2, 5, 30]),
            gaps: one_of(&[1, 2, 3, 50]),
            gap_ms: one_of(&[1, 3_000, 60_000]),
            joins: one_of(&[2, 40]),
        };
        let lanes = Lineup(Members::Many(Box::new(Many::of(&Block::new()))));
        let (mut lineups, mut model) = ([Lineup::new(), lanes], Model::new());
        let small = |of: u64| u32::try_from(of).unwrap();
        let (mut now, mut members) = (draw(1 << 40), 0);
        for step in 0..steps {
            match draw(40) {
                _ if members < course.members && draw(course.joins) == 0 => {
                    let (weight, cap) = (draw(course.weight_max), draw(course.cap_max));
                    let (weight, cap) = (small(weight), small(cap));
                    let gap = Span::milliseconds(draw(course.gaps) * course.gap_ms);
                    for lineup in &mut lineups {
                        assert_eq!(u64::from(lineup.add(weight, cap, gap)), members);
                    }
                    model.add(weight, cap, gap);
                    members += 1;
                }
                1 => {
                    let (member, weight) = (draw(members + 1), draw(course.weight_max));
                    let (member, weight) = (small(member), small(weight));
                    for lineup in &mut lineups {
                        lineup.set_weight(member, weight);
                    }
                    model.set_weight(member, weight);
                }
                of => {
                    now += if of < 10 { draw(2 * course.gap_ms) } else { 0 };
                    now += if draw(200) == 0 { draw(86_400_000) } else { 0 };
                    let at = Timestamp::from_unix_ms(i64::try_from(now).unwrap()).unwrap();
                    let picked = model.pick(at);
                    let ours = lineups.each_mut().map(|lineup| lineup.pick(at));
                    assert_eq!(ours, [picked, picked], "seed {first}, step {step} at {at}");
                    let until = picked.err().filter(|at| *at < Timestamp::MAX && draw(2) == 0);
                    now += until.map_or(0, |until| until.since(at).as_ms());
                }
            }
        }
    }

    /// They are served so long after their gaps ended that they go behind the others whatever they
    /// do, and then all at once, so that one call finds that half of them rest.
    #[test]
    fn thousands_that_rest_unexpectedly_are_passed_over() {
        const MEMBERS: u64 = 40_000;
        let at = |ms| Timestamp::EPOCH.plus(Span::milliseconds(ms));
        let mut lineup = Lineup::new();
        for number in 0..MEMBERS {
            lineup.add(1, 1_000, Span::seconds(1_000 + number * 7_919 % 38_000));
        }
        // Everybody has a turn in twelve hours; the gaps are up to eleven.
        let step = 43_200_000 / MEMBERS;
        let served = (0..2 * MEMBERS).map(|nth| lineup.pick(at(nth * step)).is_ok());
        assert_eq!(served.filter(|is_served| *is_served).count(), 80_000);
        let now = at(2 * MEMBERS * step);
        let ready = (0..MEMBERS).take_while(|_| lineup.pick(now).is_ok()).count();
        assert!((10_000..30_000).contains(&ready), "{ready} of {MEMBERS} were ready");
        let until = lineup.pick(now).unwrap_err();
        assert!(now < until && lineup.pick(until).is_ok());
    }

    #[test]
    fn few_and_many_members_are_picked_as_the_model_says() {
        (0..SEEDS).for_each(|seed| is_as_the_model_says(seed, 1_500));
    }
}
