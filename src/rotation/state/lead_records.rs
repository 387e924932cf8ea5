//! The records of leads: found by lead, added where others were freed, and freed a few at a time
//! once they are older than a day.
//!
//! Knows one campaign's leads. Which day that is, and what an email changes, is decided elsewhere.

use crate::rotation::containers::segments::Segments;
use crate::rotation::containers::table::Hint;
use crate::rotation::state::binding::{Bindings, Day};
use crate::rotation::state::lead_index::LeadIndex;
use crate::vocab::LeadId;

/// So many places are looked at in one go.
const LOOKS: u32 = 32;

/// How many leads stand side by side, with one day before which none of them is due.
const SEGMENT: u32 = 256;

/// Records of leads, none of which ever moves.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeadRecords {
    places: Segments<Place, { SEGMENT as usize }>,
    /// The first of the places that are free; each names the next.
    free: Option<u32>,
    index: LeadIndex,
    /// Of each segment a day that none of its leads was touched before.
    oldest: Vec<Day>,
    hand: Hand,
}

/// What is where a record may be.
#[derive(Clone, Debug)]
enum Place {
    /// Nothing, and the next place that is free.
    Free(Option<u32>),
    Taken(Record),
}

impl Place {
    fn record(&self) -> Option<&Record> {
        match self {
            Self::Free(_) => None,
            Self::Taken(record) => Some(record),
        }
    }
}

/// A lead and who writes to it.
#[derive(Clone, Debug)]
struct Record {
    lead: LeadId,
    bindings: Bindings,
}

/// What is looked at next for what is due.
#[derive(Clone, Copy, Debug)]
struct Hand {
    segment: usize,
    /// Which place of the segment, and the oldest day of those before it.
    at: u32,
    oldest: Day,
}

impl Default for Hand {
    fn default() -> Self {
        Self { segment: 0, at: 0, oldest: Day::MAX }
    }
}

impl LeadRecords {
    /// Where the record of a lead is.
    #[inline]
    pub(crate) fn place(&self, lead: LeadId) -> Option<u32> {
        self.index.find(lead, |place| self.is_there(lead, place))
    }

    /// The same, looked up first where a hint says.
    pub(crate) fn find(&self, lead: LeadId, hint: Hint) -> Option<u32> {
        let hinted = Some(hint.slot().number()).filter(|place| self.is_there(lead, *place));
        hinted.or_else(|| self.place(lead))
    }

    /// Who writes to the lead whose record is at a place.
    #[inline]
    pub(crate) fn at(&self, place: u32) -> Option<&Bindings> {
        self.places.get(place)?.record().map(|record| &record.bindings)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, place: u32) -> Option<&mut Bindings> {
        match self.places.get_mut(place)? {
            Place::Free(_) => None,
            Place::Taken(record) => Some(&mut record.bindings),
        }
    }

    /// All of them, in any order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&LeadId, &Bindings)> {
        let all = self.places.iter().filter_map(Place::record);
        all.map(|record| (&record.lead, &record.bindings))
    }

    /// Adds a lead that has no record, and returns where it is.
    pub(crate) fn insert(&mut self, lead: LeadId, bindings: Bindings) -> u32 {
        let touched = bindings.last.touched;
        let record = Place::Taken(Record { lead, bindings });
        let place = match self.free {
            None => self.places.push(record),
            Some(place) => {
                if let Some(found) = self.places.get_mut(place) {
                    if let Place::Free(next) = found {
                        self.free = *next;
                    }
                    *found = record;
                }
                place
            }
        };
        self.index.insert(lead, place);
        let segment = (place / SEGMENT) as usize;
        if segment == self.oldest.len() {
            self.oldest.push(touched);
        }
        if let Some(oldest) = self.oldest.get_mut(segment) {
            *oldest = touched.min(*oldest);
        }
        if self.hand.segment == segment {
            self.hand.oldest = touched.min(self.hand.oldest);
        }
        place
    }

    /// Frees the record of a lead.
    pub(crate) fn remove(&mut self, lead: LeadId) {
        if let Some(place) = self.place(lead) {
            self.release(lead, place);
        }
    }

    /// Frees what is older than a day, a few at a time, where the hand is. A segment in which
    /// nothing is due is passed.
    #[inline(never)]
    pub(crate) fn sweep(&mut self, kept_from: Day) {
        let Hand { segment, at, .. } = self.hand;
        let Some(oldest) = self.oldest.get(segment).copied() else {
            self.hand = Hand::default();
            return;
        };
        let end = if oldest < kept_from { (at + LOOKS).min(SEGMENT) } else { SEGMENT };
        if oldest < kept_from {
            let first = u32::try_from(segment).unwrap_or(u32::MAX).saturating_mul(SEGMENT);
            (at..end).for_each(|at| self.look(first + at, kept_from));
        }
        self.hand.at = end;
        if end == SEGMENT {
            if oldest < kept_from {
                self.oldest[segment] = self.hand.oldest;
            }
            self.hand = Hand { segment: segment + 1, ..Hand::default() };
        }
    }

    /// Frees a record if it is older than a day.
    fn look(&mut self, place: u32, kept_from: Day) {
        let Some(Place::Taken(record)) = self.places.get(place) else { return };
        if record.bindings.is_older(kept_from) {
            self.release(record.lead, place);
        } else {
            self.hand.oldest = self.hand.oldest.min(record.bindings.last.touched);
        }
    }

    fn release(&mut self, lead: LeadId, place: u32) {
        self.index.remove(lead, place);
        if let Some(found) = self.places.get_mut(place) {
            *found = Place::Free(self.free.replace(place));
        }
    }

    #[inline]
    fn is_there(&self, lead: LeadId, place: u32) -> bool {
        let record = self.places.get(place).and_then(Place::record);
        record.is_some_and(|record| record.lead == lead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::state::binding::Binding;
    use crate::vocab::{AccountId, ReservationId, Timestamp};

    impl LeadRecords {
        /// How many places are taken, and how many are free.
        pub(crate) fn taken_and_free(&self) -> (usize, usize) {
            let taken = self.index.len();
            (taken, self.places.len() - taken)
        }

        /// Looks at one in so many places.
        pub(crate) fn is_none_older_than_it_says(&self, step: usize) -> bool {
            (0_usize..).zip(self.places.iter()).step_by(step).all(|(place, found)| {
                let touched = found.record().map_or(Day::MAX, |of| of.bindings.last.touched);
                self.oldest[place / SEGMENT as usize] <= touched
            })
        }
    }

    fn add(records: &mut LeadRecords, lead: u64) -> u32 {
        let binding = Binding::new(AccountId(lead), ReservationId(lead), Timestamp::EPOCH);
        records.insert(LeadId(lead), Bindings::new(binding))
    }

    /// Every place that was freed is taken before there are new ones, and no lead loses its own.
    #[test]
    fn freed_places_are_taken_again() {
        assert_eq!(size_of::<Place>(), 48, "that a place is free costs nothing");
        let mut records = LeadRecords::default();
        assert!((0..3_000).map(|lead| add(&mut records, lead)).eq(0..3_000));
        for round in 1..4 {
            let (from, to) = (round * 10_000, round * 10_000 + 2_000);
            let gone = if round == 1 { 0..2_000 } else { from - 10_000..to - 10_000 };
            gone.clone().step_by(3).for_each(|lead| records.remove(LeadId(lead)));
            gone.for_each(|lead| records.remove(LeadId(lead)));
            assert_eq!(records.taken_and_free(), (1_000, 2_000));
            let mut places: Vec<u32> = (from..to).map(|lead| add(&mut records, lead)).collect();
            assert_eq!(records.taken_and_free(), (3_000, 0), "in round {round}");
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), 2_000);
            for lead in (2_000..3_000).chain(from..to) {
                let bindings = records.place(LeadId(lead)).and_then(|place| records.at(place));
                assert_eq!(bindings.map(|of| of.last.account), Some(AccountId(lead)));
            }
        }
        assert_eq!(add(&mut records, 1), 3_000);
    }
}
