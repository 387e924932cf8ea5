//! The round-robin of the crate `weighted-rs`, asked again until it names one that may send.
//!
//! It has no way to change a weight, so that it is filled anew.

use weighted_rs::{RoundrobinWeight, Weight};

use super::retry::{Retry, Rule};
use super::{Ledger, Store};

pub(crate) type WeightedRs = Retry<Crate>;

pub(crate) struct Crate(RoundrobinWeight<u32>);

impl Rule for Crate {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        let mut rule = Self(RoundrobinWeight::new());
        rule.fill(ledger);
        rule
    }

    fn offer(&mut self, _ledger: &Ledger<impl Store>) -> u32 {
        self.0.next().expect("a pool has members")
    }

    fn reweigh(&mut self, ledger: &Ledger<impl Store>, _member: u32) {
        self.0.remove_all();
        self.fill(ledger);
    }
}

impl Crate {
    fn fill(&mut self, ledger: &Ledger<impl Store>) {
        for (member, weight) in ledger.members().zip(ledger.weights()) {
            self.0.add(member, isize::try_from(weight).expect("at most a million"));
        }
    }
}
