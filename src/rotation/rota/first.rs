//! Who is first in the order of turns, once it truly stands there.
//!
//! An account has turns in other campaigns, too, and none of them is told of it: where it stands is
//! found out when it comes up. Knows the order and each account's outlook, and no facts.

use crate::rotation::containers::table::Slot;
use crate::rotation::rota::Rota;
use crate::rotation::rota::lens::Lens;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::rota::seat::Present;
use crate::rotation::state::exclusion::Exclusion;

impl Rota {
    /// The first in the order of turns: of those whose start has come the one with the earliest
    /// deadline.
    #[inline]
    pub(crate) fn first_eligible(&mut self, lens: &mut Lens<'_>) -> Option<Slot> {
        if self.scans {
            return self.scan_eligible(lens);
        }
        if self.is_shut(lens.now) {
            return None;
        }
        loop {
            let Self { seats, turns, .. } = self;
            let rows = Present { seats, outlooks: lens.outlooks, now: lens.now };
            let row = turns.first_eligible(lens.virtual_time, &rows)?.row();
            if self.confirm(lens, row) {
                return Some(row);
            }
        }
    }

    /// Of those whose start has not come the one whose start comes first, if
    /// [`first_eligible`](Self::first_eligible) was asked for before.
    pub(crate) fn first_ahead(&mut self, lens: &mut Lens<'_>) -> Option<Slot> {
        if self.scans {
            return self.scan_ahead(lens);
        }
        if self.is_shut(lens.now) {
            return None;
        }
        loop {
            let Self { seats, turns, .. } = self;
            let rows = Present { seats, outlooks: lens.outlooks, now: lens.now };
            let row = turns.first_ahead(lens.virtual_time, &rows)?.row();
            if self.confirm(lens, row) {
                return Some(row);
            }
        }
    }

    /// The first in the order of turns who is not excluded, before its time if it must be.
    pub(crate) fn next(&mut self, lens: &mut Lens<'_>, excluded: Exclusion<'_>) -> Option<Slot> {
        let mut aside = Vec::new();
        let mut look = |rota: &mut Self, first: fn(&mut Self, &mut Lens<'_>) -> Option<Slot>| loop {
            let row = first(rota, lens)?;
            if lens.attached.row(row).is_none_or(|(id, _)| !excluded.has(*id)) {
                return Some(row);
            }
            rota.rise(row);
            aside.push(row);
        };
        let found = look(self, Self::first_eligible).or_else(|| look(self, Self::first_ahead));
        for row in aside {
            self.sit(lens, row);
        }
        found
    }

    /// Whether an account truly stands where the order says; if not, it is put where it belongs.
    #[inline]
    fn confirm(&mut self, lens: &mut Lens<'_>, row: Slot) -> bool {
        let Some(Some(seat)) = self.seats.get(row.index()) else { return false };
        let Some(outlook) = lens.outlooks.get(seat.account.index()) else { return false };
        let is_there = seat.moves == outlook.moves;
        if is_there && outlook.is_ready(lens.now) {
            return true;
        }
        if is_there {
            self.trust.be_cautious();
        } else if self.pass_over(lens, row, outlook) {
            return false;
        }
        self.seat_anew(lens, row);
        false
    }

    /// Puts an account where it stands by now that had turns elsewhere. It may rest, but not until
    /// its next turn here; otherwise nothing happens.
    fn pass_over(&mut self, lens: &Lens<'_>, row: Slot, outlook: &Outlook) -> bool {
        let Some(attachment) = lens.attached.at(row) else { return false };
        let passes = !self.trust.doubts_other(outlook.ready_at, lens.now)
            && self.move_on(row, outlook, attachment);
        if passes {
            self.trust.pass();
            self.fetch(lens.outlooks, |row, _| {
                lens.attached.at(row).map_or(0, |of| u64::from(of.present))
            });
        }
        passes
    }
}
