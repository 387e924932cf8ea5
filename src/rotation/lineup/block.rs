//! The rotation alone of up to sixteen members, who lie side by side and are gone through.
//!
//! Most pools are that small. What is known of a member stands in one place, and a number tells the
//! order, so that a pick moves half a byte and writes one member. Knows no more of its members than
//! their weight, cap and gap.

use crate::policy::{Stride, end_of_grain, grain, rescaled, with_number, within_reach};
use crate::rotation::lineup::members::{Member, Presence, day_end};
use crate::vocab::{Span, Timestamp};

/// How many there is room for: a number of 64 bits holds as many places of four bits.
pub(super) const ROOM: usize = 16;

/// Up to [`ROOM`] members.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Where those are that have turns, by deadline, then by number; the first is in the lowest
    /// four bits.
    order: u64,
    /// How many have turns.
    present: usize,
    /// Nothing but a gap begins or ends before.
    quiet_until: Timestamp,
    pub(super) now: Timestamp,
    /// How far virtual time has come, and what rounding left of it.
    pub(super) virtual_time: i128,
    pub(super) carried: u64,
    /// The turns of all that take part together.
    pub(super) total: Stride,
    /// When the day of universal time ends.
    pub(super) day_end: Timestamp,
    count: usize,
    seats: [Seat; ROOM],
}

/// A member: two lines of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Seat {
    pub(super) member: Member,
    /// Where its turn is due, and what rounding left of that.
    due: i128,
    carried: u64,
    /// The deadline and the number, as they are compared.
    key: i128,
    stride: Stride,
    pub(super) presence: Presence,
}

impl Seat {
    fn new(member: Member, weight: u64) -> Self {
        let (start, presence) = (member.start, Presence::Absent);
        let stride = Stride::of(weight);
        let mut seat = Self { member, due: start, carried: 0, key: 0, stride, presence };
        seat.weigh(weight);
        seat
    }

    pub(super) const fn weight(&self) -> u64 {
        self.stride.weight()
    }

    /// What rounding left of the start.
    pub(super) const fn carried(&self) -> u64 {
        self.stride.carried_before(self.carried)
    }

    /// Starts its turn there.
    fn stand(&mut self, start: i128) {
        self.due += start - self.member.start;
        self.member.start = start;
    }

    /// Has it stand where it does with another weight.
    fn weigh(&mut self, weight: u64) {
        (self.stride, self.carried) = (Stride::of(weight), 0);
        self.due = self.member.start + self.stride.step(&mut self.carried);
    }

    /// Whether it is absent and may come back.
    fn is_coming(&self, now: Timestamp) -> bool {
        self.presence == Presence::Absent && self.member.may_return(now)
    }
}

impl Block {
    /// No members, before all time.
    pub(super) fn new() -> Self {
        let day_end = day_end(Timestamp::MIN);
        Self {
            order: 0,
            present: 0,
            quiet_until: day_end,
            now: Timestamp::MIN,
            virtual_time: 0,
            carried: 0,
            total: Stride::of(0),
            day_end,
            count: 0,
            seats: [Seat::new(Member::new(0, 0, Span::ZERO, Timestamp::MIN), 1); ROOM],
        }
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats[..self.count]
    }

    /// Adds a member. There must be room.
    pub(super) fn add(&mut self, weight: u64, cap: u32, gap: Span) -> u32 {
        let place = self.count;
        self.count += 1;
        let member = Member::new(self.virtual_time, cap, gap, self.now);
        self.seats[place] = Seat::new(member, weight);
        if cap > 0 {
            self.let_leave();
            self.bring_back(&[place]);
        }
        number(place).into()
    }

    /// Picks a member and counts its send, or says when the first may.
    #[inline]
    pub(super) fn pick(&mut self, now: Timestamp) -> Result<u32, Timestamp> {
        let now = self.now.max(now);
        self.now = now;
        let first = if now < self.quiet_until { self.first_eligible() } else { None };
        let nth = match first {
            Some(nth) => nth,
            None => self.turn_of_all()?,
        };
        Ok(self.charge(nth))
    }

    /// The first by deadline among those whose start has come and who are ready.
    #[inline]
    fn first_eligible(&self) -> Option<usize> {
        let (last, now) = (end_of_grain(self.virtual_time), self.now);
        let mut order = self.order;
        for nth in 0..self.present {
            let member = &self.seats[(order & 15) as usize].member;
            if member.start <= last && member.is_ready(now) {
                return Some(nth);
            }
            order >>= 4;
        }
        None
    }

    /// The first by start among those whose start has not come and who are ready.
    fn first_ahead(&self) -> Option<usize> {
        let (last, now) = (end_of_grain(self.virtual_time), self.now);
        let is_ahead = |of: &Member| of.start > last && of.is_ready(now);
        let ahead = (0..self.present).filter(|nth| is_ahead(self.nth(*nth)));
        // Of those that start at one place the first of the order is due first.
        ahead.min_by_key(|nth| grain(self.nth(*nth).start))
    }

    #[inline(never)]
    fn turn_of_all(&mut self) -> Result<usize, Timestamp> {
        if self.quiet_until <= self.now {
            self.settle()?;
        }
        if let Some(nth) = self.first_eligible() {
            return Ok(nth);
        }
        let nth = self.first_ahead().ok_or_else(|| self.until())?;
        (self.virtual_time, self.carried) = (self.nth(nth).start, 0);
        Ok(nth)
    }

    /// Counts a send of one of the order and puts it back.
    #[inline]
    fn charge(&mut self, nth: usize) -> u32 {
        let (now, place) = (self.now, self.place(nth));
        let seat = &mut self.seats[place];
        // A rested member catches up by one turn at most.
        let least = self.virtual_time - seat.stride.turn();
        if seat.member.start < least {
            seat.due += least - seat.member.start;
        }
        seat.member.start = seat.due;
        seat.due += seat.stride.step(&mut seat.carried);
        let goes_on = seat.member.spend(now);
        self.virtual_time += self.total.step(&mut self.carried);
        self.strike(nth);
        if goes_on || self.spend_last(place) {
            self.enter(place);
        }
        number(place).into()
    }

    /// Counts the last send that a member may make today, or the first of a day. Says whether it
    /// goes on taking part.
    #[inline(never)]
    fn spend_last(&mut self, place: usize) -> bool {
        let seat = &mut self.seats[place];
        let goes_on = seat.member.spend_last(self.now, self.day_end);
        if !goes_on {
            seat.presence = Presence::Leaving;
            self.quiet_until = Timestamp::MIN;
        }
        goes_on
    }

    /// Gives a member another weight. It stays as many of its turns before or behind as it was.
    pub(super) fn set_weight(&mut self, member: u32, weight: u64) {
        let (place, virtual_time) = (member as usize, self.virtual_time);
        let Some(seat) = self.seats[..self.count].get_mut(place) else { return };
        let old = seat.weight();
        if old == weight {
            return;
        }
        let start = rescaled(seat.member.start, virtual_time, old, weight);
        seat.member.start = within_reach(start);
        seat.weigh(weight);
        let presence = seat.presence;
        if presence != Presence::Absent {
            self.weigh(self.total.weight() - old + weight);
        }
        if presence == Presence::Present {
            self.take_out(place);
            self.enter(place);
        }
    }

    /// Begins the day; and if anybody may send, who must leaves, and who may comes back.
    fn settle(&mut self) -> Result<(), Timestamp> {
        if self.day_end <= self.now {
            self.day_end = day_end(self.now);
            self.let_stay();
        }
        let ready = |seat: &Seat| {
            let takes_part = seat.presence == Presence::Present || seat.is_coming(self.now);
            takes_part && seat.member.is_ready(self.now)
        };
        if !self.seats().iter().any(ready) {
            self.quiet_until = Timestamp::MIN;
            return Err(self.until());
        }
        self.let_leave();
        let coming = (0..self.count).filter(|place| self.seats[*place].is_coming(self.now));
        self.bring_back(&coming.collect::<Vec<_>>());
        self.quiet_until = self.day_end;
        Ok(())
    }

    /// The least instant at which somebody may send who may not now.
    fn until(&self) -> Timestamp {
        self.seats().iter().map(|seat| seat.member.ready_at).min().unwrap_or(Timestamp::MAX)
    }

    /// Who had to leave may stay after all, if the day is over by then.
    fn let_stay(&mut self) {
        for place in 0..self.count {
            let seat = &mut self.seats[place];
            if seat.presence == Presence::Leaving && seat.member.may_return(self.now) {
                seat.member.begin_day(self.day_end);
                seat.presence = Presence::Present;
                self.enter(place);
            }
        }
    }

    /// Who cannot take part leaves.
    fn let_leave(&mut self) {
        for place in 0..self.count {
            if self.seats[place].presence == Presence::Leaving {
                self.leave(place);
            }
        }
    }

    /// Takes a member's weight out of the total; what it is owed or owes goes to the heir.
    fn leave(&mut self, place: usize) {
        let Seat { member, stride, .. } = self.seats[place];
        let owed = self.virtual_time - member.start;
        let heir = self.heir(owed, stride.turn());
        self.seats[place].presence = Presence::Absent;
        self.weigh(self.total.weight() - stride.weight());
        let Some(heir) = heir else { return };
        self.seats[place].stand(self.virtual_time);
        let of = &mut self.seats[heir];
        let mut member = of.member;
        member.inherit(owed, stride.weight(), of.weight());
        of.stand(member.start);
        self.take_out(heir);
        self.enter(heir);
    }

    /// Who takes over what somebody who leaves is owed, or owes: somebody on the other side of the
    /// balance, so that everybody stays less than one send from the exact share.
    fn heir(&self, owed: i128, turn: i128) -> Option<usize> {
        let balance = grain(owed);
        if balance == 0 || balance.abs() > grain(turn) {
            return None;
        }
        let nth = if balance > 0 { self.first_ahead() } else { self.first_eligible() };
        Some(self.place(nth?))
    }

    /// Lets members take part, at the present of those that do.
    fn bring_back(&mut self, coming: &[usize]) {
        let ahead = self.first_eligible().is_none().then(|| self.first_ahead()).flatten();
        let present = ahead.map_or(self.virtual_time, |nth| self.nth(nth).start);
        for place in coming.iter().copied() {
            let seat = &mut self.seats[place];
            seat.member.begin_day(self.day_end);
            seat.presence = Presence::Present;
            seat.stand(seat.member.start.max(present));
            let weight = seat.weight();
            self.weigh(self.total.weight() + weight);
            self.enter(place);
        }
    }

    /// So much is the weight of all that take part.
    fn weigh(&mut self, total: u64) {
        (self.total, self.carried) = (Stride::of(total), 0);
    }

    /// Where the nth of the order is.
    fn place(&self, nth: usize) -> usize {
        (self.order >> (4 * nth) & 15) as usize
    }

    fn nth(&self, nth: usize) -> &Member {
        &self.seats[self.place(nth)].member
    }

    /// Takes a member out of the order, wherever it is there.
    fn take_out(&mut self, place: usize) {
        if let Some(nth) = (0..self.present).find(|nth| self.place(*nth) == place) {
            self.strike(nth);
        }
    }

    /// Takes the nth out of the order.
    #[inline]
    fn strike(&mut self, nth: usize) {
        let before = (1 << (4 * nth)) - 1;
        self.order = self.order & before | self.order >> 4 & !before;
        self.present -= 1;
    }

    /// Puts a member into the order by its deadline.
    #[inline]
    fn enter(&mut self, place: usize) {
        let key = with_number(self.seats[place].due, number(place));
        self.seats[place].key = key;
        let mut nth = self.present;
        // The last of the order is in the highest four bits, the one before it in the next.
        let mut last = if nth == 0 { 0 } else { self.order << (64 - 4 * nth) };
        // Who was served is due late.
        while nth > 0 && key < self.seats[(last >> 60) as usize].key {
            last <<= 4;
            nth -= 1;
        }
        let before = (1 << (4 * nth)) - 1;
        self.order =
            self.order & before | (self.order & !before) << 4 | (place as u64) << (4 * nth);
        self.present += 1;
    }
}

/// The number of the member in a place.
#[expect(clippy::cast_possible_truncation, reason = "there are sixteen places")]
const fn number(place: usize) -> u16 {
    (place & (ROOM - 1)) as u16
}
