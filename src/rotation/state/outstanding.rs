//! Reservations that are out, by when they lapse.
//!
//! An account mostly has one, which stands in its record, and a campaign as many as are being sent
//! at a time, which may be as many as it has accounts. Nearly all come at the end, and one that
//! ends is mostly among the first. Knows no limits and no days.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::rotation::containers::room;
use crate::rotation::state::many_out::ManyOut;
use crate::vocab::{ReservationId, Timestamp};

/// A reservation that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) id: ReservationId,
    pub(crate) ends_at: Timestamp,
    /// Which send of the account this is, counted from 0.
    pub(crate) number: u64,
    pub(crate) new_lead: bool,
}

impl Open {
    pub(crate) const fn new(id: ReservationId, ends_at: Timestamp, new_lead: bool) -> Self {
        Self { id, ends_at, number: 0, new_lead }
    }

    /// The same as a send of an account, counted from 0.
    pub(crate) const fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    /// By which they are in order.
    #[inline]
    pub(crate) const fn key(&self) -> i128 {
        self.ends_at.then(self.id.0)
    }
}

/// Up to so many stand in a short list.
const FEW: usize = 8;

/// Those out, by the instant at which they lapse, then by number.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Vec<Open>")]
pub(crate) struct Outstanding {
    /// The only one.
    one: Option<Open>,
    /// All others, if there ever were several at a time. While there are any, there is no only one.
    several: Option<Box<Several>>,
}

/// Several, or what is left of them.
#[derive(Clone)]
enum Several {
    /// In order, if there never were more than a few.
    Few(Vec<Open>),
    Many(ManyOut),
}

impl Outstanding {
    /// How many are out.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let several = self.several.as_ref().map_or(0, |several| several.len());
        usize::from(self.one.is_some()) + several
    }

    /// Those out, the first to lapse first.
    #[inline]
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Open> {
        let (few, many) = match self.several.as_deref() {
            None => (None, None),
            Some(Several::Few(few)) => (Some(few), None),
            Some(Several::Many(many)) => (None, Some(many)),
        };
        let several = few.into_iter().flatten().chain(many.into_iter().flat_map(ManyOut::iter));
        self.one.iter().chain(several)
    }

    /// How many lapse at an instant or later.
    #[inline]
    pub(crate) fn since(&self, at: Timestamp) -> usize {
        let one = self.one.is_some_and(|open| open.ends_at >= at);
        usize::from(one) + self.several.as_ref().map_or(0, |several| several.since(at))
    }

    /// How many of those go to new leads.
    #[inline]
    pub(crate) fn new_leads_since(&self, at: Timestamp) -> usize {
        let one = self.one.is_some_and(|open| open.ends_at >= at && open.new_lead);
        usize::from(one) + self.several.as_ref().map_or(0, |several| several.new_leads_since(at))
    }

    /// The last to lapse.
    #[inline]
    pub(crate) fn last(&self) -> Option<&Open> {
        self.one.as_ref().or_else(|| self.several.as_ref()?.last())
    }

    /// Whether a reservation is out that lapses at an instant.
    pub(crate) fn has(&self, ends_at: Timestamp, id: ReservationId) -> bool {
        let key = ends_at.then(id.0);
        let several = || self.several.as_ref().is_some_and(|several| several.has(key));
        self.one.is_some_and(|open| open.key() == key) || several()
    }

    /// Adds a reservation.
    #[inline]
    pub(crate) fn add(&mut self, open: Open) {
        let are_others = self.one.is_some() || self.several.as_ref().is_some_and(|of| of.len() > 0);
        if are_others { self.add_to_others(open) } else { self.one = Some(open) }
    }

    #[inline(never)]
    fn add_to_others(&mut self, open: Open) {
        let several = self.several.get_or_insert_with(|| Box::new(Several::Few(Vec::new())));
        if let Some(one) = self.one.take() {
            several.add(one);
        }
        several.add(open);
    }

    /// Takes a reservation out that lapses at an instant; says whether it was there.
    #[inline]
    pub(crate) fn end(&mut self, ends_at: Timestamp, id: ReservationId) -> bool {
        let key = ends_at.then(id.0);
        if self.one.is_some_and(|open| open.key() == key) {
            self.one = None;
            return true;
        }
        self.end_of_others(key)
    }

    #[inline(never)]
    fn end_of_others(&mut self, key: i128) -> bool {
        self.several.as_mut().is_some_and(|several| several.end(key))
    }
}

impl Several {
    fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    fn since(&self, at: Timestamp) -> usize {
        match self {
            Self::Few(few) => few.iter().rev().take_while(|open| open.ends_at >= at).count(),
            Self::Many(many) => many.since(at),
        }
    }

    fn new_leads_since(&self, at: Timestamp) -> usize {
        match self {
            Self::Few(few) => {
                let since = few.iter().rev().take_while(|open| open.ends_at >= at);
                since.filter(|open| open.new_lead).count()
            }
            Self::Many(many) => many.new_leads_since(at),
        }
    }

    fn last(&self) -> Option<&Open> {
        match self {
            Self::Few(few) => few.last(),
            Self::Many(many) => many.last(),
        }
    }

    fn has(&self, key: i128) -> bool {
        match self {
            Self::Few(few) => few.iter().any(|open| open.key() == key),
            Self::Many(many) => many.has(key),
        }
    }

    fn add(&mut self, open: Open) {
        match self {
            Self::Few(few) if few.len() < FEW => {
                room::make(few, 1);
                let at = few.iter().rev().take_while(|other| open.key() < other.key()).count();
                few.insert(few.len() - at, open);
            }
            Self::Few(few) => {
                let mut many: ManyOut = few.iter().copied().collect();
                many.add(open);
                *self = Self::Many(many);
            }
            Self::Many(many) => many.add(open),
        }
    }

    fn end(&mut self, key: i128) -> bool {
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|open| open.key() == key);
                at.map(|at| few.remove(at)).is_some()
            }
            Self::Many(many) => many.end(key),
        }
    }
}

impl From<Vec<Open>> for Outstanding {
    /// They are in order, as whoever reads them checks.
    fn from(all: Vec<Open>) -> Self {
        let (one, several) = match all.as_slice() {
            [] => (None, None),
            [one] => (Some(*one), None),
            [..] if all.len() <= FEW => (None, Some(Several::Few(all))),
            [..] => (None, Some(Several::Many(all.into_iter().collect()))),
        };
        Self { one, several: several.map(Box::new) }
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
    /// How they are kept does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Outstanding {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::containers::leaf_list::LEAF;

    fn at(unix_ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(unix_ms).unwrap()
    }

    fn open(ends_at: i64, id: u64) -> Open {
        Open::new(ReservationId(id), at(ends_at), id % 2 == 0).numbered(id)
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
                    let nth = usize::try_from(draw(most as u64)).unwrap();
                    let nth = if seed % 3 == 1 { plain.len() - 1 - nth / 2 } else { nth };
                    let gone = plain.remove(nth);
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
                    assert_eq!(text, serde_json::to_string(&plain).unwrap());
                    assert_eq!(serde_json::from_str::<Outstanding>(&text).unwrap(), outstanding);
                    for from in [0, step / 2, step - 90, step + 1].map(|from| at(from.into())) {
                        let since: Vec<_> = plain.iter().filter(|of| of.ends_at >= from).collect();
                        let new = since.iter().filter(|of| of.new_lead).count();
                        assert_eq!(outstanding.since(from), since.len(), "seed {seed}");
                        assert_eq!(outstanding.new_leads_since(from), new, "seed {seed}");
                    }
                }
            }
        }
    }

    /// For how many there is room.
    fn room(outstanding: &Outstanding) -> usize {
        match outstanding.several.as_deref() {
            None => 0,
            Some(Several::Few(few)) => few.capacity(),
            Some(Several::Many(many)) => many.room(),
        }
    }

    #[test]
    fn what_ended_takes_no_room_for_long() {
        let mut outstanding = Outstanding::default();
        outstanding.add(open(0, 0));
        for id in 1..10_000 {
            outstanding.add(open(1, id));
            assert!(outstanding.end(at(1), ReservationId(id)));
        }
        for id in 10_000..20_000 {
            outstanding.add(open(1, id));
            if id > 10_100 {
                assert!(outstanding.end(at(1), ReservationId(id - 97)));
            }
        }
        assert_eq!(outstanding.len(), 102);
        assert!(room(&outstanding) <= 5 * LEAF, "{}", room(&outstanding));
        let mut one = Outstanding::default();
        for id in 0..100 {
            one.add(open(0, id));
            assert!(one.end(at(0), ReservationId(id)));
        }
        assert_eq!((room(&one), size_of::<Open>(), size_of::<Outstanding>()), (0, 32, 40));
        // Where many were, and nobody is.
        (0..1_000).for_each(|id| one.add(open(0, id)));
        assert!((0..1_000).all(|id| one.end(at(0), ReservationId(id))));
        assert_eq!(room(&one), 0);
    }

    /// However many are out, and wherever they end.
    #[test]
    fn few_move_when_one_comes_or_ends() {
        let mut outstanding = Outstanding::default();
        let mut most = 0;
        let places = |of: &Outstanding| -> Vec<(u64, *const Open)> {
            of.iter().map(|open| (open.id.0, std::ptr::from_ref(open))).collect()
        };
        for id in 0..70_000_u64 {
            // A list grows when it is as long as a power of two.
            if id > 300 && !id.is_power_of_two() {
                outstanding.add(open(0, id));
                continue;
            }
            let before = places(&outstanding);
            outstanding.add(open(0, id));
            let after = places(&outstanding);
            most = most.max(before.iter().zip(&after).filter(|(was, is)| was != is).count());
        }
        assert!(most <= LEAF / 2, "{most} moved when one came");
        let mut before = places(&outstanding);
        for step in 0..1_000 {
            let id = before[step * 7_919 % before.len()].0;
            assert!(outstanding.end(at(0), ReservationId(id)));
            let after = places(&outstanding);
            let left = before.iter().filter(|(other, _)| *other != id);
            let moved = left.zip(&after).filter(|(was, is)| was != is).count();
            assert!(moved <= LEAF, "{moved} moved when one ended");
            before = after;
        }
        assert_eq!(outstanding.len(), 69_000);
    }
}
