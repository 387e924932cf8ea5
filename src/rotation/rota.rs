//! One campaign's accounts in the order of their turns, and those that may not send by when they
//! may.
//!
//! An account is put where it belongs when it is looked at, and what stands there about it is a
//! lower bound until it comes up: sends from other campaigns move it back, pauses begin. It is
//! looked at anew when it comes up, and moved then. What would bring it forward moves it at once.
//! Knows the derived outlook of its accounts; changes no fact and decides nothing by itself.

use crate::rotation::agenda::Agenda;
use crate::rotation::lens::Lens;
use crate::rotation::order::{Order, Standing, Ticket};
use crate::rotation::table::Slot;
use crate::vocab::{AccountId, Timestamp};

/// Where an attached account is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Ready, but not part of the rotation yet.
    Arrived,
    /// Nowhere.
    Nowhere,
    /// Ready, as far as is known: in the order of turns.
    Turns(Ticket),
    /// Not ready before an instant.
    Waiting(Timestamp),
}

/// What is derived about one attached account.
#[derive(Clone, Copy, Debug)]
struct Seat {
    account: Slot,
    place: Place,
    /// The account's own place as it was when it was put into the order of turns. What else makes
    /// where it stands puts it anew when it changes.
    put_at: i128,
    /// When its outlook is to be looked at again, as far as that is noted.
    flips_at: Timestamp,
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
    seats: Vec<Option<Seat>>,
    turns: Order,
    waiting: Agenda<(AccountId, Slot)>,
    flips: Agenda<Slot>,
    /// Nobody waits for an earlier instant, and no outlook is to be looked at before.
    calm_until: Timestamp,
    arrived: Vec<Slot>,
    /// Whose part in the rotation may have changed since the last grant.
    pub(crate) changed: Vec<Slot>,
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
            calm_until: Timestamp::MAX,
            arrived: Vec::new(),
            changed: Vec::new(),
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
        let seat = Seat { account, place: Place::Nowhere, put_at: 0, flips_at: Timestamp::MAX };
        self.seats[row.index()] = Some(seat);
        self.note_flip(row, lens.outlooks[account.index()].flips_at);
        self.changed.push(row);
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

    /// Notes when an account is to be looked at again, if that is before what was noted.
    pub(crate) fn note_flip(&mut self, row: Slot, at: Timestamp) {
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return };
        if at < seat.flips_at {
            seat.flips_at = at;
            self.calm_until = self.calm_until.min(at);
            self.flips.push(at, row);
            if self.flips.len() > 2 * self.seats.len() + 64 {
                let seats = &self.seats;
                let stands = |at, row: Slot| {
                    seats[row.index()].as_ref().is_some_and(|seat| seat.flips_at == at)
                };
                self.flips.retain(stands);
            }
        }
    }

    /// An account whose outlook has to be looked at by now. It must be noted again.
    pub(crate) fn flipped(&mut self, now: Timestamp) -> Option<(Slot, Slot)> {
        if self.is_calm(now) {
            return None;
        }
        while let Some((at, row)) = self.flips.first().filter(|(at, _)| *at <= now) {
            self.flips.pop();
            if let Some(Some(seat)) = self.seats.get_mut(row.index()) {
                if seat.flips_at == at {
                    seat.flips_at = Timestamp::MAX;
                    return Some((row, seat.account));
                }
            }
        }
        None
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
        seat.put_at = lens.outlooks[account.index()].at;
        seat.place = Place::Turns(match seat.place {
            Place::Turns(old) => turns.put_again(old, row, spot),
            Place::Arrived | Place::Nowhere | Place::Waiting(_) => turns.insert(row, spot),
        });
        if turns.len() > 2 * seats.len() + 64 {
            turns.retain(|at| stands(seats, at));
        }
    }

    /// Puts this account where it belongs if it waits there for longer than it has to.
    pub(crate) fn hurry(&mut self, lens: &mut Lens<'_>, row: Slot, account: Slot) {
        let Some(seat) = self.seat(row).filter(|seat| seat.account == account) else { return };
        let Place::Waiting(at) = seat.place else { return };
        if lens.outlooks[account.index()].ready_at < at {
            self.seat_anew(lens, row);
        } else {
            lens.note_wait(account, row);
        }
    }

    /// Whether nobody is to be looked at or let up by now.
    pub(crate) fn is_calm(&self, now: Timestamp) -> bool {
        now < self.calm_until
    }

    /// Lets everybody up who waited until now.
    pub(crate) fn wake(&mut self, lens: &mut Lens<'_>) {
        if self.is_calm(lens.now) {
            return;
        }
        while let Some((at, (_, row))) = self.waiting.first().filter(|(at, _)| *at <= lens.now) {
            self.waiting.pop();
            if self.waits_until(row) == Some(at) {
                self.seat_anew(lens, row);
                // At the last instant that there is, what waits for it waits for ever.
                if self.waits_until(row).is_some_and(|again| again <= lens.now) {
                    break;
                }
            }
        }
        let first = self.waiting.first().map_or(Timestamp::MAX, |(at, _)| at);
        self.calm_until = self.flips.first().map_or(first, |(at, _)| at.min(first));
    }

    /// The first of those that wait whom the request does not exclude, and until when it waits.
    pub(crate) fn first_waiting(
        &mut self,
        lens: &mut Lens<'_>,
        excluded: &[AccountId],
    ) -> Option<(Timestamp, AccountId)> {
        let mut aside = Vec::new();
        let found = loop {
            let Some((at, (id, row))) = self.waiting.first() else { break None };
            let seat = self.seat(row).filter(|seat| seat.place == Place::Waiting(at));
            let Some(seat) = seat else {
                self.waiting.pop();
                continue;
            };
            if lens.outlooks[seat.account.index()].ready_at != at {
                self.waiting.pop();
                self.seat_anew(lens, row);
            } else if excluded.contains(&id) {
                self.waiting.pop();
                aside.push((at, (id, row)));
            } else {
                break Some((at, id));
            }
        };
        for (at, about) in aside {
            self.waiting.push(at, about);
        }
        found
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

    /// Anybody who may send now and is not excluded.
    pub(crate) fn anybody_ready(&mut self, lens: &mut Lens<'_>, excluded: &[AccountId]) -> bool {
        if self.next(lens, excluded).is_some() {
            return true;
        }
        let mut n = 0;
        while let Some(row) = self.arrived.get(n).copied() {
            let seat = self.seat(row).filter(|seat| seat.place == Place::Arrived);
            if seat.is_some_and(|seat| lens.outlooks[seat.account.index()].is_ready(lens.now)) {
                if lens.attached.row(row).is_some_and(|(id, _)| !excluded.contains(id)) {
                    return true;
                }
                n += 1;
            } else {
                self.arrived.swap_remove(n);
                if seat.is_some() {
                    self.seat_anew(lens, row);
                }
            }
        }
        false
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
        if is_ready && seat.put_at == outlook.at {
            return true;
        }
        if !is_ready {
            self.cautious = CAUTION;
        }
        self.seat_anew(lens, row);
        false
    }

    fn seat(&self, row: Slot) -> Option<Seat> {
        self.seats.get(row.index()).copied().flatten()
    }

    fn waits_until(&self, row: Slot) -> Option<Timestamp> {
        match self.seat(row)?.place {
            Place::Waiting(at) => Some(at),
            Place::Arrived | Place::Nowhere | Place::Turns(_) => None,
        }
    }

    fn rise(&mut self, row: Slot) {
        let Some(Some(seat)) = self.seats.get_mut(row.index()) else { return };
        if let Place::Turns(ticket) = std::mem::replace(&mut seat.place, Place::Nowhere) {
            self.turns.leave(ticket);
        }
    }

    fn sit(&mut self, lens: &mut Lens<'_>, row: Slot) {
        let (Some(Some(seat)), Some((id, attachment))) =
            (self.seats.get_mut(row.index()), lens.attached.row(row))
        else {
            return;
        };
        let outlook = &lens.outlooks[seat.account.index()];
        if !outlook.is_ready(lens.now) {
            seat.place = Place::Waiting(outlook.ready_at);
            lens.note_wait(seat.account, row);
            self.calm_until = self.calm_until.min(outlook.ready_at);
            self.waiting.push(outlook.ready_at, (*id, row));
            if self.waiting.len() > 2 * self.seats.len() + 64 {
                let seats = &self.seats;
                self.waiting.retain(|at, (_, row)| {
                    let seat = seats[row.index()].as_ref();
                    seat.is_some_and(|seat| seat.place == Place::Waiting(at))
                });
            }
        } else if attachment.present {
            let account = seat.account;
            self.join(lens, row, account);
        } else {
            seat.place = Place::Arrived;
            self.arrived.push(row);
        }
    }
}

/// Whether an entry of the order is the present one of its row.
fn stands(seats: &[Option<Seat>], at: &Standing) -> bool {
    let seat = seats.get(at.row().index()).and_then(Option::as_ref);
    seat.is_some_and(|seat| seat.place == Place::Turns(at.ticket))
}
