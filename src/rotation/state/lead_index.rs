//! Where the record of each lead is: a hash table that grows by one bucket at a time.
//!
//! Buckets are divided one after the other, as in linear hashing (Litwin, 1980), and never move, so
//! that no single call pays for many. A bucket is a line of the processor's cache and holds enough
//! of each hash to be divided without a look at any record. Knows hashes and places, not what is
//! there.

use crate::rotation::containers::lookup::Mix;
use crate::rotation::containers::segments::Segments;
use crate::vocab::LeadId;

/// Entries of one bucket.
const ROOM: usize = 7;

/// So many entries there are to a bucket on the whole, before the next is divided.
const LOAD: usize = 4;

/// Buckets in one segment.
const SEGMENT: usize = 256;

/// No further bucket.
const NONE: u32 = u32::MAX;

/// The part of a hash that entries are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag(u32);

impl Tag {
    /// Leads with numbers nearby stand in buckets nearby, since they are often written to one after
    /// the other.
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are as good as any")]
    fn of(lead: LeadId) -> Self {
        Self(Mix::of(lead.0 >> 5).wrapping_add(lead.0) as u32)
    }

    /// Its bucket, of so many. Those of a bucket that is not there yet are in the one that will be
    /// divided.
    fn bucket(self, buckets: u32) -> u32 {
        let buckets = buckets.max(1);
        let half = 1 << buckets.ilog2();
        let bucket = self.0 & (2 * half - 1);
        if bucket < buckets { bucket } else { bucket - half }
    }
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    tags: [u32; ROOM],
    /// The bucket that has what did not fit, among those apart.
    more: u32,
    places: [u32; ROOM],
    count: u32,
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; ROOM], more: NONE, places: [0; ROOM], count: 0 };

    /// The entries that may be of a tag, one bit each.
    #[inline]
    fn hits(&self, Tag(tag): Tag) -> u32 {
        // All are compared at once, which is faster than to stop at the first.
        let hits = (0..).zip(&self.tags).map(|(n, other)| u32::from(*other == tag) << n);
        hits.fold(0, |all, hit| all | hit) & ((1 << self.count) - 1)
    }

    fn entries(&self) -> impl Iterator<Item = (Tag, u32)> {
        let entries = self.tags.iter().zip(&self.places).take(self.count as usize);
        entries.map(|(tag, place)| (Tag(*tag), *place))
    }

    #[inline]
    fn push(&mut self, (Tag(tag), place): (Tag, u32)) -> bool {
        let at = self.count as usize;
        let (Some(free), Some(of)) = (self.tags.get_mut(at), self.places.get_mut(at)) else {
            return false;
        };
        (*free, *of) = (tag, place);
        self.count += 1;
        true
    }

    fn remove(&mut self, tag: Tag, place: u32) -> bool {
        let mut hits = self.hits(tag);
        while hits != 0 {
            let at = hits.trailing_zeros() as usize;
            if self.places[at] == place {
                self.count -= 1;
                let last = self.count as usize;
                self.tags.swap(at, last);
                self.places.swap(at, last);
                return true;
            }
            hits &= hits - 1;
        }
        false
    }
}

/// Places of records by lead.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeadIndex {
    buckets: Segments<Bucket, SEGMENT>,
    /// What did not fit into those.
    apart: Segments<Bucket, SEGMENT>,
    /// Of the buckets apart those that nobody needs, the first; each names the next.
    unused: Option<u32>,
    len: usize,
}

impl LeadIndex {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The place of a lead's record; `is_there` tells whether a place is that of this lead.
    #[inline]
    pub(crate) fn find(&self, lead: LeadId, is_there: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = Tag::of(lead);
        let mut bucket = self.buckets.get(tag.bucket(self.count()))?;
        loop {
            let mut hits = bucket.hits(tag);
            while hits != 0 {
                let place = *bucket.places.get(hits.trailing_zeros() as usize)?;
                if is_there(place) {
                    return Some(place);
                }
                hits &= hits - 1;
            }
            if bucket.more == NONE {
                return None;
            }
            bucket = self.apart.get(bucket.more)?;
        }
    }

    /// Adds the place of a lead that has none.
    pub(crate) fn insert(&mut self, lead: LeadId, place: u32) {
        if self.buckets.len() == 0 {
            self.buckets.push(Bucket::EMPTY);
        }
        self.len += 1;
        self.enter((Tag::of(lead), place));
        if self.len > LOAD * self.buckets.len() {
            self.divide();
        }
    }

    /// Drops the place of a lead.
    pub(crate) fn remove(&mut self, lead: LeadId, place: u32) {
        let tag = Tag::of(lead);
        let Some(mut bucket) = self.buckets.get_mut(tag.bucket(self.count())) else { return };
        while !bucket.remove(tag, place) {
            let more = bucket.more;
            let Some(next) = self.apart.get_mut(more) else { return };
            bucket = next;
        }
        self.len -= 1;
    }

    fn count(&self) -> u32 {
        u32::try_from(self.buckets.len()).unwrap_or(u32::MAX)
    }

    fn enter(&mut self, entry: (Tag, u32)) {
        let first = entry.0.bucket(self.count());
        let Some(bucket) = self.buckets.get_mut(first) else { return };
        if bucket.push(entry) {
            return;
        }
        let mut more = bucket.more;
        while let Some(bucket) = self.apart.get_mut(more) {
            if bucket.push(entry) {
                return;
            }
            more = bucket.more;
        }
        let apart = self.set_apart(entry, self.buckets.get(first).map_or(NONE, |first| first.more));
        if let Some(bucket) = self.buckets.get_mut(first) {
            bucket.more = apart;
        }
    }

    /// A bucket apart with one entry and those that come after it.
    #[cold]
    fn set_apart(&mut self, entry: (Tag, u32), more: u32) -> u32 {
        let mut new = Bucket { more, ..Bucket::EMPTY };
        new.push(entry);
        let Some(number) = self.unused else { return self.apart.push(new) };
        if let Some(bucket) = self.apart.get_mut(number) {
            self.unused = Some(bucket.more).filter(|next| *next != NONE);
            *bucket = new;
        }
        number
    }

    /// Divides the next bucket: some of its entries go to a new one.
    fn divide(&mut self) {
        let buckets = self.count();
        // Before it all are divided since there were a power of two of them.
        let next = buckets - (1 << buckets.ilog2());
        let Some(old) = self.buckets.get_mut(next) else { return };
        if old.more == NONE {
            let (mut stay, mut go) = (Bucket::EMPTY, Bucket::EMPTY);
            for entry in old.entries() {
                if entry.0.bucket(buckets + 1) == next { &mut stay } else { &mut go }.push(entry);
            }
            *old = stay;
            self.buckets.push(go);
            return;
        }
        let mut old = std::mem::replace(old, Bucket::EMPTY);
        self.buckets.push(Bucket::EMPTY);
        loop {
            old.entries().for_each(|entry| self.enter(entry));
            let number = old.more;
            let Some(apart) = self.apart.get_mut(number) else { break };
            old = *apart;
            apart.more = self.unused.replace(number).unwrap_or(NONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Leads come and go, and a map has the same; whatever numbers they have, buckets are short.
    #[test]
    fn leads_are_found_where_they_were_put() {
        for step in [1_u64, 2, 7, 64, 1 << 20, 0x9e37_79b9_7f4a_7c15] {
            let (mut index, mut plain) = (LeadIndex::default(), BTreeMap::new());
            let mut state = step;
            for n in 0..40_000_u64 {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let lead = LeadId(n.wrapping_mul(step));
                index.insert(lead, u32::try_from(n).unwrap());
                plain.insert(n, lead);
                if state >> 62 == 0 {
                    let gone = plain.range((state >> 8) % n.max(1)..).next();
                    let (gone, lead) = gone.map(|(n, lead)| (*n, *lead)).unwrap();
                    index.remove(lead, u32::try_from(gone).unwrap());
                    plain.remove(&gone);
                }
                assert_eq!(index.len(), plain.len());
            }
            for n in 0..40_000_u64 {
                let lead = LeadId(n.wrapping_mul(step));
                let place = index.find(lead, |place| u64::from(place) == n).map(u64::from);
                assert_eq!(place, plain.get(&n).map(|_| n), "lead {lead}");
            }
            let apart = index.apart.len();
            assert!(apart < index.buckets.len() / 4, "{apart} apart, step {step}");
        }
    }
    /// Leads are told apart by their records where their tags are equal, in any order.
    #[test]
    fn leads_with_one_tag_are_told_apart() {
        let all = (0..400_000).map(|n| LeadId(n << 5));
        let mut by_tag: Vec<(u32, LeadId)> = all.map(|lead| (Tag::of(lead).0, lead)).collect();
        by_tag.sort_unstable();
        let pairs = by_tag.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let pairs: Vec<[LeadId; 2]> = pairs.map(|pair| [pair[0].1, pair[1].1]).collect();
        assert!(pairs.len() > 5, "{} pairs", pairs.len());
        for gone in [0, 1] {
            let mut index = LeadIndex::default();
            let found = |index: &LeadIndex, lead: LeadId, place: u32| {
                index.find(lead, |other| other == place) == Some(place)
            };
            for (n, pair) in (0..).step_by(2).zip(&pairs) {
                index.insert(pair[0], n);
                index.insert(pair[1], n + 1);
                assert!(found(&index, pair[0], n) && found(&index, pair[1], n + 1), "{pair:?}");
            }
            for (n, pair) in (0..).step_by(2).zip(&pairs) {
                index.remove(pair[gone as usize], n + gone);
                assert!(!found(&index, pair[gone as usize], n + gone), "{pair:?}");
                let (left, place) = (pair[1 - gone as usize], n + 1 - gone);
                assert!(found(&index, left, place), "{pair:?}");
            }
            assert_eq!(index.len(), pairs.len());
        }
    }

    /// What was emptied takes the same leads in the same buckets.
    #[test]
    fn an_index_that_was_emptied_is_filled_again() {
        let mut index = LeadIndex::default();
        let mut buckets = None;
        for round in 0..4_u32 {
            for n in 0..20_000 {
                index.insert(LeadId(u64::from(n) * 64), n + round);
            }
            for n in 0..20_000 {
                let place = index.find(LeadId(u64::from(n) * 64), |place| place == n + round);
                assert_eq!(place, Some(n + round));
            }
            let now = (index.buckets.len(), index.apart.len());
            assert_eq!(*buckets.get_or_insert(now), now, "in round {round}");
            // From the first, from the last, and the odd before the even.
            for n in 0..20_000 {
                let n = [n, 19_999 - n, (2 * n + 1) % 20_001][round as usize % 3];
                index.remove(LeadId(u64::from(n) * 64), n + round);
            }
            assert_eq!(index.len(), 0);
            let is_gone = |n: u64| index.find(LeadId(n * 64), |_| true).is_none();
            assert!((0..20_000).all(is_gone), "in round {round}");
        }
    }
}
