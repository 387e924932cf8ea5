//! Static stride, as gRPC's weighted round-robin picks a subchannel.
//!
//! Plain round-robin in which a member is skipped in a part of the generations. Which ones follows
//! from a counter alone; the offset keeps neighbours from being skipped together. A change of
//! weight makes all weights anew.

use super::retry::{Retry, Rule};
use super::{Ledger, Store};

pub(crate) type Stride = Retry<Generations>;

const MOST: u64 = u16::MAX as u64;
/// Weights beyond these multiples of the mean are brought to them: 10, and a hundredth.
const ABOVE_MEAN: u64 = 10;
const BELOW_MEAN: u64 = 100;

pub(crate) struct Generations {
    weights: Vec<u16>,
    sequence: u32,
}

impl Rule for Generations {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        Self { weights: scaled(ledger), sequence: 0 }
    }

    fn offer(&mut self, ledger: &Ledger<impl Store>) -> u32 {
        let members = ledger.members().end;
        loop {
            let (generation, member) = (self.sequence / members, self.sequence % members);
            self.sequence = self.sequence.wrapping_add(1);
            let weight = u64::from(self.weights[member as usize]);
            let place = weight * u64::from(generation) + u64::from(member) * (MOST / 2);
            if place % MOST >= MOST - weight {
                return member;
            }
        }
    }

    fn reweigh(&mut self, ledger: &Ledger<impl Store>, _member: u32) {
        self.weights = scaled(ledger);
    }
}

/// Weights in 16 bits, rounded, of which the greatest is all ones.
fn scaled(ledger: &Ledger<impl Store>) -> Vec<u16> {
    let count = u64::from(ledger.members().end);
    let sum: u64 = ledger.weights().map(u64::from).sum();
    let greatest = u64::from(ledger.weights().max().expect("a pool has members"));
    let greatest = greatest.min(ABOVE_MEAN * sum / count);
    let scale = |weight: u64| (weight * MOST + greatest / 2) / greatest;
    let least = (scale(sum / count) / BELOW_MEAN).max(1);
    let weights = ledger.weights().map(|weight| {
        let weight = scale(greatest.min(weight.into())).max(least);
        u16::try_from(weight).expect("at most the greatest")
    });
    weights.collect()
}
