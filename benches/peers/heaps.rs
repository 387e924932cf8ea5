//! Two binary heaps of the standard library, lazy: an entry is looked at when it comes up.
//!
//! A member goes back into its turn at once after a send; only if that comes too early is it
//! parked until it may. A change of weight leaves an old entry behind, dropped when it comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Deadlines, Ledger, Order, Pool, Store};

pub(crate) type Heaps = Pool<LazyHeaps>;

type Earliest = BinaryHeap<Reverse<(u64, u32)>>;

pub(crate) struct LazyHeaps {
    deadlines: Deadlines,
    /// By deadline, then by number.
    turns: Earliest,
    /// By the instant at which they may.
    parked: Earliest,
    is_parked: Vec<bool>,
}

impl LazyHeaps {
    fn queue(&mut self, member: u32) {
        self.turns.push(Reverse((self.deadlines.of(member), member)));
    }
}

impl Order for LazyHeaps {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        let deadlines = Deadlines::new(ledger);
        let turns = ledger.members().map(|member| Reverse((deadlines.of(member), member)));
        let turns = turns.collect();
        let is_parked = vec![false; ledger.members().len()];
        Self { deadlines, turns, parked: Earliest::new(), is_parked }
    }

    fn pick(&mut self, ledger: &mut Ledger<impl Store>, now_ms: u64) -> Option<u32> {
        while self.parked.peek().is_some_and(|Reverse((at, _))| *at <= now_ms) {
            let Reverse((_, member)) = self.parked.pop()?;
            self.is_parked[member as usize] = false;
            self.queue(member);
        }
        loop {
            let Reverse((deadline, member)) = self.turns.pop()?;
            if self.is_parked[member as usize] || deadline != self.deadlines.of(member) {
                continue;
            }
            if ledger.may(member, now_ms) {
                ledger.charge(member, now_ms);
                self.deadlines.advance(member, ledger.weight(member));
                self.queue(member);
                return Some(member);
            }
            self.is_parked[member as usize] = true;
            self.parked.push(Reverse((ledger.ready_at(member), member)));
        }
    }

    fn set_weight(&mut self, ledger: &mut Ledger<impl Store>, member: u32, weight: u32) {
        let before = self.deadlines.of(member);
        self.deadlines.rescale(member, ledger.weight(member), weight);
        ledger.set_weight(member, weight);
        if before != self.deadlines.of(member) && !self.is_parked[member as usize] {
            self.queue(member);
        }
    }

    fn next_at(&self, ledger: &Ledger<impl Store>, now_ms: u64) -> u64 {
        match self.parked.peek() {
            Some(Reverse((at, _))) if self.turns.is_empty() => now_ms.max(*at),
            _ => ledger.earliest(now_ms),
        }
    }
}
