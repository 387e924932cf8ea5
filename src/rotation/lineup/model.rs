//! A reference for tests: the rules of a rotation alone, with everybody looked at for each answer.

use crate::policy::{Stride, grain, rescaled, within_reach};
use crate::rotation::lineup::members::{Member, Presence, day_end};
use crate::vocab::{Span, Timestamp};

/// So many come back before a pick.
const RETURNS_MAX: usize = 16;

/// Members in a plain list.
pub(super) struct Model {
    now: Timestamp,
    day_end: Timestamp,
    virtual_time: i128,
    carried: u64,
    total: Stride,
    seats: Vec<Seat>,
}

struct Seat {
    member: Member,
    carried: u64,
    stride: Stride,
    presence: Presence,
}

impl Seat {
    fn due(&self) -> i128 {
        let mut carried = self.carried;
        grain(self.member.start + self.stride.step(&mut carried))
    }

    fn start(&self) -> i128 {
        grain(self.member.start)
    }

    fn may_return(&self, now: Timestamp) -> bool {
        self.presence == Presence::Absent && self.member.may_return(now)
    }
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            now: Timestamp::MIN,
            day_end: day_end(Timestamp::MIN),
            virtual_time: 0,
            carried: 0,
            total: Stride::of(0),
            seats: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, weight: u32, cap: u32, gap: Span) {
        let member = Member::new(self.virtual_time, cap, gap, self.now);
        let stride = Stride::of(weight.max(1).into());
        self.seats.push(Seat { member, carried: 0, stride, presence: Presence::Absent });
        if cap > 0 {
            self.let_leave();
            self.bring_back(&[self.seats.len() - 1]);
        }
    }

    pub(super) fn set_weight(&mut self, member: u32, weight: u32) {
        let weight = u64::from(weight.max(1));
        let Some(seat) = self.seats.get_mut(member as usize) else { return };
        let old = seat.stride.weight();
        if old == weight {
            return;
        }
        let start = rescaled(seat.member.start, self.virtual_time, old, weight);
        seat.member.start = within_reach(start);
        (seat.stride, seat.carried) = (Stride::of(weight), 0);
        if seat.presence != Presence::Absent {
            self.weigh(self.total.weight() - old + weight);
        }
    }

    pub(super) fn pick(&mut self, now: Timestamp) -> Result<u32, Timestamp> {
        self.now = self.now.max(now);
        if self.day_end <= self.now {
            self.day_end = day_end(self.now);
            for seat in &mut self.seats {
                if seat.presence == Presence::Leaving {
                    seat.member.begin_day(self.day_end);
                    seat.presence = Presence::Present;
                }
            }
        }
        let is_ready = |seat: &Seat| {
            let takes_part = seat.presence == Presence::Present || seat.may_return(self.now);
            takes_part && seat.member.is_ready(self.now)
        };
        if !self.seats.iter().any(is_ready) {
            let until = self.seats.iter().map(|seat| seat.member.ready_at).min();
            return Err(until.unwrap_or(Timestamp::MAX));
        }
        self.let_leave();
        loop {
            let coming = (0..self.seats.len()).filter(|at| self.seats[*at].may_return(self.now));
            let coming: Vec<_> = coming.take(RETURNS_MAX).collect();
            self.bring_back(&coming);
            if coming.is_empty() || self.eligible().or_else(|| self.ahead()).is_some() {
                break;
            }
        }
        let number = match self.eligible() {
            Some(number) => number,
            None => self.jump(),
        };
        self.charge(number);
        Ok(u32::try_from(number).unwrap())
    }

    fn jump(&mut self) -> usize {
        let first = self.ahead().unwrap();
        (self.virtual_time, self.carried) = (self.seats[first].member.start, 0);
        let first = self.eligible().unwrap();
        self.virtual_time = self.seats[first].member.start;
        first
    }

    fn charge(&mut self, number: usize) {
        let seat = &mut self.seats[number];
        let least = self.virtual_time - seat.stride.turn();
        seat.member.start = seat.member.start.max(least) + seat.stride.step(&mut seat.carried);
        self.virtual_time += self.total.step(&mut self.carried);
        if !seat.member.spend(self.now) && !seat.member.spend_last(self.now, self.day_end) {
            seat.presence = Presence::Leaving;
        }
    }

    /// The members that take part and are ready.
    fn ready(&self) -> impl Iterator<Item = usize> {
        (0..self.seats.len()).filter(|at| {
            let seat = &self.seats[*at];
            seat.presence == Presence::Present && seat.member.is_ready(self.now)
        })
    }

    fn eligible(&self) -> Option<usize> {
        let eligible =
            self.ready().filter(|at| self.seats[*at].start() <= grain(self.virtual_time));
        eligible.min_by_key(|at| (self.seats[*at].due(), *at))
    }

    fn ahead(&self) -> Option<usize> {
        let ahead = self.ready().filter(|at| self.seats[*at].start() > grain(self.virtual_time));
        ahead.min_by_key(|at| (self.seats[*at].start(), self.seats[*at].due(), *at))
    }

    fn let_leave(&mut self) {
        for number in 0..self.seats.len() {
            if self.seats[number].presence == Presence::Leaving {
                self.leave(number);
            }
        }
    }

    fn leave(&mut self, number: usize) {
        let (stride, start) = (self.seats[number].stride, self.seats[number].member.start);
        let owed = self.virtual_time - start;
        let is_owed = grain(owed) != 0 && grain(owed).abs() <= grain(stride.turn());
        let heir = if owed > 0 { self.ahead() } else { self.eligible() }.filter(|_| is_owed);
        self.seats[number].presence = Presence::Absent;
        self.weigh(self.total.weight() - stride.weight());
        if let Some(heir) = heir {
            self.seats[number].member.start = self.virtual_time;
            let heir = &mut self.seats[heir];
            heir.member.inherit(owed, stride.weight(), heir.stride.weight());
        }
    }

    fn bring_back(&mut self, coming: &[usize]) {
        let ahead = if self.eligible().is_some() { None } else { self.ahead() };
        let present = ahead.map_or(self.virtual_time, |first| self.seats[first].member.start);
        for number in coming.iter().copied() {
            let seat = &mut self.seats[number];
            seat.member.begin_day(self.day_end);
            seat.member.start = seat.member.start.max(present);
            seat.presence = Presence::Present;
            let weight = seat.stride.weight();
            self.weigh(self.total.weight() + weight);
        }
    }

    fn weigh(&mut self, total: u64) {
        (self.total, self.carried) = (Stride::of(total), 0);
    }
}
