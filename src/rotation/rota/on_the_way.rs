//! Accounts of one campaign whose email is out, by when they may send again at the earliest.
//!
//! Emails end in any order, and each that does takes its account out at once: where thousands are
//! out until one instant, nothing is left behind that a later call would come upon. Knows instants
//! and numbers, and of each account one entry.

use crate::rotation::containers::heap::{Heap, Key};
use crate::rotation::containers::table::Slot;
use crate::rotation::turns::standing::Member;
use crate::vocab::{AccountId, Span, Timestamp};

/// Accounts by instant, then by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnTheWay {
    /// Rows, of which each account has another, so that no two have the same key.
    rows: Heap,
}

impl OnTheWay {
    /// Adds an account, or moves it to another instant.
    #[inline]
    pub(crate) fn add(&mut self, at: Timestamp, (id, row): Member) {
        let key = Key { rank: at.since(Timestamp::MIN).as_ms(), then: id.0 };
        self.rows.set(row.number(), key, |_, _| false);
    }

    /// Takes an account out, if it is in.
    #[inline]
    pub(crate) fn remove(&mut self, row: Slot) {
        self.rows.remove(row.number(), |_, _| false);
    }

    /// The first account.
    pub(crate) fn first(&self) -> Option<(Timestamp, Member)> {
        let (Key { rank, then }, row) = self.rows.first_entry()?;
        let at = Timestamp::MIN.plus(Span::milliseconds(rank));
        Some((at, (AccountId(then), Slot::from_number(row))))
    }

    /// Takes the first account out if its instant is not later than that.
    pub(crate) fn pop_by(&mut self, now: Timestamp) -> Option<(Timestamp, Member)> {
        let first = self.first().filter(|(at, _)| *at <= now)?;
        self.remove(first.1.1);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_first_is_the_first_that_was_not_taken_out() {
        let mut seed = 1_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % most
        };
        let (mut out, mut plain) = (OnTheWay::default(), BTreeMap::new());
        for step in 0..20_000_i64 {
            let number = u32::try_from(draw(300)).unwrap();
            let (id, row) = (AccountId(u64::from(number) * 77 % 300), Slot::from_number(number));
            let at = Timestamp::from_unix_ms(step / 100 + i64::try_from(draw(9)).unwrap()).unwrap();
            match draw(3) {
                0 => {
                    out.remove(row);
                    plain.remove(&row);
                }
                1 if draw(20) == 0 => {
                    let gone = plain.iter().map(|(row, (at, id))| (*at, (*id, *row))).min();
                    let gone = gone.filter(|(until, _)| *until <= at);
                    assert_eq!(out.pop_by(at), gone, "step {step}");
                    gone.map(|(_, (_, row))| plain.remove(&row));
                }
                _ => {
                    out.add(at, (id, row));
                    plain.insert(row, (at, id));
                }
            }
            let first = plain.iter().map(|(row, (at, id))| (*at, (*id, *row))).min();
            assert_eq!(out.first(), first, "step {step}");
        }
    }
}
