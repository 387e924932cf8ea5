//! The members of a rotation alone, and what is kept of each: its cap of the day, gap and place.
//!
//! Counts what a member may still send. Knows no order and not whose turn it is.

use crate::policy::{Place, grain};
use crate::rotation::containers::table::{Slot, Table};
use crate::rotation::rota::lens::Lens;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::state::Attachment;
use crate::vocab::{AccountId, Span, Timestamp};

pub(super) const DAY_MS: i64 = 86_400_000;

/// What is kept of a member besides its outlook, which tells what is left of its cap: a line of the
/// processor's cache.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Member {
    pub(super) place: Place,
    pub(super) gap: Span,
    pub(super) cap: u32,
    pub(super) weight: u32,
}

/// The members and what follows from their sends.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) members: Vec<Member>,
    pub(super) attached: Table<AccountId, Attachment>,
    pub(super) outlooks: Vec<Outlook>,
    pub(super) virtual_time: Place,
    /// The sum of the weights of those present.
    pub(super) total_weight: u64,
    pub(super) now: Timestamp,
    /// When the day of universal time ends.
    pub(super) day_end: Timestamp,
}

impl Pool {
    /// No members, before all time.
    pub(super) fn new() -> Self {
        Self {
            members: Vec::new(),
            attached: Table::default(),
            outlooks: Vec::new(),
            virtual_time: Place::default(),
            total_weight: 0,
            now: Timestamp::MIN,
            day_end: Timestamp::MIN.floor(DAY_MS).plus(Span::days(1)),
        }
    }

    pub(super) fn weight(&self, row: Slot) -> u64 {
        self.members.get(row.index()).map_or(1, |member| member.weight.into())
    }

    /// Looks at a member's cap; `pause` is when its gap ends.
    pub(super) fn renew(&mut self, row: Slot, pause: Timestamp) {
        let (cap, weight) = (self.members[row.index()].cap, self.weight(row));
        let outlook = &mut self.outlooks[row.index()];
        outlook.stand(self.members[row.index()].place, weight);
        outlook.lease(cap, if cap > 0 { self.day_end } else { Timestamp::MAX });
        outlook.ready_at = pause.max(self.now);
        if outlook.away() {
            outlook.ready_at = Timestamp::MAX;
        }
    }

    /// Counts the last send that a member may make today, or the first of a day.
    #[inline(never)]
    pub(super) fn spend_last(&mut self, row: Slot) {
        let cap = self.members[row.index()].cap;
        let outlook = &mut self.outlooks[row.index()];
        let left = if outlook.is_spent(self.now) { 0 } else { cap.saturating_sub(1) };
        outlook.lease(left, self.day_end);
        if outlook.away() {
            outlook.ready_at = outlook.ready_at.max(self.day_end);
        }
    }

    #[inline]
    pub(super) fn lens(&mut self) -> Lens<'_> {
        Lens {
            attached: &self.attached,
            outlooks: &self.outlooks,
            closings: &[],
            // A pause never gets shorter.
            waits: &mut [],
            campaign: Slot::from_number(0),
            now: self.now,
            virtual_time: grain(self.virtual_time.at()),
        }
    }
}
