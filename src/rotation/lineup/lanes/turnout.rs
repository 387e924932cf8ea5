//! Who of many members takes part: who has rested comes up, who has used its cap up leaves, and who
//! may send again comes back.
//!
//! The rules are those of the engine. Changes no order but by the lanes' own ways.

use crate::policy::grain;
use crate::rotation::lineup::lanes::Many;
use crate::rotation::lineup::members::{Presence, day_end};
use crate::vocab::Timestamp;

impl Many {
    /// Takes in what has happened by now, and says until when nothing does. If anybody may send,
    /// who must leaves, and of those that may the first come back.
    #[inline(never)]
    pub(super) fn settle(&mut self) -> Result<(), Timestamp> {
        if self.day_end <= self.now {
            self.begin_day();
        }
        self.wake();
        if self.absent.is_anybody_due() {
            self.quiet_until = Timestamp::MIN;
            if !self.is_anybody_ready() && self.first_return().is_none_or(|at| at > self.now) {
                return Err(self.until());
            }
            self.let_leave();
            loop {
                let coming = self.absent.take_coming();
                self.bring_back(&coming);
                if coming.is_empty() || self.is_anybody_ready() {
                    break;
                }
            }
        }
        let rested_at = self.first_rested().unwrap_or(Timestamp::MAX);
        let is_due = self.absent.is_anybody_due();
        self.quiet_until = if is_due { Timestamp::MIN } else { self.day_end.min(rested_at) };
        Ok(())
    }

    /// Begins a day. Who had to leave on the day before may stay.
    fn begin_day(&mut self) {
        self.day_end = day_end(self.now);
        self.absent.begin_day();
        if let Some(number) = self.absent.take_leaving() {
            let seat = &mut self.seats[number as usize];
            seat.member.begin_day(self.day_end);
            seat.presence = Presence::Present;
            self.enter(number);
        }
    }

    /// Those that have rested come up.
    fn wake(&mut self) {
        while let Some(top) = self.resting.first().filter(|top| top.at <= self.now) {
            self.stand(top.lane);
        }
        let mut rested = Vec::new();
        while let Some((_, number)) = self.parked.pop_by(self.now) {
            let seat = &self.seats[number as usize];
            rested.push((seat.lane, seat.member.start, number));
        }
        // Many enter faster in the order of their lanes.
        rested.sort_unstable();
        for (.., number) in rested {
            self.enter(number);
        }
    }

    /// When the first of those that rest has rested.
    fn first_rested(&self) -> Option<Timestamp> {
        let parked = self.parked.first().map(|(at, _)| at);
        self.resting.first().map(|top| top.at).into_iter().chain(parked).min()
    }

    /// When the first of those that are absent may send.
    fn first_return(&mut self) -> Option<Timestamp> {
        let seats = &self.seats;
        self.absent.first_ready(|number, at| {
            let seat = &seats[number as usize];
            seat.presence == Presence::Absent && seat.member.ready_at == at
        })
    }

    /// The least instant at which somebody may send who may not now.
    pub(super) fn until(&mut self) -> Timestamp {
        let leaving = self.absent.leaving();
        let leaving = leaving.map(|number| self.seats[number as usize].member.ready_at);
        let back = leaving.into_iter().chain(self.first_return());
        back.chain(self.first_rested()).min().unwrap_or(Timestamp::MAX)
    }

    /// Counts the last send that a member may make today, or the first of a day. Says whether it
    /// goes on taking part.
    #[inline(never)]
    pub(super) fn spend_last(&mut self, number: u32) -> bool {
        let seat = &mut self.seats[number as usize];
        let goes_on = seat.member.spend_last(self.now, self.day_end);
        if !goes_on {
            seat.presence = Presence::Leaving;
            self.absent.will_leave(number);
            self.quiet_until = Timestamp::MIN;
        }
        goes_on
    }

    /// Who cannot take part leaves.
    pub(super) fn let_leave(&mut self) {
        if let Some(number) = self.absent.take_leaving() {
            self.leave(number);
        }
    }

    /// Takes a member's weight out of the total; what it is owed or owes goes to the heir.
    fn leave(&mut self, number: u32) {
        let seat = self.seats[number as usize];
        let stride = self.lanes[seat.lane as usize].stride;
        let owed = self.virtual_time - seat.member.start;
        let heir = self.heir(owed, stride.turn());
        self.be_absent(number);
        self.weigh(self.total.weight() - stride.weight());
        let Some(heir) = heir else { return };
        self.seats[number as usize].member.start = self.virtual_time;
        self.take_out(heir);
        let seat = &mut self.seats[heir as usize];
        let weight = self.lanes[seat.lane as usize].stride.weight();
        seat.member.inherit(owed, stride.weight(), weight);
        self.enter(heir);
    }

    /// Who takes over what somebody who leaves is owed, or owes: somebody on the other side of the
    /// balance, so that everybody stays less than one send from the exact share.
    fn heir(&mut self, owed: i128, turn: i128) -> Option<u32> {
        let balance = grain(owed);
        if balance == 0 || balance.abs() > grain(turn) {
            return None;
        }
        if balance <= 0 {
            return self.eligible.first().map(|of| of.number);
        }
        // Behind the first of a lane that has come others may not have.
        let (last, first) = (grain(self.virtual_time), self.first_ahead());
        let behind = self
            .eligible
            .iter()
            .filter_map(|lane| self.lanes[lane as usize].first_ahead(&self.seats, last, self.now));
        first.into_iter().chain(behind).min_by_key(|number| {
            let seat = &self.seats[*number as usize];
            let due = self.lanes[seat.lane as usize].due(&self.seats, *number);
            (grain(seat.member.start), due)
        })
    }

    /// Takes a member in as absent.
    pub(super) fn be_absent(&mut self, number: u32) {
        let seat = &mut self.seats[number as usize];
        seat.presence = Presence::Absent;
        if seat.member.cap > 0 {
            let may_return = seat.member.may_return(self.now);
            self.absent.add(number, seat.member.ready_at, may_return);
        }
    }

    /// Lets members take part, at the present of those that do.
    pub(super) fn bring_back(&mut self, coming: &[u32]) {
        let is_eligible = self.eligible.first().is_some();
        let ahead = if is_eligible { None } else { self.first_ahead() };
        let present =
            ahead.map_or(self.virtual_time, |number| self.seats[number as usize].member.start);
        for number in coming.iter().copied() {
            let seat = &mut self.seats[number as usize];
            seat.member.begin_day(self.day_end);
            seat.member.start = seat.member.start.max(present);
            seat.presence = Presence::Present;
            let weight = self.lanes[seat.lane as usize].stride.weight();
            self.weigh(self.total.weight() + weight);
            self.enter(number);
        }
    }
}
