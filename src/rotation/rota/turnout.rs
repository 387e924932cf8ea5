//! Who of a campaign's accounts has to leave the rotation, and who may come back to it.
//!
//! Knows from the derived outlook when either may be; a fact says that it is so.

use crate::rotation::containers::table::Slot;
use crate::rotation::rota::Rota;
use crate::rotation::rota::lens::Lens;
use crate::rotation::rota::seat::Place;
use crate::rotation::turns::standing::Member;
use crate::vocab::Timestamp;

/// So many accounts come back to a campaign before one grant, if one of them or another may send.
/// More would make the first call after midnight long, fewer would bring a pool back slowly. They
/// come faster than they are served, so nobody gets a second turn while others wait to come back.
pub(crate) const RETURNS_MAX: usize = 16;

impl Rota {
    /// Notes when an account that takes part may leave, if that is before what was noted.
    pub(super) fn note_flip(&mut self, row: Slot, at: Timestamp) {
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return };
        if at < seat.flips_at {
            seat.flips_at = at;
            self.calm_until = self.calm_until.min(at);
            self.flips.push(at, row);
            if self.flips.len() > 2 * self.seats.len() + 64 {
                let seats = &self.seats;
                let stands = |at, row: Slot| {
                    let seat = seats[row.index()].as_ref();
                    seat.is_some_and(|seat| seat.flips_at == at && !seat.shuts)
                };
                self.flips.retain(stands);
            }
        }
    }

    /// Accounts that take part and whose outlook has to be looked at by now. They must be
    /// [told](Self::told) of.
    pub(crate) fn flipped(&mut self, now: Timestamp) -> Option<(Slot, Slot)> {
        while let Some((at, row)) = self.flips.pop_by(now) {
            let Some(Some(seat)) = self.seats.get_mut(row.index()) else { continue };
            if seat.flips_at == at && !seat.shuts {
                seat.flips_at = Timestamp::MAX;
                if !matches!(seat.place, Place::Absent { .. }) {
                    return Some((row, seat.account));
                }
            }
        }
        None
    }

    /// Those that had to leave and may stay after all, if one of them may.
    pub(crate) fn staying(&mut self, now: Timestamp) -> Vec<(Slot, Slot)> {
        if self.stays_at > now {
            return Vec::new();
        }
        self.stays_at = Timestamp::MAX;
        let rows = std::mem::take(&mut self.leaving);
        rows.into_iter().filter_map(|row| Some((row, self.seat(row)?.account))).collect()
    }

    /// Takes in that an account's outlook has changed.
    pub(crate) fn told(&mut self, lens: &mut Lens<'_>, row: Slot, moves: bool) {
        let Some(seat) = self.seat(row) else { return };
        let outlook = lens.outlooks[seat.account.index()];
        let elsewhere = match seat.place {
            Place::Absent { back_at, .. } => {
                !outlook.away() && back_at > Timestamp::MIN
                    || outlook.away() && outlook.flips_at < back_at
            }
            Place::Leaving { .. } => true,
            Place::Asleep { .. }
            | Place::Nowhere
            | Place::Scanned
            | Place::Turns
            | Place::Waiting(_) => outlook.away(),
        };
        // Who waits stands nowhere in the order, and would leave an entry behind for each move.
        let waits = seat.place == Place::Waiting(outlook.ready_at) && outlook.ready_at > lens.now;
        if moves && !waits || elsewhere {
            self.seat_anew(lens, row);
        } else if seat.place.takes_part() {
            self.note_outlook(lens, row, outlook.flips_at);
        }
    }

    /// Whether everybody takes part who may, and nobody else.
    pub(crate) fn is_settled(&self, now: Timestamp) -> bool {
        self.leaving.is_empty() && self.absent.is_quiet(now)
    }

    /// Takes out those that may have to leave.
    pub(crate) fn take_leaving(&mut self) -> Vec<Slot> {
        self.stays_at = Timestamp::MAX;
        std::mem::take(&mut self.leaving)
    }

    /// Takes out who comes back next, as far as is known. It is nowhere until it is seated anew.
    pub(crate) fn next_coming(&mut self, now: Timestamp) -> Option<(Member, Slot)> {
        // Those that came back before are mostly the first here, too.
        self.drop_stale_absent();
        let member = self.absent.next(now)?;
        let seat = self.seats.get_mut(member.1.index())?.as_mut()?;
        seat.place = Place::Nowhere;
        Some((member, seat.account))
    }
}
