//! When the first of those that may not send may.
//!
//! What is noted of an account is a lower bound until it comes up. Then it is looked at, and moved
//! if it does not stand there any more.

use crate::rotation::absent::Member;
use crate::rotation::agenda::Agenda;
use crate::rotation::lens::Lens;
use crate::rotation::rota::{Place, Rota};
use crate::rotation::table::Slot;
use crate::vocab::{AccountId, Timestamp};

/// Those that take part in the rotation and go on doing so, and the others.
#[derive(Clone, Copy, Debug)]
enum Side {
    Absent,
    Present,
}

impl Rota {
    /// Whether nobody is to be looked at or let up by now.
    pub(crate) fn is_calm(&self, now: Timestamp) -> bool {
        now < self.calm_until
    }

    /// Lets everybody up who waited until now, once all were looked at that had to be.
    pub(crate) fn wake(&mut self, lens: &mut Lens<'_>) {
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
        let firsts = [self.waiting.first().map(|(at, _)| at), self.flips.first().map(|(at, _)| at)];
        self.calm_until = firsts.into_iter().flatten().fold(self.stays_at, Timestamp::min);
    }

    /// The first of those that wait whom the request does not exclude, and until when it waits.
    pub(crate) fn first_waiting(
        &mut self,
        lens: &mut Lens<'_>,
        excluded: &[AccountId],
    ) -> Option<(Timestamp, AccountId)> {
        let sides = [Side::Absent, Side::Present];
        sides.into_iter().filter_map(|side| self.first_of(lens, side, excluded)).min()
    }

    fn first_of(
        &mut self,
        lens: &mut Lens<'_>,
        side: Side,
        excluded: &[AccountId],
    ) -> Option<(Timestamp, AccountId)> {
        let mut aside = Vec::new();
        let mut found = None;
        while let Some((at, (id, row), account)) = self.first(side) {
            if lens.outlooks[account.index()].ready_at != at {
                self.agenda(side).pop();
                self.seat_anew(lens, row);
            } else if excluded.contains(&id) {
                aside.extend(self.agenda(side).pop());
            } else {
                found = Some((at, id));
                break;
            }
        }
        for (at, member) in aside {
            self.agenda(side).push(at, member);
        }
        found
    }

    fn first(&mut self, side: Side) -> Option<(Timestamp, Member, Slot)> {
        match side {
            Side::Absent => self.first_absent(),
            Side::Present => self.first_present(),
        }
    }

    fn agenda(&mut self, side: Side) -> &mut Agenda<Member> {
        match side {
            Side::Absent => &mut self.absent.ready,
            Side::Present => &mut self.waiting,
        }
    }

    fn first_present(&mut self) -> Option<(Timestamp, Member, Slot)> {
        while let Some((at, member)) = self.waiting.first() {
            if self.waits_until(member.1) == Some(at) {
                return Some((at, member, self.seat(member.1)?.account));
            }
            self.waiting.pop();
        }
        None
    }

    /// When the first of those that are absent or leave may send, as far as is known.
    pub(crate) fn first_absent(&mut self) -> Option<(Timestamp, Member, Slot)> {
        self.drop_stale_absent();
        let (at, member) = self.absent.ready.first()?;
        Some((at, member, self.seat(member.1)?.account))
    }

    /// Takes that entry out for a while.
    pub(crate) fn put_aside(&mut self) -> Option<(Timestamp, Member)> {
        self.absent.ready.pop()
    }

    pub(crate) fn put_back(&mut self, aside: Vec<(Timestamp, Member)>) {
        for (at, member) in aside {
            self.absent.ready.push(at, member);
        }
    }

    pub(super) fn drop_stale_absent(&mut self) {
        while let Some((at, (id, row))) = self.absent.ready.first() {
            if self.absent_until(row) == Some((at, id)) {
                break;
            }
            self.absent.ready.pop();
        }
    }

    /// When an account may send that is absent or leaves.
    fn absent_until(&self, row: Slot) -> Option<(Timestamp, AccountId)> {
        let seat = self.seat(row)?;
        match seat.place {
            Place::Absent { ready_at, .. } | Place::Leaving { ready_at } => {
                Some((ready_at, seat.id))
            }
            Place::Nowhere | Place::Turns(_) | Place::Waiting(_) => None,
        }
    }

    fn waits_until(&self, row: Slot) -> Option<Timestamp> {
        match self.seat(row)?.place {
            Place::Waiting(at) => Some(at),
            Place::Absent { .. } | Place::Leaving { .. } | Place::Nowhere | Place::Turns(_) => None,
        }
    }

    /// Drops what no longer stands, once it is most of what there is.
    pub(super) fn drop_stale(&mut self) {
        let most = 2 * self.seats.len() + 64;
        let Self { seats, waiting, absent, .. } = self;
        let place = |row: Slot| seats[row.index()].as_ref().map(|seat| seat.place);
        if waiting.len() > most {
            waiting.retain(|at, (_, row)| place(row) == Some(Place::Waiting(at)));
        }
        if absent.ready.len() > most {
            absent.ready.retain(|at, (_, row)| match place(row) {
                Some(Place::Absent { ready_at, .. } | Place::Leaving { ready_at }) => {
                    ready_at == at
                }
                _ => false,
            });
        }
    }
}
