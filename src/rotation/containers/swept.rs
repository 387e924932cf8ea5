//! Instants in order, of which any may be over at any time, and whoever is over is dropped a little
//! at a time.
//!
//! Entries come nearly in order, and go where they are first. If one that stays for long is first,
//! all that are over behind it would pile up and go in one call: instead, with each that is over
//! behind others, the next few of all are looked at. Knows not what is over.

use crate::rotation::containers::agenda::Agenda;
use crate::rotation::containers::pieces::Pieces;
use crate::vocab::Timestamp;

/// So many are looked at with each that is over. With three, a crowd that is over in no order is
/// gone when its last is.
const AT_A_TIME: usize = 3;

/// Entries by instant, then by what they are about.
#[derive(Clone, Debug)]
pub(crate) struct Swept<T> {
    /// A copy of the first of all.
    first: Option<(Timestamp, T)>,
    /// Those that were looked at in this round; none of the agenda's row is before them.
    seen: Pieces<(Timestamp, T)>,
    agenda: Agenda<T>,
}

impl<T: Copy + Ord> Swept<T> {
    pub(crate) fn push(&mut self, at: Timestamp, about: T) {
        let entry = (at, about);
        if self.first.is_none_or(|first| entry < first) {
            self.first = Some(entry);
        }
        self.agenda.push(at, about);
    }

    /// The first entry.
    #[inline]
    pub(crate) const fn first(&self) -> Option<(Timestamp, T)> {
        self.first
    }

    /// Drops the first entries, up to one that is not over, if the first is. Otherwise some of the
    /// others are looked at.
    #[inline]
    pub(crate) fn drop_over(&mut self, is_over: impl Fn(T) -> bool) {
        if self.first.is_none_or(|(_, about)| !is_over(about)) {
            self.sweep(is_over);
            return;
        }
        while self.first.is_some_and(|(_, about)| is_over(about)) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if self.seen.first().is_some_and(|seen| Some(*seen) == self.first) {
            self.seen.drop_first();
        } else {
            self.agenda.pop();
        }
        self.first = match (self.seen.first(), self.agenda.first()) {
            (Some(seen), Some(entry)) => Some(entry.min(*seen)),
            (seen, entry) => entry.or(seen.copied()),
        };
    }

    #[inline(never)]
    fn sweep(&mut self, is_over: impl Fn(T) -> bool) {
        for _ in 0..AT_A_TIME {
            let Some(entry) = self.agenda.row.pop() else { break };
            if !is_over(entry.1) {
                self.seen.push(entry);
            }
            // What comes now has to find the last of its row.
            if self.agenda.row.is_empty() {
                std::mem::swap(&mut self.seen, &mut self.agenda.row);
            }
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.seen.len() + self.agenda.len()
    }
}

impl<T: Copy + Ord> Default for Swept<T> {
    fn default() -> Self {
        Self { first: None, seen: Pieces::default(), agenda: Agenda::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn t(ms: u64) -> Timestamp {
        Timestamp::from_unix_ms(i64::try_from(ms).unwrap()).unwrap()
    }

    /// Entries come nearly in order and are over in any; the first is that of a plain set.
    #[test]
    fn the_first_is_the_first_that_is_not_over() {
        for seed in 0..40_u64 {
            let mut state = seed;
            let mut draw = |most: u64| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (state >> 33) % most
            };
            let (mut swept, mut plain) = (Swept::default(), BTreeSet::new());
            for step in 0..6_000 {
                let grows = step / 1_000 % 2 == 0;
                if draw(3) < 1 + u64::from(grows) {
                    let at = t(step + if draw(10) == 0 { draw(50) } else { 50 });
                    swept.push(at, step);
                    plain.insert((at, step));
                } else if !plain.is_empty() {
                    let most = if seed % 3 == 0 { 4 } else { u64::MAX };
                    let nth = usize::try_from(draw(most.min(plain.len() as u64))).unwrap();
                    let gone = *plain.iter().nth(nth).unwrap();
                    plain.remove(&gone);
                    let is_over = |about| !plain.iter().any(|(_, standing)| *standing == about);
                    swept.drop_over(is_over);
                }
                assert_eq!(swept.first(), plain.first().copied(), "seed {seed}, step {step}");
            }
        }
    }

    /// One stays first while thousands come and are over, and then a crowd is over in no order.
    #[test]
    fn those_that_are_over_do_not_pile_up_behind_one_that_is_not() {
        let mut swept = Swept::default();
        swept.push(t(0), 0);
        let mut over = BTreeSet::new();
        for n in 1..10_000 {
            swept.push(t(n), n);
            if n > 10 {
                over.insert(n - 7 + n % 3);
                swept.drop_over(|about| over.contains(&about));
            }
            assert!(swept.len() < 100, "{} after {n}", swept.len());
        }
        let mut swept = Swept::default();
        (0..10_000).for_each(|n| swept.push(t(n), n));
        let mut over = BTreeSet::new();
        for n in 1..10_000 {
            // Each once, and the first last.
            over.insert(n * 7_919 % 10_000);
            swept.drop_over(|about| over.contains(&about));
            let standing = 10_000 - over.len();
            assert!(swept.len() <= 2 * standing, "{} for {standing}", swept.len());
        }
        assert_eq!((swept.len(), swept.first()), (1, Some((t(0), 0))));
    }
}
