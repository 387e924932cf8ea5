//! One campaign's accounts: those that take part in the order of their turns or by when they may
//! send, and those that do not.
//!
//! An account is put where it belongs when it is looked at, and what stands there about it is a
//! lower bound until it comes up: sends from other campaigns move it back, pauses begin. It is
//! looked at anew when it comes up, and moved then. What would bring it forward moves it at once.
//! Knows the derived outlook of its accounts; changes no fact and decides nothing by itself.

use std::hint::black_box;
use std::ops::Range;

use crate::rotation::absent::Absent;
use crate::rotation::agenda::Agenda;
use crate::rotation::few::FEW;
use crate::rotation::lease::Lease;
use crate::rotation::lens::{Lens, spot};
use crate::rotation::order::Order;
use crate::rotation::outlook::Outlook;
use crate::rotation::standing::{Rows, Spot, Standing, Ticket};
use crate::rotation::state::Attachment;
use crate::rotation::table::Slot;
use crate::vocab::{AccountId, Timestamp};

/// Where an attached account is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not part of the rotation: when it may send, and when it may come back. The least instant
    /// there is stands for at once.
    Absent { ready_at: Timestamp, back_at: Timestamp },
    /// Part of the rotation until the next grant only: when it may send.
    Leaving { ready_at: Timestamp },
    /// Nowhere.
    Nowhere,
    /// Part of a rotation in which everybody is gone through.
    Scanned,
    /// In the order of turns: ready, as far as is known, or among a few that are all there.
    Turns(Ticket),
    /// Not ready before an instant.
    Waiting(Timestamp),
}

/// What is derived about one attached account: a line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Seat {
    pub(super) account: Slot,
    pub(super) id: AccountId,
    pub(super) place: Place,
    /// How often the account's own place had changed when it was put into the order of turns. What
    /// else makes where it stands puts it anew when it changes.
    moves: u32,
    /// When it may leave by itself, as far as that is noted.
    pub(super) flips_at: Timestamp,
    /// Where its entry is among those that are absent or leave; the last instant if there is none.
    pub(super) noted_at: Timestamp,
}

/// One campaign's accounts.
#[derive(Clone, Debug)]
pub(crate) struct Rota {
    pub(super) seats: Vec<Option<Seat>>,
    pub(super) turns: Order,
    /// Whether everybody is gone through, and nobody is in order nor waits.
    pub(super) scans: bool,
    pub(super) waiting: Agenda<(AccountId, Slot)>,
    pub(super) flips: Agenda<Slot>,
    pub(super) absent: Absent,
    /// Who may have to leave before the next grant.
    pub(super) leaving: Vec<Slot>,
    /// When the first of those may stay after all.
    pub(super) stays_at: Timestamp,
    /// Nobody waits for an earlier instant, and no outlook is to be looked at before.
    pub(super) calm_until: Timestamp,
    /// How many attached accounts are attached to other campaigns too.
    pub(crate) shared: usize,
    pub(crate) lease: Lease,
    /// How many of the next that were served are put aside until they are ready.
    cautious: u8,
    /// How many those are when somebody comes up that is not ready, and about how many were served
    /// since that happened without being put aside: who was not the first may count twice.
    caution: u8,
    trusted: u32,
}

impl Default for Rota {
    fn default() -> Self {
        Self {
            seats: Vec::new(),
            turns: Order::default(),
            scans: false,
            waiting: Agenda::default(),
            flips: Agenda::default(),
            absent: Absent::default(),
            leaving: Vec::new(),
            stays_at: Timestamp::MAX,
            calm_until: Timestamp::MAX,
            shared: 0,
            lease: Lease::NONE,
            cautious: 0,
            caution: CAUTION.start,
            trusted: 0,
        }
    }
}

/// For how many grants a rota is cautious after somebody came up that was not ready: for more each
/// time, if that happens again soon.
const CAUTION: Range<u8> = 4..128;
const SOON: u32 = 64;

/// From so many accounts on their records are read before they are needed.
const MANY: usize = 4_096;

impl Rota {
    /// Takes an account in that was attached.
    pub(crate) fn add(&mut self, lens: &mut Lens<'_>, row: Slot, account: Slot) {
        if self.seats.len() <= row.index() {
            self.seats.resize(row.index() + 1, None);
        }
        let Some(id) = lens.attached.row(row).map(|(id, _)| *id) else { return };
        let (flips_at, noted_at) = (Timestamp::MAX, Timestamp::MAX);
        let seat = Seat { account, id, place: Place::Nowhere, moves: 0, flips_at, noted_at };
        self.seats[row.index()] = Some(seat);
        self.sit(lens, row);
    }

    /// Takes an account out that was detached.
    pub(crate) fn remove(&mut self, row: Slot) {
        self.rise(row);
        if let Some(seat) = self.seats.get_mut(row.index()) {
            *seat = None;
        }
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

    /// The account whose turn it is, if that is known without another look at anybody.
    #[inline]
    pub(crate) fn whose_turn(
        &mut self,
        outlooks: &[Outlook],
        virtual_time: i128,
        now: Timestamp,
    ) -> Option<Slot> {
        let Self { seats, turns, .. } = self;
        let rows = Present { seats, outlooks, now };
        let row = turns.first_eligible(virtual_time, &rows)?.row();
        let (seat, outlook) = rows.find(row)?;
        let is_there = seat.moves == outlook.moves && outlook.is_ready(now);
        is_there.then_some(row)
    }

    /// Puts an account back that was served. It mostly pauses now, and is mostly ready again when
    /// its turn comes; unless that was seen to be otherwise it goes back into the order at once.
    pub(crate) fn served(&mut self, lens: &mut Lens<'_>, row: Slot) {
        if self.cautious > 0 {
            self.cautious -= 1;
            self.seat_anew(lens, row);
            return;
        }
        let (Some(account), Some(attachment)) = (self.account(row), lens.attached.at(row)) else {
            return;
        };
        let Some(outlook) = lens.outlooks.get(account.index()) else { return };
        if self.serve(row, outlook, attachment) {
            return;
        }
        if attachment.present && !outlook.away() && !self.scans {
            if let Some(Some(seat)) = self.seats.get(row.index()) {
                self.join(row, spot(seat.id, outlook, attachment), outlook.moves);
            }
        } else {
            self.seat_anew(lens, row);
        }
    }

    /// Puts an account back into the order that was the first of it, unless it should not go there.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn serve(&mut self, row: Slot, outlook: &Outlook, attachment: &Attachment) -> bool {
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return false };
        let Place::Turns(ticket) = seat.place else { return false };
        if self.cautious > 0 || !attachment.present || outlook.away() {
            return false;
        }
        seat.moves = outlook.moves;
        self.trusted = self.trusted.wrapping_add(1);
        self.turns.serve(ticket, row, spot(seat.id, outlook, attachment))
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
        seat.moves = moves;
        seat.place = Place::Turns(match seat.place {
            Place::Turns(old) => turns.put_again(old, row, spot),
            Place::Absent { .. }
            | Place::Leaving { .. }
            | Place::Nowhere
            | Place::Scanned
            | Place::Waiting(_) => turns.insert(row, spot),
        });
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
            Place::Nowhere | Place::Scanned | Place::Turns(_) => return,
        };
        if lens.outlooks[account.index()].ready_at < at {
            self.seat_anew(lens, row);
        } else {
            lens.note_wait(account, row);
        }
    }

    /// The first in the order of turns: of those whose start has come the one with the earliest
    /// deadline.
    #[inline]
    pub(crate) fn first_eligible(&mut self, lens: &mut Lens<'_>) -> Option<Slot> {
        if self.scans {
            return self.scan_eligible(lens);
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
    pub(crate) fn next(&mut self, lens: &mut Lens<'_>, excluded: &[AccountId]) -> Option<Slot> {
        let mut aside = Vec::new();
        let mut look = |rota: &mut Self, first: fn(&mut Self, &mut Lens<'_>) -> Option<Slot>| loop {
            let row = first(rota, lens)?;
            if lens.attached.row(row).is_none_or(|(id, _)| !excluded.contains(id)) {
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
        let is_ready = outlook.is_ready(lens.now);
        if is_ready && seat.moves == outlook.moves {
            return true;
        }
        if !is_ready {
            self.be_cautious();
        }
        self.seat_anew(lens, row);
        false
    }

    fn be_cautious(&mut self) {
        let again = self.trusted < SOON;
        self.caution =
            if again { CAUTION.end.min(self.caution.saturating_mul(2)) } else { CAUTION.start };
        (self.cautious, self.trusted) = (self.caution, 0);
    }

    pub(super) fn seat(&self, row: Slot) -> Option<Seat> {
        self.seats.get(row.index()).copied().flatten()
    }

    /// Takes an account out from wherever it is, to be seated anew.
    pub(crate) fn lift(&mut self, row: Slot) {
        self.rise(row);
    }

    fn rise(&mut self, row: Slot) {
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return };
        match std::mem::replace(&mut seat.place, Place::Nowhere) {
            Place::Absent { back_at, .. } => self.absent.remove((seat.id, row), back_at),
            Place::Turns(ticket) => self.turns.leave(ticket),
            Place::Leaving { .. } | Place::Nowhere | Place::Scanned | Place::Waiting(_) => {}
        }
    }

    pub(super) fn sit(&mut self, lens: &mut Lens<'_>, row: Slot) {
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
            self.note_flip(row, flips_at);
            return;
        }
        let may_join = outlook.is_ready(lens.now) || few && !outlook.away();
        if attachment.present && may_join {
            let spot = spot(seat.id, outlook, attachment);
            self.join(row, spot, outlook.moves);
            self.note_flip(row, flips_at);
            return;
        }
        if attachment.present && !outlook.away() {
            seat.place = Place::Waiting(ready_at);
            self.waiting.push(ready_at, member);
            self.calm_until = self.calm_until.min(ready_at);
            self.note_flip(row, flips_at);
        } else {
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

/// What the order of turns is told of its rows.
struct Present<'a> {
    seats: &'a [Option<Seat>],
    outlooks: &'a [Outlook],
    now: Timestamp,
}

impl Present<'_> {
    #[inline]
    fn find(&self, row: Slot) -> Option<(&Seat, &Outlook)> {
        let seat = self.seats.get(row.index())?.as_ref()?;
        Some((seat, self.outlooks.get(seat.account.index())?))
    }
}

impl Rows for Present<'_> {
    #[inline]
    fn stands(&self, at: &Standing) -> bool {
        stands(self.seats, at)
    }

    #[inline]
    fn is_ready(&self, row: Slot) -> bool {
        // Of more than a few, who is not ready is found out when it comes up, and put elsewhere.
        !are_few(self.seats)
            || self.find(row).is_some_and(|(_, outlook)| outlook.is_ready(self.now))
    }
}

/// Whether those that are not ready stand among the others: so few are gone through each time.
pub(super) fn are_few(seats: &[Option<Seat>]) -> bool {
    seats.len() <= FEW
}

/// Whether an entry of the order is the present one of its row.
fn stands(seats: &[Option<Seat>], at: &Standing) -> bool {
    let seat = seats.get(at.row().index()).and_then(Option::as_ref);
    seat.is_some_and(|seat| seat.place == Place::Turns(at.ticket))
}
