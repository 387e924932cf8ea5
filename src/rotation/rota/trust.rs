//! Whether an account that was served is likely to be ready again when its turn comes.
//!
//! Then it goes back into the order at once, and otherwise it is put aside until it may send. It
//! comes to the same, but each that comes up too early costs a look at it, and of a crowd that
//! sends at one time all would. Knows a pace and what went wrong lately; decides no answer.

use std::ops::Range;

use crate::vocab::{Span, Timestamp};

/// For how many grants a rota is cautious after somebody came up that was not ready: for more each
/// time, if that happens again soon.
const CAUTION: Range<u8> = 4..128;
const SOON: u32 = 64;

/// The pace is that of so many turns.
const TURNS: u32 = 32;

/// What is expected of those that were served.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// How many of the next that were served are put aside until they are ready.
    cautious: u8,
    /// How many those are when somebody comes up that is not ready.
    caution: u8,
    /// About how many were served: who was not the first may count twice.
    turns: u32,
    /// How many came up after a turn elsewhere, since the pace was known last.
    passed: u32,
    /// How many were served when somebody came up that was not ready.
    caught_at: u32,
    /// When the pace was known last.
    since: Timestamp,
    /// In which time everybody in the order has a turn, at that pace.
    round: Span,
    /// How long the last that was served rests once its email is sent.
    rest: Span,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            cautious: 0,
            caution: CAUTION.start,
            turns: TURNS - 1,
            passed: 0,
            caught_at: 0,
            since: Timestamp::MIN,
            round: Span::ZERO,
            rest: Span::days(365),
        }
    }
}

impl Trust {
    /// Whether one that was served now and rests until then should be put aside.
    #[inline]
    pub(crate) fn doubts(&self, rests_until: Timestamp, now: Timestamp) -> bool {
        self.cautious > 0 || self.is_long(rests_until, now)
    }

    /// Whether a rest until then is longer than everybody's turns take at the present pace.
    #[inline]
    fn is_long(&self, rests_until: Timestamp, now: Timestamp) -> bool {
        rests_until > now.plus(self.round)
    }

    /// Whether one that was served elsewhere and may send from then on should be put aside. Its
    /// email may be out, which mostly ends long before it must; then it rests as others do.
    pub(crate) fn doubts_other(&self, ready_at: Timestamp, now: Timestamp) -> bool {
        self.is_long(ready_at.min(now.plus(self.rest)), now)
    }

    /// Takes in how long one that was served rests.
    pub(crate) fn learn(&mut self, rests_until: Timestamp, now: Timestamp) {
        self.rest = rests_until.since(now);
    }

    /// Takes in that somebody was put aside.
    pub(crate) fn put_aside(&mut self) {
        self.cautious = self.cautious.saturating_sub(1);
    }

    /// Takes in that there was a turn. `others` tells how many have one in a round, if that
    /// matters.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn turn(&mut self, now: Timestamp, others: impl FnOnce() -> Option<usize>) {
        self.turns = self.turns.wrapping_add(1);
        if self.turns % TURNS == 0 {
            self.measure(now, others());
        }
    }

    /// Takes in that somebody came up after a turn elsewhere, and was put back into the order.
    pub(crate) fn pass(&mut self) {
        self.passed = self.passed.saturating_add(1);
    }

    #[cold]
    fn measure(&mut self, now: Timestamp, others: Option<usize>) {
        self.round = match others {
            None => Span::days(365),
            Some(_) if self.since == Timestamp::MIN => Span::ZERO,
            Some(others) => {
                let time = now.since(self.since).as_ms();
                let turns = u64::from(TURNS) + u64::from(self.passed);
                Span::milliseconds(time.saturating_mul(others as u64) / turns)
            }
        };
        (self.since, self.passed) = (now, 0);
    }

    /// Takes in that somebody came up who was not ready.
    pub(crate) fn be_cautious(&mut self) {
        let since = self.turns.wrapping_sub(self.caught_at);
        let again = since < SOON + u32::from(self.caution);
        self.caution =
            if again { CAUTION.end.min(self.caution.saturating_mul(2)) } else { CAUTION.start };
        (self.cautious, self.caught_at) = (self.caution, self.turns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Span::seconds(seconds))
    }

    /// After turns of so many others at a pace of one in so many seconds.
    fn after(trust: &mut Trust, others: usize, from: u64, step: u64) -> Timestamp {
        let mut now = at(from);
        for n in 0..3 * u64::from(TURNS) {
            now = at(from + n * step);
            trust.turn(now, || Some(others));
        }
        now
    }

    #[test]
    fn who_rests_for_longer_than_a_round_takes_is_put_aside() {
        let mut trust = Trust::default();
        assert!(trust.doubts(at(1), at(0)) && !trust.doubts(at(0), at(0)), "nothing is known yet");
        // A thousand have a turn in a thousand times three seconds.
        let now = after(&mut trust, 1_000, 0, 3);
        assert!(!trust.doubts(now.plus(Span::seconds(2_900)), now));
        assert!(trust.doubts(now.plus(Span::seconds(3_100)), now));
        // Everybody at one instant.
        let now = after(&mut trust, 1_000, 10_000, 0);
        assert!(trust.doubts(now.plus(Span::milliseconds(1)), now));
        assert!(!trust.doubts(now, now), "who does not rest is ready");
    }

    #[test]
    fn who_came_up_after_turns_elsewhere_makes_rounds_shorter() {
        let mut trust = Trust::default();
        let mut now = at(0);
        for n in 0..3 * u64::from(TURNS) {
            now = at(3 * n);
            (0..9).for_each(|_| trust.pass());
            trust.turn(now, || Some(1_000));
        }
        assert!(!trust.doubts(now.plus(Span::seconds(290)), now));
        assert!(trust.doubts(now.plus(Span::seconds(310)), now));
    }

    #[test]
    fn who_was_served_elsewhere_rests_like_others_once_its_email_is_sent() {
        let mut trust = Trust::default();
        let now = after(&mut trust, 1_000, 0, 3);
        let lapse = now.plus(Span::hours(1));
        assert!(trust.doubts_other(lapse, now), "nobody is known to rest");
        trust.learn(now.plus(Span::minutes(10)), now);
        assert!(!trust.doubts_other(lapse, now));
        trust.learn(now.plus(Span::minutes(55)), now);
        assert!(trust.doubts_other(lapse, now) && !trust.doubts_other(now, now));
    }

    #[test]
    fn where_all_are_gone_through_nobody_is_put_aside() {
        let mut trust = Trust::default();
        trust.turn(at(0), || None);
        assert!(!trust.doubts(at(86_400), at(0)));
    }

    /// The more, the sooner it happens again.
    #[test]
    fn who_comes_up_too_early_has_the_next_put_aside() {
        let mut trust = Trust::default();
        let mut now = after(&mut trust, 1_000, 0, 10);
        let mut aside = |trust: &mut Trust, quiet: u32| {
            for _ in 0..quiet {
                now = now.plus(Span::seconds(10));
                trust.turn(now, || Some(1_000));
            }
            trust.be_cautious();
            let mut count = 0;
            while trust.doubts(now, now) {
                trust.put_aside();
                count += 1;
            }
            count
        };
        assert_eq!(aside(&mut trust, 0), 4);
        assert_eq!(
            [8, 16, 32, 64, 128, 128].map(|_| aside(&mut trust, 3)),
            [8, 16, 32, 64, 128, 128]
        );
        assert_eq!(aside(&mut trust, 1_000), 4);
    }
}
