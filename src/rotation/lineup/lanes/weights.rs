//! The weights of many members, each of which has two lanes.
//!
//! Knows which lanes are whose, and how a member changes from one weight to another.

use std::collections::BTreeMap;

use crate::policy::{Stride, rescaled, within_reach};
use crate::rotation::lineup::lanes::Many;
use crate::rotation::lineup::lanes::lane::{Lane, Seat};
use crate::rotation::lineup::members::Presence;

/// Which lanes are of which weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    /// The first lane of each.
    lanes: BTreeMap<u64, u32>,
    /// How many members each has, by half the number of its first lane.
    members: Vec<usize>,
    /// First lanes of no weight.
    free: Vec<u32>,
}

impl Many {
    /// Gives a member another weight. It stays as many of its turns before or behind as it was.
    pub(in crate::rotation::lineup) fn set_weight(&mut self, number: u32, weight: u64) {
        let Some(Seat { member, lane, presence, is_parked, .. }) =
            self.seats.get(number as usize).copied()
        else {
            return;
        };
        let old = self.lanes[lane as usize].stride.weight();
        if old == weight {
            return;
        }
        let stands = presence == Presence::Present && !is_parked;
        if stands {
            self.take_out(number);
        }
        self.leave_lane(lane, old);
        let lane = self.lane_of(weight);
        let seat = &mut self.seats[number as usize];
        seat.member.start = within_reach(rescaled(member.start, self.virtual_time, old, weight));
        (seat.carried, seat.lane) = (0, lane);
        if presence != Presence::Absent {
            self.weigh(self.total.weight() - old + weight);
        }
        if stands {
            self.enter(number);
        }
    }

    /// The first lane of a weight, which has another member.
    pub(super) fn lane_of(&mut self, weight: u64) -> u32 {
        let Self { weights, lanes, .. } = self;
        let lane = *weights.lanes.entry(weight).or_insert_with(|| {
            let pair = [Lane::new(Stride::of(weight)), Lane::new(Stride::of(weight))];
            if let Some(lane) = weights.free.pop() {
                lanes[lane as usize..][..2].clone_from_slice(&pair);
                return lane;
            }
            lanes.extend(pair);
            weights.members.push(0);
            u32::try_from(lanes.len() - 2).unwrap_or(u32::MAX)
        });
        weights.members[lane as usize / 2] += 1;
        self.eligible.widen(self.lanes.len());
        self.ahead.widen(self.lanes.len());
        self.resting.widen(self.lanes.len());
        lane
    }

    /// One of a weight has another.
    fn leave_lane(&mut self, lane: u32, weight: u64) {
        let members = &mut self.weights.members[lane as usize / 2];
        *members -= 1;
        if *members == 0 {
            self.weights.lanes.remove(&weight);
            self.weights.free.push(lane & !1);
        }
    }

    /// So much is the weight of all that take part.
    pub(super) fn weigh(&mut self, total: u64) {
        (self.total, self.carried) = (Stride::of(total), 0);
    }
}
