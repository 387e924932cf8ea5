//! Earliest deadline first, as Envoy schedules hosts: one heap, no test who has come due.
//!
//! Equal deadlines are served in the order in which they were set. A change of weight counts from
//! the member's next turn on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::retry::{Retry, Rule};
use super::{Ledger, Store, turn};

pub(crate) type Edf = Retry<Schedule>;

pub(crate) struct Schedule {
    /// Deadline, order of setting, member.
    entries: BinaryHeap<Reverse<(u64, u64, u32)>>,
    set: u64,
}

impl Rule for Schedule {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        let first = |member| Reverse((turn(ledger.weight(member)), u64::from(member), member));
        let entries = ledger.members().map(first).collect();
        Self { entries, set: u64::from(ledger.members().end) }
    }

    fn offer(&mut self, ledger: &Ledger<impl Store>) -> u32 {
        let Reverse((deadline, _, member)) = self.entries.pop().expect("a pool has members");
        self.entries.push(Reverse((deadline + turn(ledger.weight(member)), self.set, member)));
        self.set += 1;
        member
    }

    fn reweigh(&mut self, _ledger: &Ledger<impl Store>, _member: u32) {}
}
