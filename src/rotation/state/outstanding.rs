//! Reservations that are out, by when they lapse.
//!
//! An account mostly has one, and a campaign as many as are being sent at a time, which may be as
//! many as it has accounts. Nearly all come at the end, and one that ends is mostly among the
//! first. Whoever ends in the middle leaves an entry that counts no longer; those go in one sweep
//! once they are many. Knows no limits and no days.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::vocab::{ReservationId, Timestamp};

/// A reservation that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) id: ReservationId,
    pub(crate) ends_at: Timestamp,
    /// Which send of the account this is, counted from 0.
    pub(crate) number: u64,
    pub(crate) new_lead: bool,
    /// Whether it has ended, and is not swept away yet.
    #[serde(skip)]
    ended: bool,
}

impl Open {
    pub(crate) const fn new(id: ReservationId, ends_at: Timestamp, new_lead: bool) -> Self {
        Self { id, ends_at, number: 0, new_lead, ended: false }
    }

    /// The same as a send of an account, counted from 0.
    pub(crate) const fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    fn key(&self) -> (Timestamp, ReservationId) {
        (self.ends_at, self.id)
    }
}

/// So many ended ones may stand among those that are out before they are looked at.
const ENDED_MIN: usize = 64;

/// Once none is out, room for so many is kept.
const ROOM_KEPT: usize = 64;

/// Those out, by the instant at which they lapse, then by number.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Vec<Open>")]
pub(crate) struct Outstanding {
    /// The first is out, and the last, if there are any.
    entries: Vec<Open>,
    /// How many of the first entries are void.
    void: u32,
    /// How many of the others have ended.
    ended: u32,
}

impl Outstanding {
    /// How many are out.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.void as usize - self.ended as usize
    }

    /// Those out, the first to lapse first.
    #[inline]
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Open> {
        self.standing().iter().filter(|entry| !entry.ended)
    }

    /// The last to lapse.
    #[inline]
    pub(crate) fn last(&self) -> Option<&Open> {
        self.entries.last()
    }

    /// Whether a reservation is out that lapses at an instant.
    pub(crate) fn has(&self, ends_at: Timestamp, id: ReservationId) -> bool {
        self.find(ends_at, id).is_some()
    }

    /// Adds a reservation.
    #[inline]
    pub(crate) fn add(&mut self, open: Open) {
        // Reservations live equally long, so nearly all lapse in the order in which they came.
        if self.entries.last().is_none_or(|last| last.key() < open.key()) {
            if self.entries.len() == self.entries.capacity() {
                self.make_room();
            }
            self.entries.push(open);
        } else {
            let at = self.standing().partition_point(|other| other.key() < open.key());
            self.entries.insert(self.void as usize + at, open);
        }
    }

    /// Takes a reservation out that lapses at an instant; says whether it was there.
    #[inline]
    pub(crate) fn end(&mut self, ends_at: Timestamp, id: ReservationId) -> bool {
        // An account mostly has no other.
        if self.entries.len() == 1 && self.entries[0].key() == (ends_at, id) {
            self.clear();
            return true;
        }
        self.end_of_many(ends_at, id)
    }

    #[inline(never)]
    fn end_of_many(&mut self, ends_at: Timestamp, id: ReservationId) -> bool {
        let Some(at) = self.find(ends_at, id) else { return false };
        self.entries[at].ended = true;
        self.ended += 1;
        while self.entries.last().is_some_and(|last| last.ended) {
            self.entries.pop();
            self.ended -= 1;
            if self.entries.len() == self.void as usize {
                self.clear();
            }
        }
        while self.entries.get(self.void as usize).is_some_and(|first| first.ended) {
            self.void += 1;
            self.ended -= 1;
        }
        if self.ended as usize > self.len() + ENDED_MIN {
            self.sweep();
        }
        true
    }

    fn clear(&mut self) {
        self.void = 0;
        if self.entries.capacity() <= ROOM_KEPT {
            self.entries.clear();
        } else {
            self.entries = Vec::new();
        }
    }

    #[inline(never)]
    fn sweep(&mut self) {
        let mut void = self.void;
        self.entries.retain(|entry| {
            let is_void = void > 0;
            void -= u32::from(is_void);
            !is_void && !entry.ended
        });
        (self.void, self.ended) = (0, 0);
    }

    /// Where a reservation is that is out.
    #[inline]
    fn find(&self, ends_at: Timestamp, id: ReservationId) -> Option<usize> {
        let standing = self.standing();
        // Mostly it is the first.
        let at = match standing.first() {
            Some(first) if first.id == id => 0,
            _ => standing.partition_point(|entry| entry.key() < (ends_at, id)),
        };
        let found = standing.get(at).filter(|entry| entry.key() == (ends_at, id));
        found.filter(|entry| !entry.ended).map(|_| self.void as usize + at)
    }

    #[inline]
    fn standing(&self) -> &[Open] {
        self.entries.get(self.void as usize..).unwrap_or_default()
    }

    #[cold]
    fn make_room(&mut self) {
        if self.void as usize > self.entries.len() / 2 {
            self.entries.drain(..self.void as usize);
            self.void = 0;
        } else {
            // By one first: an account mostly has but one out.
            self.entries.reserve_exact(self.entries.len().max(1));
        }
    }
}

impl From<Vec<Open>> for Outstanding {
    /// They are in order, as whoever reads them checks.
    fn from(all: Vec<Open>) -> Self {
        Self { entries: all, void: 0, ended: 0 }
    }
}

impl Serialize for Outstanding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl fmt::Debug for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Outstanding {
    /// What has ended and still stands there does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Outstanding {}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(ends_at: i64, id: u64) -> Open {
        let ends_at = Timestamp::from_unix_ms(ends_at).unwrap();
        Open::new(ReservationId(id), ends_at, id % 2 == 0).numbered(id)
    }

    /// Reservations come and end in any order, and a plain sorted list has the same.
    #[test]
    fn those_out_are_those_that_came_and_did_not_end() {
        for seed in 0..60_u64 {
            let (mut outstanding, mut plain) = (Outstanding::default(), Vec::<Open>::new());
            let mut state = seed;
            let mut draw = |below: u64| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (state >> 33) % below
            };
            // Waves, in which more come than end and then the other way round.
            for step in 0..4_000_i32 {
                let grows = step / 700 % 2 == 0;
                if draw(3) < 1 + u64::from(grows) {
                    let ends_at = i64::from(step)
                        + i64::try_from(draw(3)).unwrap() * i64::from(draw(20) == 0);
                    let new = open(ends_at, step.unsigned_abs().into());
                    outstanding.add(new);
                    plain.push(new);
                    plain.sort_unstable_by_key(Open::key);
                } else if !plain.is_empty() {
                    let most = if seed % 3 == 0 { 4.min(plain.len()) } else { plain.len() };
                    let at = usize::try_from(draw(most as u64)).unwrap();
                    let at = if seed % 3 == 1 { plain.len() - 1 - at / 2 } else { at };
                    let gone = plain.remove(at);
                    assert!(outstanding.end(gone.ends_at, gone.id));
                    assert!(
                        !outstanding.end(gone.ends_at, gone.id)
                            && !outstanding.has(gone.ends_at, gone.id)
                    );
                }
                assert_eq!(outstanding.len(), plain.len(), "seed {seed}, step {step}");
                assert_eq!(outstanding.last(), plain.last());
                if step % 50 == 0 {
                    assert!(outstanding.iter().eq(&plain), "seed {seed}, step {step}");
                    assert!(outstanding.iter().rev().eq(plain.iter().rev()));
                    assert!(plain.iter().all(|open| outstanding.has(open.ends_at, open.id)));
                    let text = serde_json::to_string(&outstanding).unwrap();
                    assert_eq!(serde_json::from_str::<Outstanding>(&text).unwrap(), outstanding);
                    let most = 2 * plain.len().max(1_400) + 2 * ENDED_MIN;
                    assert!(outstanding.entries.len() <= most, "seed {seed}, step {step}");
                }
            }
        }
    }

    #[test]
    fn what_ended_takes_no_room_for_long() {
        let mut outstanding = Outstanding::default();
        outstanding.add(open(0, 0));
        for id in 1..10_000 {
            outstanding.add(open(1, id));
            assert!(outstanding.end(open(1, id).ends_at, ReservationId(id)));
        }
        for id in 10_000..20_000 {
            outstanding.add(open(1, id));
            if id > 10_010 {
                assert!(outstanding.end(open(1, id - 7).ends_at, ReservationId(id - 7)));
            }
        }
        assert_eq!(outstanding.len(), 12);
        assert!(outstanding.entries.capacity() < 500, "{}", outstanding.entries.capacity());
        let mut one = Outstanding::default();
        for id in 0..100 {
            one.add(open(0, id));
            assert!(one.end(open(0, id).ends_at, ReservationId(id)));
        }
        assert_eq!((one.entries.capacity(), size_of::<Open>()), (1, 32));
    }
}
