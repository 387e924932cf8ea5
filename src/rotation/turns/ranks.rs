//! Places in words: what runs are compared by in heaps.
//!
//! A word holds the upper part of a place, counted from a base that follows virtual time. What does
//! not fit is told by a second word, and what neither tells by whoever asks. Knows no runs.

use crate::rotation::containers::heap::Key;
use crate::rotation::turns::standing::Standing;

/// So many of the last bits of a place are not in its rank.
const SHIFT: u32 = 24;

/// How far virtual time is ahead of the base when that is set, and when it is set again, in ranks.
/// A turn of the lightest account is 2^56 of them.
const AT_BASE: u64 = 1 << 61;
const MOST: u64 = 1 << 62;

/// The base of ranks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ranks {
    base: i128,
}

impl Ranks {
    /// Ranks about a virtual time.
    pub(crate) fn about(virtual_time: i128) -> Self {
        Self { base: virtual_time.saturating_sub(i128::from(AT_BASE) << SHIFT) }
    }

    /// From when on another base is needed for places to differ in their ranks.
    pub(crate) fn end(self) -> i128 {
        self.base.saturating_add(i128::from(MOST) << SHIFT)
    }

    /// The rank of a place; it does not descend where places ascend.
    #[inline]
    pub(crate) fn rank(self, place: i128) -> u64 {
        let rank = (place - self.base) >> SHIFT;
        u64::try_from(rank).unwrap_or(if rank < 0 { 0 } else { u64::MAX })
    }

    /// Of a run by the deadline of its first entry, then by number.
    #[inline]
    pub(crate) fn due(self, first: &Standing) -> Key {
        self.key(first.deadline, first.id.0)
    }

    /// Of a run by the start of its first entry; of several with the same, whichever run it is.
    #[inline]
    pub(crate) fn starts(self, run: u32, first: &Standing) -> Key {
        self.key(first.start, run.into())
    }

    /// Where the rank is no bound, the bits of the place that are not in it tell, and then the
    /// number, as far as there is room for it.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are the last"
    )]
    fn key(self, place: i128, number: u64) -> Key {
        let rank = self.rank(place);
        let number = number.min(u64::MAX >> SHIFT);
        let last = ((place - self.base) as u64) << (u64::BITS - SHIFT);
        let is_bound = rank == 0 || rank == u64::MAX;
        Key { rank, then: if is_bound { 0 } else { last | number } }
    }
}
