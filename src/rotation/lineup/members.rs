//! A member of a rotation alone: where its turn starts, and what it may still send.
//!
//! Counts by days of universal time. Knows no weight and no order.

use crate::policy::within_reach;
use crate::vocab::{Span, Timestamp};

const DAY_MS: i64 = 86_400_000;

/// What is kept of a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Where its turn starts in virtual time, to the last unit.
    pub(super) start: i128,
    /// When its gap ends, or the day after that if its cap is used up.
    pub(super) ready_at: Timestamp,
    gap: Span,
    /// Until then it may send as often as is left. Of an absent member: when it may come back.
    lasts_until: Timestamp,
    left: u32,
    pub(super) cap: u32,
}

/// Whether a member takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It has turns, but may rest.
    Present,
    /// Its cap is used up, and it leaves before the next pick.
    Leaving,
    Absent,
}

impl Member {
    /// One that takes no part yet and may send at once, if it ever may.
    pub(super) const fn new(start: i128, cap: u32, gap: Span, now: Timestamp) -> Self {
        let ready_at = if cap > 0 { now } else { Timestamp::MAX };
        Self { start, ready_at, gap, lasts_until: Timestamp::MAX, left: 0, cap }
    }

    /// Whether it may send now, as far as its gap goes.
    #[inline]
    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        self.ready_at <= now
    }

    /// Whether it may come back by now, if it is absent. Without a cap it never may, not even at
    /// the last instant.
    pub(super) fn may_return(&self, now: Timestamp) -> bool {
        self.cap > 0 && self.lasts_until <= now
    }

    /// Counts a send. Says whether surely another one is left; if not, the cap is to be
    /// [looked at](Self::spend_last).
    #[inline]
    pub(super) fn spend(&mut self, now: Timestamp) -> bool {
        self.ready_at = now.plus(self.gap);
        let goes_on = self.left > 1 && now < self.lasts_until;
        self.left -= u32::from(goes_on);
        goes_on
    }

    /// Counts the last send that it may make today, or the first of a day. Says whether another is
    /// left.
    pub(super) fn spend_last(&mut self, now: Timestamp, day_end: Timestamp) -> bool {
        self.left = if now < self.lasts_until { 0 } else { self.cap.saturating_sub(1) };
        self.lasts_until = day_end;
        if self.left == 0 {
            self.ready_at = self.ready_at.max(day_end);
        }
        self.left > 0
    }

    /// Gives it the whole cap of a day.
    pub(super) fn begin_day(&mut self, day_end: Timestamp) {
        (self.left, self.lasts_until) = (self.cap, day_end);
    }

    /// Takes over what somebody of another weight was owed or owed, in turns as many as that weight
    /// had.
    pub(super) fn inherit(&mut self, owed: i128, of: u64, weight: u64) {
        let turns = owed.saturating_mul(i128::from(of));
        self.start = within_reach(self.start - turns.div_euclid(i128::from(weight)));
    }

    /// Whether it was ready so long before it was served that it will be again by its next turn, if
    /// all goes on as it did.
    pub(super) fn rests_in_time(&self, was_ready_at: Timestamp, now: Timestamp) -> bool {
        now.since(was_ready_at).as_ms() > self.gap.as_ms() / 16
    }
}

/// When the day of universal time ends that an instant is in.
pub(super) fn day_end(now: Timestamp) -> Timestamp {
    now.floor(DAY_MS).plus(Span::days(1))
}
