//! The rotation alone of many members, who stand in lanes.
//!
//! Members of one weight come in one order by start and by deadline, a turn further. They stand in
//! two lanes: one of those that were served, who come up ready or rest together, and one of those
//! that come in between and are ready. Only the first of each lane is compared: among the eligible
//! by the deadline, of the others by the start, or by when it is ready if its start has come and it
//! rests. So a pick costs as much as there are weights. Whoever comes behind others that rest for
//! longer rests beside the lanes. Knows no reservations.

mod absent;
mod lane;
mod tops;
mod turnout;
mod weights;

use std::hint::black_box;

use crate::policy::{Stride, grain};
use crate::rotation::containers::agenda::Agenda;
use crate::rotation::lineup::block::Block;
use crate::rotation::lineup::lanes::absent::Absent;
use crate::rotation::lineup::lanes::lane::{Lane, Seat, Stands};
use crate::rotation::lineup::lanes::tops::{Due, Ready, Start, Tops};
use crate::rotation::lineup::lanes::weights::Weights;
use crate::rotation::lineup::members::{Member, Presence};
use crate::vocab::{Span, Timestamp};

/// From so many members on they are read before they are needed.
const MANY: usize = 4_096;

/// Any number of members.
#[derive(Clone, Debug)]
pub(super) struct Many {
    now: Timestamp,
    /// Nobody has rested, leaves or comes back before.
    quiet_until: Timestamp,
    /// When the day of universal time ends.
    day_end: Timestamp,
    virtual_time: i128,
    /// What rounding left of it.
    carried: u64,
    /// The turns of all that take part together.
    total: Stride,
    seats: Vec<Seat>,
    /// Two of each weight: of those that were served, and of those that come in between.
    lanes: Vec<Lane>,
    weights: Weights,
    /// Lanes whose start has come and whose first member is ready.
    eligible: Tops<Due>,
    /// Lanes whose start has not come.
    ahead: Tops<Start>,
    /// Lanes whose start has come and whose members all rest.
    resting: Tops<Ready>,
    /// Members that rest beside the lanes.
    parked: Agenda<u32>,
    absent: Absent,
}

impl Many {
    /// The same members as in a block, where they stand there.
    pub(super) fn of(block: &Block) -> Self {
        let mut many = Self {
            now: block.now,
            quiet_until: Timestamp::MIN,
            day_end: block.day_end,
            virtual_time: block.virtual_time,
            carried: block.carried,
            total: block.total,
            seats: Vec::new(),
            lanes: Vec::new(),
            weights: Weights::default(),
            eligible: Tops::default(),
            ahead: Tops::default(),
            resting: Tops::default(),
            parked: Agenda::default(),
            absent: Absent::default(),
        };
        for seat in block.seats() {
            let number = many.sit(seat.member, seat.weight());
            let of = &mut many.seats[number as usize];
            (of.presence, of.carried) = (seat.presence, seat.carried());
            match seat.presence {
                Presence::Present => many.enter(number),
                Presence::Leaving => many.absent.will_leave(number),
                Presence::Absent => many.be_absent(number),
            }
        }
        many
    }

    /// Adds a member and returns its number.
    pub(super) fn add(&mut self, weight: u64, cap: u32, gap: Span) -> u32 {
        let number = self.sit(Member::new(self.virtual_time, cap, gap, self.now), weight);
        if cap > 0 {
            self.let_leave();
            self.bring_back(&[number]);
        }
        number
    }

    /// Takes a member in that takes no part yet.
    fn sit(&mut self, member: Member, weight: u64) -> u32 {
        let number = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        let (lane, presence) = (self.lane_of(weight), Presence::Absent);
        self.seats.push(Seat { member, carried: 0, lane, presence, is_parked: false });
        self.absent.widen(self.seats.len());
        number
    }

    /// Picks a member and counts its send, or says when the first may.
    pub(super) fn pick(&mut self, now: Timestamp) -> Result<u32, Timestamp> {
        let now = self.now.max(now);
        self.now = now;
        if self.quiet_until <= now {
            self.settle()?;
        }
        let first = match self.eligible.first() {
            Some(first) => first,
            None => self.jump()?,
        };
        Ok(self.serve(first))
    }

    /// Nobody's start has come: virtual time jumps to the least start.
    #[inline(never)]
    fn jump(&mut self) -> Result<Due, Timestamp> {
        let Some(number) = self.first_ahead() else { return Err(self.until()) };
        self.carried = 0;
        self.virtual_time = self.seats[number as usize].member.start;
        self.come_up();
        let first = self.eligible.first().ok_or(Timestamp::MAX)?;
        self.virtual_time = self.seats[first.number as usize].member.start;
        Ok(first)
    }

    /// The first by start among those whose start has not come and who are ready.
    fn first_ahead(&mut self) -> Option<u32> {
        loop {
            let Due { number, lane, .. } = self.ahead.first()?.due;
            if self.seats[number as usize].member.is_ready(self.now) {
                return Some(number);
            }
            self.ahead.remove(lane);
            self.rest(lane);
        }
    }

    /// Whether somebody in the lanes may send now.
    fn is_anybody_ready(&mut self) -> bool {
        self.eligible.first().is_some() || self.first_ahead().is_some()
    }

    /// Lanes whose start has come stand by their deadlines.
    #[inline]
    fn come_up(&mut self) {
        let last = grain(self.virtual_time);
        while let Some(top) = self.ahead.first().filter(|top| top.start <= last) {
            self.stand(top.due.lane);
        }
    }

    /// Counts a send of the first of the eligible and puts it back.
    #[inline]
    fn serve(&mut self, Due { number, lane, .. }: Due) -> u32 {
        let now = self.now;
        let (of, seat) = (&mut self.lanes[lane as usize], &mut self.seats[number as usize]);
        // A rested member catches up by one turn at most.
        let least = self.virtual_time - of.stride.turn();
        let member = &mut seat.member;
        member.start = member.start.max(least) + of.stride.step(&mut seat.carried);
        self.virtual_time += self.total.step(&mut self.carried);
        let was_ready_at = member.ready_at;
        let goes_on = member.spend(now);
        of.drop_first(&self.seats, was_ready_at);
        let goes_on = goes_on || self.spend_last(number);
        // Mostly it comes up from the lane that it goes back to.
        let goes_back = goes_on && lane & 1 == 0 && self.goes_back(number, was_ready_at);
        self.move_first(lane);
        if goes_on && !goes_back {
            self.change_lanes(number, was_ready_at);
        }
        self.come_up();
        self.fetch(lane);
        number
    }

    /// Puts a member behind those of its weight that were served before it, if its place is there.
    #[inline]
    fn goes_back(&mut self, number: u32, was_ready_at: Timestamp) -> bool {
        let Seat { member, lane, .. } = self.seats[number as usize];
        let of = &mut self.lanes[lane as usize];
        let (is_behind, rests_until) = of.goes_behind(&self.seats, number);
        let descends = rests_until > member.ready_at;
        // Of a lane that rests nobody is ready before the first.
        let may_descend =
            of.stands != Stands::Resting && member.rests_in_time(was_ready_at, self.now);
        if !is_behind || descends && !may_descend {
            return false;
        }
        of.push(&self.seats, number, descends);
        true
    }

    /// Puts a member that is in no lane behind those that were served, or in between.
    #[inline(never)]
    fn change_lanes(&mut self, number: u32, was_ready_at: Timestamp) {
        let lane = self.seats[number as usize].lane & !1;
        self.seats[number as usize].lane = lane;
        if !self.goes_back(number, was_ready_at) {
            self.enter(number);
        } else if self.lanes[lane as usize].first() == Some(number) {
            self.stand(lane);
        }
    }

    /// Reads those whose turn comes soon, so that they are at hand by then. Several are read
    /// together, as memory answers many questions as fast as one.
    #[inline]
    fn fetch(&mut self, lane: u32) {
        if self.seats.len() < MANY {
            return;
        }
        let mut read = 0;
        let Self { lanes, seats, .. } = self;
        lanes[lane as usize].tell(|number| read ^= seats[number as usize].carried);
        black_box(read);
    }

    /// Puts the first of the eligible lanes where it belongs by its new first member.
    #[inline]
    fn move_first(&mut self, lane: u32) {
        let of = &mut self.lanes[lane as usize];
        let first = of.first().map(|number| (number, &self.seats[number as usize].member));
        let (start, last) = (first.map(|of| grain(of.1.start)), grain(self.virtual_time));
        let (Some((number, member)), Some(start)) = (first, start) else {
            of.stands = Stands::Nowhere;
            self.eligible.remove(lane);
            return;
        };
        let due = of.due(&self.seats, number);
        let due = Due { at: due.0, number, lane };
        if start > last {
            of.stands = Stands::Ahead;
            self.change_places(Start { start, due }, last);
        } else if member.is_ready(self.now) {
            self.eligible.replace_first(due);
        } else {
            self.eligible.remove(lane);
            self.rest(lane);
        }
    }

    /// The first of the eligible lanes goes ahead. Mostly one of those has come up by now, and it
    /// is cheaper if they change places.
    #[inline]
    fn change_places(&mut self, top: Start, last: i128) {
        let comes = self.ahead.first().filter(|first| first.start <= last).map(|first| first.due);
        let is_ready = |of: &Due| self.seats[of.number as usize].member.is_ready(self.now);
        if let Some(comes) = comes.filter(is_ready) {
            self.ahead.replace_first(top);
            self.lanes[comes.lane as usize].stands = Stands::Eligible;
            self.eligible.replace_first(comes);
        } else {
            self.eligible.remove(top.due.lane);
            self.ahead.push(top);
        }
    }

    /// Puts a lane where its first member belongs.
    fn stand(&mut self, lane: u32) {
        match self.lanes[lane as usize].stands {
            Stands::Nowhere => {}
            Stands::Eligible => self.eligible.remove(lane),
            Stands::Ahead => self.ahead.remove(lane),
            Stands::Resting => self.resting.remove(lane),
        }
        self.lanes[lane as usize].stands = Stands::Nowhere;
        while let Some(number) = self.lanes[lane as usize].first() {
            let of = &mut self.lanes[lane as usize];
            let member = &self.seats[number as usize].member;
            let (start, due) = (grain(member.start), of.due(&self.seats, number));
            let due = Due { at: due.0, number, lane };
            if start > grain(self.virtual_time) {
                of.stands = Stands::Ahead;
                return self.ahead.push(Start { start, due });
            }
            if member.is_ready(self.now) {
                of.stands = Stands::Eligible;
                return self.eligible.push(due);
            }
            if self.rests_as_one(lane, number) {
                return;
            }
        }
    }

    /// Has a lane rest that stands nowhere and whose first member does.
    #[inline(never)]
    fn rest(&mut self, lane: u32) {
        let of = &mut self.lanes[lane as usize];
        of.stands = Stands::Nowhere;
        let Some(number) = of.first() else { return };
        if !self.rests_as_one(lane, number) {
            self.stand(lane);
        }
    }

    /// Has a lane rest whose first member does. If somebody behind it is ready before it, only the
    /// first rests, beside the lane. Says whether the lane does.
    fn rests_as_one(&mut self, lane: u32, first: u32) -> bool {
        let of = &mut self.lanes[lane as usize];
        let at = self.seats[first as usize].member.ready_at;
        if of.descents > 0 {
            of.drop_first(&self.seats, at);
            self.park(first);
            return false;
        }
        of.stands = Stands::Resting;
        self.resting.push(Ready { at, lane });
        self.quiet_until = self.quiet_until.min(at);
        true
    }

    fn park(&mut self, number: u32) {
        let seat = &mut self.seats[number as usize];
        seat.is_parked = true;
        self.parked.push(seat.member.ready_at, number);
        self.quiet_until = self.quiet_until.min(seat.member.ready_at);
    }

    /// Puts a member in between those of its weight, unless it rests.
    fn enter(&mut self, number: u32) {
        let seat = &mut self.seats[number as usize];
        if !seat.member.is_ready(self.now) {
            self.park(number);
            return;
        }
        let lane = seat.lane | 1;
        (seat.lane, seat.is_parked) = (lane, false);
        if self.lanes[lane as usize].insert(&self.seats, number) {
            self.stand(lane);
        }
    }

    /// Takes a member out of its lane.
    fn take_out(&mut self, number: u32) {
        let lane = self.seats[number as usize].lane;
        if self.lanes[lane as usize].remove(&self.seats, number) {
            self.stand(lane);
        }
    }
}
