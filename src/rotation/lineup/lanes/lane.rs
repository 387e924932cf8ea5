//! A lane: members of one weight by deadline, which is the order of their starts, too.
//!
//! It is mostly entered at its end and left at its front, and members come and go in between. Knows
//! no other lanes.

use crate::policy::{GRAIN, Stride, grain};
use crate::rotation::containers::leaves::Leaves;
use crate::rotation::containers::told::Told;
use crate::rotation::lineup::members::{Member, Presence};
use crate::vocab::Timestamp;

/// So many lower bits of a start are left out of what a lane is searched by. One turn of the
/// largest weight takes more.
const COARSE_BITS: u32 = 63;

/// Nearer starts than that may be in another order than the deadlines, by rounding.
const NEAR: i128 = 4 * GRAIN;

/// A member of many: a line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Seat {
    pub(super) member: Member,
    /// What rounding left of the start.
    pub(super) carried: u64,
    /// The lane that it is in, or was in.
    pub(super) lane: u32,
    pub(super) presence: Presence,
    /// Whether it rests beside the lanes.
    pub(super) is_parked: bool,
}

/// Which of the heaps a lane stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    Nowhere,
    Eligible,
    Ahead,
    Resting,
}

/// A member and about where it starts, so that few of them are looked at in a search.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: i64,
    number: u32,
}

/// Members of one weight in the order of their turns.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) stride: Stride,
    row: Leaves<Entry>,
    /// How many are ready before the one that is in front of them.
    pub(super) descents: usize,
    told: Told,
    pub(super) stands: Stands,
}

impl Lane {
    pub(super) fn new(stride: Stride) -> Self {
        let (row, told) = (Leaves::default(), Told::default());
        Self { stride, row, descents: 0, told, stands: Stands::Nowhere }
    }

    #[inline]
    pub(super) fn first(&self) -> Option<u32> {
        self.row.first().map(|entry| entry.number)
    }

    /// Where a member is due and its number, as they are compared.
    #[inline]
    pub(super) fn due(&self, seats: &[Seat], number: u32) -> (i128, u32) {
        let seat = &seats[number as usize];
        let mut carried = seat.carried;
        (grain(seat.member.start + self.stride.step(&mut carried)), number)
    }

    /// Whether a member surely comes behind the last, if there is one; and until when that rests.
    #[inline]
    pub(super) fn goes_behind(&self, seats: &[Seat], number: u32) -> (bool, Timestamp) {
        let Some(last) = self.row.last() else { return (true, Timestamp::MIN) };
        let (seat, before) = (&seats[number as usize], &seats[last.number as usize]);
        let by = seat.member.start - before.member.start;
        let is_like = by == 0 && seat.carried == before.carried && number > last.number;
        (by >= NEAR || is_like, before.member.ready_at)
    }

    /// Adds a member at the end, whether or not the last is ready by then.
    #[inline]
    pub(super) fn push(&mut self, seats: &[Seat], number: u32, descends: bool) {
        self.descents += usize::from(descends);
        self.row.push(entry(seats, number));
    }

    /// Puts a member where it belongs. Says whether it is the first.
    pub(super) fn insert(&mut self, seats: &[Seat], number: u32) -> bool {
        if self.goes_behind(seats, number).0 {
            let was_empty = self.row.is_empty();
            self.row.push(entry(seats, number));
            return was_empty;
        }
        let due = self.due(seats, number);
        let gap = self.row.gap(self.comes_before(seats, number, due));
        self.row.insert(gap, entry(seats, number));
        gap.is_first()
    }

    /// Takes a member out. Says whether it was the first.
    pub(super) fn remove(&mut self, seats: &[Seat], number: u32) -> bool {
        let due = self.due(seats, number);
        let gap = self.row.gap(self.comes_before(seats, number, due));
        let is_it = self.row.behind(gap).is_some_and(|at| at.number == number);
        debug_assert!(is_it, "a lane is in order");
        let ready = |at: Option<&Entry>| at.map(|at| seats[at.number as usize].member.ready_at);
        let before = ready(self.row.before(gap));
        let at = ready(self.row.behind(gap));
        self.row.remove(gap);
        if self.descents > 0 {
            let behind = ready(self.row.behind(gap));
            let descends = |before: Option<Timestamp>, behind: Option<Timestamp>| {
                usize::from(before.zip(behind).is_some_and(|(before, behind)| before > behind))
            };
            self.descents += descends(before, behind);
            self.descents -= descends(before, at) + descends(at, behind);
        }
        gap.is_first()
    }

    /// Drops the first, which is ready from then on, or was.
    #[inline]
    pub(super) fn drop_first(&mut self, seats: &[Seat], ready_at: Timestamp) {
        self.row.drop_first();
        if let Some(next) = self.row.first() {
            let descended =
                self.descents > 0 && ready_at > seats[next.number as usize].member.ready_at;
            self.descents -= usize::from(descended);
        }
    }

    /// The first that is ready and whose start comes after all of a grain.
    pub(super) fn first_ahead(&self, seats: &[Seat], last: i128, now: Timestamp) -> Option<u32> {
        let member = |at: &Entry| &seats[at.number as usize].member;
        let gap = self.row.gap(|at| grain(member(at).start) <= last);
        let ahead = self.row.iter_from(gap).take(if self.descents > 0 { usize::MAX } else { 1 });
        ahead.into_iter().find(|at| member(at).is_ready(now)).map(|at| at.number)
    }

    /// Calls with some that come, with each once.
    #[inline]
    pub(super) fn tell(&mut self, mut to: impl FnMut(u32)) {
        self.told.tell(&self.row, |at| to(at.number));
    }

    /// Whether an entry comes before a member that is due there.
    fn comes_before(
        &self,
        seats: &[Seat],
        number: u32,
        due: (i128, u32),
    ) -> impl Fn(&Entry) -> bool {
        let start = entry(seats, number).start;
        move |at| {
            // Whoever is a step further is surely further.
            if at.start.abs_diff(start) > 1 {
                at.start < start
            } else {
                self.due(seats, at.number) < due
            }
        }
    }
}

/// What a lane keeps of a member.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a place is below 2^127")]
fn entry(seats: &[Seat], number: u32) -> Entry {
    Entry { start: (seats[number as usize].member.start >> COARSE_BITS) as i64, number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::Span;

    /// Seats of a lane, in order, that are ready at some milliseconds.
    fn seats(ready: &[u64]) -> Vec<Seat> {
        let seat = |(nth, ready): (i128, &u64)| {
            let ready_at = Timestamp::EPOCH.plus(Span::milliseconds(*ready));
            let member = Member::new(nth << 80, 1, Span::ZERO, ready_at);
            Seat { member, carried: 0, lane: 0, presence: Presence::Present, is_parked: false }
        };
        (0..).zip(ready).map(seat).collect()
    }

    /// A lane rests as a whole again once nobody in it is ready before one in front of it.
    #[test]
    fn those_that_are_ready_before_others_are_counted_while_they_are_there() {
        let seats = seats(&[5, 3, 7, 1, 1, 9]);
        let full = || {
            let mut lane = Lane::new(Stride::of(1));
            for number in 0..6 {
                let (is_behind, rests_until) = lane.goes_behind(&seats, number);
                let ready_at = seats[number as usize].member.ready_at;
                assert!(is_behind);
                lane.push(&seats, number, rests_until > ready_at);
            }
            lane
        };
        let mut lane = full();
        for (number, left) in (0..).zip([1, 1, 0, 0, 0, 0]) {
            lane.drop_first(&seats, seats[number as usize].member.ready_at);
            assert_eq!((lane.descents, lane.first()), (left, Some(number + 1).filter(|n| *n < 6)));
        }
        for (number, left) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2)] {
            let mut lane = full();
            assert_eq!(lane.remove(&seats, number), number == 0);
            assert_eq!(lane.descents, left, "without {number}");
        }
    }
}
