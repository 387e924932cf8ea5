//! One campaign's accounts: those that take part in the order of their turns or by when they may
//! send, and those that do not.
//!
//! An account is put where it belongs when it is looked at, and what stands there about it is a
//! lower bound until it comes up: sends from other campaigns move it back, pauses begin. It is
//! looked at anew when it comes up, and moved then. What would bring it forward moves it at once.
//! Knows the derived outlook of its accounts; changes no fact and decides nothing by itself.

pub(super) mod absent;
pub(super) mod choice;
pub(super) mod closing;
mod first;
pub(super) mod lease;
pub(super) mod lens;
mod on_the_way;
pub(super) mod outlook;
pub(super) mod scan;
pub(super) mod seat;
pub(super) mod shut;
mod trust;
pub(super) mod turnout;
mod waits;

use std::hint::black_box;

use crate::rotation::containers::agenda::Agenda;
use crate::rotation::containers::room;
use crate::rotation::containers::table::Slot;
use crate::rotation::rota::absent::Absent;
use crate::rotation::rota::lease::Lease;
use crate::rotation::rota::lens::{Lens, spot};
use crate::rotation::rota::on_the_way::OnTheWay;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::rota::seat::{Place, Seat, are_few, stands};
use crate::rotation::rota::shut::Shut;
use crate::rotation::rota::trust::Trust;
use crate::rotation::state::Attachment;
use crate::rotation::turns::asleep::Alike;
use crate::rotation::turns::order::Order;
use crate::rotation::turns::standing::{Spot, Ticket};
use crate::vocab::{AccountId, Timestamp};

/// One campaign's accounts.
#[derive(Clone, Debug)]
pub(crate) struct Rota {
    pub(super) seats: Vec<Option<Seat>>,
    pub(super) turns: Order,
    /// Whether everybody is gone through, and nobody is in order nor waits.
    pub(super) scans: bool,
    pub(super) waiting: Agenda<(AccountId, Slot)>,
    /// Those of them whose email is out.
    pub(super) out: OnTheWay,
    /// Until when the last rest, and how many of them until the same instant.
    alike: Alike,
    pub(super) flips: Agenda<Slot>,
    /// Those whose windows will close, or have closed.
    pub(super) shut: Shut,
    /// How many take part and go on doing so.
    pub(super) parts: usize,
    pub(super) absent: Absent,
    /// Who may have to leave before the next grant.
    pub(super) leaving: Vec<Slot>,
    /// When the first of those may stay after all.
    pub(super) stays_at: Timestamp,
    /// Nobody waits for an earlier instant, and no outlook is to be looked at before.
    pub(super) calm_until: Timestamp,
    /// From so many accounts on those that rest lie in slices of time.
    pub(crate) sliced_min: usize,
    /// How many attached accounts are attached to other campaigns too.
    pub(crate) shared: usize,
    pub(crate) lease: Lease,
    pub(crate) trust: Trust,
}

impl Default for Rota {
    fn default() -> Self {
        Self {
            seats: Vec::new(),
            turns: Order::default(),
            scans: false,
            waiting: Agenda::default(),
            out: OnTheWay::default(),
            alike: Alike::default(),
            flips: Agenda::default(),
            shut: Shut::default(),
            parts: 0,
            absent: Absent::default(),
            leaving: Vec::new(),
            stays_at: Timestamp::MAX,
            calm_until: Timestamp::MAX,
            sliced_min: SLICED_MIN,
            shared: 0,
            lease: Lease::NONE,
            trust: Trust::default(),
        }
    }
}

/// From so many accounts on their records are read before they are needed.
const MANY: usize = 4_096;

/// From so many accounts on it matters that those that rest come up together.
const SLICED_MIN: usize = 4_096;

impl Rota {
    /// Makes room for so many more.
    pub(crate) fn make_room(&mut self, more: usize) {
        room::make(&mut self.seats, more);
        self.turns.make_room(more);
    }

    /// Takes an account in that was attached.
    pub(crate) fn add(&mut self, lens: &mut Lens<'_>, row: Slot, account: Slot) {
        while self.seats.len() <= row.index() {
            room::push(&mut self.seats, None);
        }
        let Some(id) = lens.attached.row(row).map(|(id, _)| *id) else { return };
        let (flips_at, noted_at) = (Timestamp::MAX, Timestamp::MAX);
        let seat = Seat {
            account,
            id,
            place: Place::Nowhere,
            ticket: Ticket::NONE,
            moves: 0,
            flips_at,
            shuts: false,
            noted_at,
        };
        self.seats[row.index()] = Some(seat);
        self.sit(lens, row);
    }

    /// Takes an account out that was detached.
    pub(crate) fn remove(&mut self, row: Slot) {
        self.rise(row);
        self.forget_closing(row);
        if let Some(seat) = self.seats.get_mut(row.index()) {
            *seat = None;
        }
    }

    /// Whether there are so many in the order that they stand in runs.
    pub(crate) fn is_in_runs(&self) -> bool {
        self.turns.many.is_some()
    }

    /// The account in a row.
    pub(crate) fn account(&self, row: Slot) -> Option<Slot> {
        Some(self.seat(row)?.account)
    }

    /// Puts an account where it belongs, from wherever it is.
    pub(crate) fn seat_anew(&mut self, lens: &mut Lens<'_>, row: Slot) {
        self.rise(row);
        self.sit(lens, row);
    }

    /// Puts an account back that was served, and rests until then if its email is sent. It is
    /// mostly ready again when its turn comes; unless that was seen to be otherwise it goes back
    /// into the order at once.
    pub(crate) fn served(&mut self, lens: &mut Lens<'_>, row: Slot, rests_until: Timestamp) {
        let (Some(account), Some(attachment)) = (self.account(row), lens.attached.at(row)) else {
            return;
        };
        let Some(outlook) = lens.outlooks.get(account.index()) else { return };
        self.trust.learn(rests_until, lens.now);
        if self.trust.doubts(rests_until, lens.now) {
            // Who waits for its email to be sent will rest, but not until then.
            let is_out = outlook.ready_at != rests_until;
            self.trust.put_aside();
            self.trust.turn(lens.now, || awake(&self.seats, &self.turns));
            self.rise(row);
            self.sit_down(lens, row, is_out);
        } else if !self.serve(row, outlook, attachment, (rests_until, lens.now)) {
            self.seat_anew(lens, row);
        }
    }

    /// Puts an account back into the order that was the first of it, unless it should not go there.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn serve(
        &mut self,
        row: Slot,
        outlook: &Outlook,
        attachment: &Attachment,
        (rests_until, now): (Timestamp, Timestamp),
    ) -> bool {
        if self.trust.doubts(rests_until, now) {
            return false;
        }
        self.trust.turn(now, || awake(&self.seats, &self.turns));
        self.move_on(row, outlook, attachment)
    }

    /// Puts an account where it stands by now that was the first of the order. Nothing happens if
    /// it was not, or does not take part.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(super) fn move_on(
        &mut self,
        row: Slot,
        outlook: &Outlook,
        attachment: &Attachment,
    ) -> bool {
        let Self { seats, turns, .. } = self;
        let Some(Some(seat)) = seats.get_mut(row.index()) else { return false };
        let ticket = seat.ticket;
        if ticket == Ticket::NONE || !attachment.present || outlook.away() {
            return false;
        }
        seat.moves = outlook.moves;
        let spot = spot(seat.id, outlook, attachment);
        turns.serve(ticket, row, spot)
    }

    /// Reads what is known of those whose turn comes soon, so that it is at hand by then; `more`
    /// reads what else there is of a row and its account. Several are read together, as memory
    /// answers many questions as fast as one. Only where there are so many that it has to be asked.
    #[inline]
    pub(crate) fn fetch(&mut self, outlooks: &[Outlook], more: impl Fn(Slot, Slot) -> u64) {
        let Self { seats, turns, .. } = self;
        if seats.len() < MANY {
            return;
        }
        let mut read = 0;
        turns.tell(|row| {
            let Some(Some(seat)) = seats.get(row.index()) else { return };
            let outlook = outlooks.get(seat.account.index());
            read ^= outlook.map_or(0, |outlook| u64::from(outlook.moves));
            read ^= more(row, seat.account);
        });
        black_box(read);
    }

    /// Puts an account into the order, from wherever it is.
    fn join(&mut self, row: Slot, spot: Spot, moves: u32) {
        let Self { seats, turns, .. } = self;
        let Some(Some(seat)) = seats.get_mut(row.index()) else { return };
        (seat.moves, seat.place) = (moves, Place::Turns);
        seat.ticket = match seat.ticket {
            Ticket::NONE => turns.insert(row, spot),
            old => turns.put_again(old, row, spot),
        };
        self.drop_left_behind();
    }

    pub(super) fn drop_left_behind(&mut self) {
        let Self { seats, turns, .. } = self;
        if turns.len() > 2 * seats.len() + 64 {
            turns.retain(|at| stands(seats, at));
        }
    }

    /// Puts this account where it belongs if it waits there for longer than it has to.
    pub(crate) fn hurry(&mut self, lens: &mut Lens<'_>, row: Slot, account: Slot) {
        let Some(seat) = self.seat(row).filter(|seat| seat.account == account) else { return };
        let at = match seat.place {
            Place::Absent { ready_at, .. } | Place::Leaving { ready_at } => ready_at,
            Place::Waiting(at) => at,
            Place::Asleep { until, ready_at, .. } if until > lens.now => ready_at,
            Place::Asleep { .. } | Place::Nowhere | Place::Scanned | Place::Turns => return,
        };
        if lens.outlooks[account.index()].ready_at < at {
            self.seat_anew(lens, row);
        } else {
            lens.note_wait(account, row);
        }
    }

    pub(super) fn seat(&self, row: Slot) -> Option<Seat> {
        self.seats.get(row.index()).copied().flatten()
    }

    /// Takes an account out from wherever it is, to be seated anew.
    pub(crate) fn lift(&mut self, row: Slot) {
        self.rise(row);
    }

    #[inline]
    pub(super) fn rise(&mut self, row: Slot) {
        let Self { seats, turns, .. } = self;
        let Some(Some(seat)) = seats.get_mut(row.index()) else { return };
        let ticket = std::mem::replace(&mut seat.ticket, Ticket::NONE);
        let (id, place) = (seat.id, std::mem::replace(&mut seat.place, Place::Nowhere));
        self.parts -= usize::from(place.takes_part());
        match place {
            Place::Absent { back_at, .. } => self.absent.remove((id, row), back_at),
            Place::Turns => turns.leave(ticket),
            Place::Asleep { run, until, .. } => {
                turns.get_out(ticket, (run, until), |at| stands(seats, at));
            }
            Place::Waiting(at) => self.out.remove(at, (id, row)),
            Place::Leaving { .. } | Place::Nowhere | Place::Scanned => {}
        }
    }

    pub(super) fn sit(&mut self, lens: &mut Lens<'_>, row: Slot) {
        self.sit_down(lens, row, false);
    }

    /// Puts an account that is nowhere where it belongs. It may rest only while its email is out.
    #[inline]
    fn sit_down(&mut self, lens: &mut Lens<'_>, row: Slot, is_out: bool) {
        let few = are_few(&self.seats);
        let (Some(Some(seat)), Some((_, attachment))) =
            (self.seats.get_mut(row.index()), lens.attached.row(row))
        else {
            return;
        };
        let (account, member) = (seat.account, (seat.id, row));
        let outlook = &lens.outlooks[account.index()];
        let (ready_at, flips_at) = (outlook.ready_at, outlook.flips_at);
        if self.scans && attachment.present && !outlook.away() {
            seat.place = Place::Scanned;
            self.parts += 1;
            self.note_outlook(lens, row, flips_at);
            return;
        }
        let may_join = outlook.is_ready(lens.now) || few && !outlook.away();
        if attachment.present && may_join {
            let spot = spot(seat.id, outlook, attachment);
            self.join(row, spot, outlook.moves);
            self.parts += 1;
            self.note_outlook(lens, row, flips_at);
            return;
        }
        if attachment.present && !outlook.away() {
            if is_out {
                seat.place = Place::Waiting(ready_at);
                self.out.add(ready_at, member);
            } else if self.alike.is_many(ready_at) && self.turns.lie_together(ready_at) {
                let spot = spot(seat.id, outlook, attachment);
                if let Some(((run, until), ticket)) = self.turns.lie_down(row, spot, ready_at) {
                    (seat.place, seat.ticket) = (Place::Asleep { run, until, ready_at }, ticket);
                }
                seat.moves = outlook.moves;
                self.drop_left_behind();
            } else {
                seat.moves = outlook.moves;
                let spot = spot(seat.id, outlook, attachment);
                self.rest(member, spot, (ready_at, lens.now));
            }
            self.calm_until = self.calm_until.min(ready_at);
            self.parts += 1;
            self.note_outlook(lens, row, flips_at);
        } else {
            self.forget_closing(row);
            let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return };
            if attachment.present {
                seat.place = Place::Leaving { ready_at };
                self.leaving.push(row);
                self.stays_at = self.stays_at.min(flips_at);
                self.calm_until = self.calm_until.min(flips_at);
            } else {
                let back_at = if outlook.away() { flips_at } else { Timestamp::MIN };
                seat.place = Place::Absent { ready_at, back_at };
                if back_at < Timestamp::MAX {
                    self.absent.add(member, back_at);
                }
            }
            if ready_at != seat.noted_at && ready_at < Timestamp::MAX {
                seat.noted_at = ready_at;
                self.absent.ready.push(ready_at, member);
            }
        }
        lens.note_wait(account, row);
        self.drop_stale();
    }
}

/// How many have a turn in a round, where those that rest may be put aside.
fn awake(seats: &[Option<Seat>], turns: &Order) -> Option<usize> {
    (!are_few(seats)).then(|| turns.awake())
}
