//! Accounts of one campaign that are attached and take no part: when the first of them may send,
//! and in which order they come back.
//!
//! They come back by number and a few at a time. At midnight many of them may at once, and none
//! of them is looked at before it is its turn to come back. Knows instants and numbers, not why
//! an account is away; who takes one out checks whether it still stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::rotation::containers::agenda::Agenda;
use crate::rotation::turns::standing::Member;
use crate::vocab::Timestamp;

/// Up to so many of one instant join those of other instants, one by one.
const FEW: usize = 64;

/// Who takes no part.
#[derive(Clone, Debug)]
pub(crate) struct Absent {
    /// By when they may send at the earliest. Entries that no longer stand are dropped when they
    /// come up.
    pub(crate) ready: Agenda<Member>,
    /// Those that are away, by when they may be back.
    away: BTreeMap<Timestamp, BTreeSet<Member>>,
    /// Many that were away until one instant, which has come.
    due: Vec<BTreeSet<Member>>,
    /// Those that may come back, as far as is known.
    coming: BTreeSet<Member>,
    /// Nobody may come back before.
    quiet_until: Timestamp,
}

impl Default for Absent {
    fn default() -> Self {
        Self {
            ready: Agenda::default(),
            away: BTreeMap::new(),
            due: Vec::new(),
            coming: BTreeSet::new(),
            quiet_until: Timestamp::MAX,
        }
    }
}

impl Absent {
    /// Takes an account in that may come back at `back_at`, which may be past.
    pub(crate) fn add(&mut self, member: Member, back_at: Timestamp) {
        self.quiet_until = self.quiet_until.min(back_at);
        if back_at == Timestamp::MIN {
            self.coming.insert(member);
        } else {
            self.away.entry(back_at).or_default().insert(member);
        }
    }

    /// Takes an account out that was taken in with that instant.
    pub(crate) fn remove(&mut self, member: Member, back_at: Timestamp) {
        self.take_out(member, back_at);
        self.note_first();
    }

    fn take_out(&mut self, member: Member, back_at: Timestamp) {
        if let Some(of) = self.away.get_mut(&back_at) {
            if of.remove(&member) {
                if of.is_empty() {
                    self.away.remove(&back_at);
                }
                return;
            }
        }
        if self.coming.remove(&member) {
            return;
        }
        // There are few of these: each is one instant at which many could come back.
        self.due.retain_mut(|of| {
            of.remove(&member);
            !of.is_empty()
        });
    }

    /// Whether surely nobody may come back now.
    #[inline]
    pub(crate) fn is_quiet(&self, now: Timestamp) -> bool {
        now < self.quiet_until
    }

    fn note_first(&mut self) {
        self.quiet_until = if self.coming.is_empty() && self.due.is_empty() {
            self.away.first_key_value().map_or(Timestamp::MAX, |(back_at, _)| *back_at)
        } else {
            Timestamp::MIN
        };
    }

    /// Takes out the account with the least number among those that may come back, as far as is
    /// known.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Member> {
        let next = self.take_next(now);
        self.note_first();
        next
    }

    fn take_next(&mut self, now: Timestamp) -> Option<Member> {
        while let Some(of) = self.away.first_entry().filter(|of| *of.key() <= now) {
            let mut of = of.remove();
            if of.len() <= FEW {
                self.coming.append(&mut of);
            } else {
                self.due.push(of);
            }
        }
        let least = self.due.iter().enumerate().filter_map(|(n, of)| Some((of.first()?, n))).min();
        match (least, self.coming.first()) {
            (Some((due, n)), coming) if coming.is_none_or(|coming| due < coming) => {
                let member = self.due[n].pop_first();
                if self.due[n].is_empty() {
                    self.due.swap_remove(n);
                }
                member
            }
            _ => self.coming.pop_first(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::containers::table::Slot;
    use crate::vocab::AccountId;

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms).unwrap()
    }

    fn member(n: u32) -> Member {
        (AccountId(u64::from(n)), Slot::from_number(n))
    }

    #[test]
    fn they_come_back_by_number_whenever_they_could() {
        let mut absent = Absent::default();
        let mut seed = 1_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % most
        };
        // When each may come back, if it is in.
        let mut plain: BTreeMap<Member, Timestamp> = BTreeMap::new();
        for step in 0..40_000_i64 {
            let who = member(u32::try_from(draw(400)).unwrap());
            let now = t(step / 100);
            match (draw(4), plain.get(&who).copied()) {
                (0, Some(back_at)) => {
                    absent.remove(who, back_at);
                    plain.remove(&who);
                }
                (1, _) => {
                    let least = plain.iter().find(|(_, back_at)| **back_at <= now);
                    let least = least.map(|(who, _)| *who);
                    assert_eq!(absent.is_quiet(now), least.is_none(), "step {step}");
                    assert_eq!(absent.next(now), least, "step {step}");
                    least.map(|who| plain.remove(&who));
                }
                (_, None) => {
                    let ahead = i64::try_from(draw(3)).unwrap() * 40;
                    let back_at =
                        if ahead == 0 { Timestamp::MIN } else { t(step / 4_000 * 40 + ahead) };
                    absent.add(who, back_at);
                    plain.insert(who, back_at);
                }
                (_, Some(_)) => {}
            }
        }
    }
}
