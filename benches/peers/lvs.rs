//! Weighted round-robin of the Linux Virtual Server, the rule that `KumoMTA` picks a source by.
//!
//! A level sinks from the greatest weight in steps of the common divisor; at each level all whose
//! weight reaches it have their turn. A heavy member so has several turns in a row.

use super::retry::{Retry, Rule};
use super::{Ledger, Store};

pub(crate) type Lvs = Retry<Levels>;

pub(crate) struct Levels {
    /// The member after the one that was named last.
    next: u32,
    level: u32,
    divisor: u32,
    greatest: u32,
}

impl Rule for Levels {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        let mut levels = Self { next: 0, level: 0, divisor: 1, greatest: 1 };
        levels.measure(ledger);
        levels.level = levels.greatest;
        levels
    }

    fn offer(&mut self, ledger: &Ledger<impl Store>) -> u32 {
        loop {
            if self.next == ledger.members().end {
                self.next = 0;
                self.level = self.level.saturating_sub(self.divisor);
                if self.level == 0 {
                    self.level = self.greatest;
                }
            }
            let member = self.next;
            self.next += 1;
            if ledger.weight(member) >= self.level {
                return member;
            }
        }
    }

    fn reweigh(&mut self, ledger: &Ledger<impl Store>, _member: u32) {
        self.measure(ledger);
        self.level = self.level.min(self.greatest);
    }
}

impl Levels {
    fn measure(&mut self, ledger: &Ledger<impl Store>) {
        self.divisor = ledger.weights().fold(0, common_divisor);
        self.greatest = ledger.weights().max().expect("a pool has members");
    }
}

fn common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
