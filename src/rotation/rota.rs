//! One campaign's accounts: those that take part in the order of their turns or by when they may
//! send, and those that do not.
//!
//! An account is put where it belongs when it is looked at, and what stands there about it is a
//! lower bound until it comes up: sends from other campaigns move it back, pauses begin. It is
//! looked at anew when it comes up, and moved then. What would bring it forward moves it at once.
//! Knows the derived outlook of its accounts; changes no fact and decides nothing by itself.

use crate::rotation::absent::Absent;
use crate::rotation::agenda::Agenda;
use crate::rotation::lens::Lens;
use crate::rotation::order::{Order, Standing, Ticket};
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
    /// Ready, as far as is known: in the order of turns.
    Turns(Ticket),
    /// Not ready before an instant.
    Waiting(Timestamp),
}

/// What is derived about one attached account.
#[derive(Clone, Copy, Debug)]
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

/// What a campaign surely lets through: so many emails before an instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) until: Timestamp,
    pub(crate) emails: u32,
}

impl Lease {
    pub(crate) const NONE: Self = Self { until: Timestamp::MIN, emails: 0 };
}

/// One campaign's accounts.
#[derive(Clone, Debug)]
pub(crate) struct Rota {
    pub(super) seats: Vec<Option<Seat>>,
    turns: Order,
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
}

impl Default for Rota {
    fn default() -> Self {
        Self {
            seats: Vec::new(),
            turns: Order::default(),
            waiting: Agenda::default(),
            flips: Agenda::default(),
            absent: Absent::default(),
            leaving: Vec::new(),
            stays_at: Timestamp::MAX,
            calm_until: Timestamp::MAX,
            shared: 0,
            lease: Lease::NONE,
            cautious: 0,
        }
    }
}

/// For how many grants a rota is cautious after somebody came up that was not ready.
const CAUTION: u8 = 32;

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

    /// Puts an account back that was served. It mostly pauses now, and is mostly ready again when
    /// its turn comes; unless that was seen to be otherwise it goes back into the order at once.
    pub(crate) fn served(&mut self, lens: &mut Lens<'_>, row: Slot) {
        let Some(account) = self.account(row) else { return };
        let present = lens.attached.at(row).is_some_and(|attachment| attachment.present);
        let away = lens.outlooks[account.index()].away;
        if self.cautious == 0 && present && !away {
            self.join(lens, row, account);
        } else {
            self.cautious = self.cautious.saturating_sub(1);
            self.seat_anew(lens, row);
        }
    }

    /// Puts an account into the order, from wherever it is.
    fn join(&mut self, lens: &Lens<'_>, row: Slot, account: Slot) {
        let Self { seats, turns, .. } = self;
        let (Some(Some(seat)), Some(spot)) = (seats.get_mut(row.index()), lens.spot(row, account))
        else {
            return;
        };
        seat.moves = lens.outlooks[account.index()].moves;
        seat.place = Place::Turns(match seat.place {
            Place::Turns(old) => turns.put_again(old, row, spot),
            Place::Absent { .. } | Place::Leaving { .. } | Place::Nowhere | Place::Waiting(_) => {
                turns.insert(row, spot)
            }
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
            Place::Nowhere | Place::Turns(_) => return,
        };
        if lens.outlooks[account.index()].ready_at < at {
            self.seat_anew(lens, row);
        } else {
            lens.note_wait(account, row);
        }
    }

    /// The first in the order of turns: of those whose start has come the one with the earliest
    /// deadline.
    pub(crate) fn first_eligible(&mut self, lens: &mut Lens<'_>) -> Option<Slot> {
        while !self.turns.is_empty() {
            let Self { seats, turns, .. } = self;
            let row = turns.first_eligible(lens.virtual_time, |at| stands(seats, at))?.row();
            if self.confirm(lens, row) {
                return Some(row);
            }
        }
        None
    }

    /// Of those whose start has not come the one whose start comes first, if
    /// [`first_eligible`](Self::first_eligible) was asked for before.
    pub(crate) fn first_ahead(&mut self, lens: &mut Lens<'_>) -> Option<Slot> {
        while !self.turns.is_empty() {
            let Self { seats, turns, .. } = self;
            let row = turns.first_ahead(lens.virtual_time, |at| stands(seats, at))?.row();
            if self.confirm(lens, row) {
                return Some(row);
            }
        }
        None
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
    fn confirm(&mut self, lens: &mut Lens<'_>, row: Slot) -> bool {
        let Some(Some(seat)) = self.seats.get(row.index()) else { return false };
        let outlook = &lens.outlooks[seat.account.index()];
        let is_ready = outlook.is_ready(lens.now);
        if is_ready && seat.moves == outlook.moves {
            return true;
        }
        if !is_ready {
            self.cautious = CAUTION;
        }
        self.seat_anew(lens, row);
        false
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
            Place::Leaving { .. } | Place::Nowhere | Place::Waiting(_) => {}
        }
    }

    fn sit(&mut self, lens: &mut Lens<'_>, row: Slot) {
        let (Some(Some(seat)), Some((_, attachment))) =
            (self.seats.get_mut(row.index()), lens.attached.row(row))
        else {
            return;
        };
        let (account, member) = (seat.account, (seat.id, row));
        let outlook = &lens.outlooks[account.index()];
        let (ready_at, flips_at) = (outlook.ready_at, outlook.flips_at);
        if attachment.present && outlook.is_ready(lens.now) {
            self.join(lens, row, account);
            self.note_flip(row, flips_at);
            return;
        }
        if attachment.present && !outlook.away {
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
                let back_at = if outlook.away { flips_at } else { Timestamp::MIN };
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

/// Whether an entry of the order is the present one of its row.
fn stands(seats: &[Option<Seat>], at: &Standing) -> bool {
    let seat = seats.get(at.row().index()).and_then(Option::as_ref);
    seat.is_some_and(|seat| seat.place == Place::Turns(at.ticket))
}
