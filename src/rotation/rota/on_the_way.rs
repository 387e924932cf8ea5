//! Accounts of one campaign whose email is out, by when they may send again at the earliest.
//!
//! Emails end in any order, and each that does takes its account out at once: where thousands are
//! out until one instant, nothing is left behind that a later call would come upon. Knows instants
//! and numbers, and of each account one entry.

use crate::rotation::containers::leaves::{Gap, Leaves};
use crate::rotation::turns::standing::Member;
use crate::vocab::Timestamp;

/// Accounts by instant, then by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnTheWay {
    row: Leaves<(Timestamp, Member)>,
}

impl OnTheWay {
    /// Adds an account that is not in.
    #[inline]
    pub(crate) fn add(&mut self, at: Timestamp, member: Member) {
        let entry = (at, member);
        if self.row.last().is_none_or(|last| key(last) < key(&entry)) {
            self.row.push(entry);
        } else {
            let gap = self.gap(&entry);
            self.row.insert(gap, entry);
        }
    }

    /// Takes an account out, if it is in until then.
    #[inline]
    pub(crate) fn remove(&mut self, at: Timestamp, member: Member) {
        if !self.row.is_empty() {
            self.remove_of_some((at, member));
        }
    }

    #[inline(never)]
    fn remove_of_some(&mut self, entry: (Timestamp, Member)) {
        let gap = self.gap(&entry);
        if self.row.behind(gap) == Some(&entry) {
            self.row.remove(gap);
        }
    }

    #[inline(never)]
    fn gap(&self, entry: &(Timestamp, Member)) -> Gap {
        let key_of_entry = key(entry);
        self.row.gap(|other| key(other) < key_of_entry)
    }

    /// The first account.
    pub(crate) fn first(&self) -> Option<(Timestamp, Member)> {
        self.row.first().copied()
    }

    /// Takes the first account out if its instant is not later than that.
    pub(crate) fn pop_by(&mut self, now: Timestamp) -> Option<(Timestamp, Member)> {
        let first = self.first().filter(|(at, _)| *at <= now)?;
        self.row.drop_first();
        Some(first)
    }
}

/// By which they are in order. Each account has one entry.
const fn key((at, (id, _)): &(Timestamp, Member)) -> i128 {
    at.then(id.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rotation::containers::table::Slot;
    use crate::vocab::AccountId;

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
                    // Whoever waits elsewhere until some instant is not in.
                    let until = plain.remove(&row).map_or(at, |(until, _)| until);
                    out.remove(until, (id, row));
                }
                1 if draw(20) == 0 => {
                    let gone = plain.iter().map(|(row, (at, id))| (*at, (*id, *row))).min();
                    let gone = gone.filter(|(until, _)| *until <= at);
                    assert_eq!(out.pop_by(at), gone, "step {step}");
                    gone.map(|(_, (_, row))| plain.remove(&row));
                }
                _ => {
                    if let Some((until, _)) = plain.insert(row, (at, id)) {
                        out.remove(until, (id, row));
                    }
                    out.add(at, (id, row));
                }
            }
            let first = plain.iter().map(|(row, (at, id))| (*at, (*id, *row))).min();
            assert_eq!(out.first(), first, "step {step}");
        }
    }
}
