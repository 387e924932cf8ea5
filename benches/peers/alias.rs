//! Weighted random choice by the alias table of the crate `rand_distr`, drawn anew on a miss.
//!
//! The generator's seed is fixed. The table cannot be changed, so that a new weight makes it anew.

use rand::SeedableRng;
use rand::distr::Distribution;
use rand_distr::weighted::WeightedAliasIndex;
use rand_pcg::Pcg64Mcg;

use super::retry::{Retry, Rule};
use super::{Ledger, Store};

pub(crate) type Alias = Retry<Table>;

pub(crate) struct Table {
    table: WeightedAliasIndex<u64>,
    chance: Pcg64Mcg,
}

impl Rule for Table {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        Self { table: table(ledger), chance: Pcg64Mcg::seed_from_u64(1) }
    }

    fn offer(&mut self, _ledger: &Ledger<impl Store>) -> u32 {
        let drawn = self.table.sample(&mut self.chance);
        u32::try_from(drawn).expect("members are numbered in 32 bits")
    }

    fn reweigh(&mut self, ledger: &Ledger<impl Store>, _member: u32) {
        self.table = table(ledger);
    }

    /// Draws do not go round: a hundred of them may well miss the few that may send.
    fn misses_max(_members: usize) -> usize {
        64
    }
}

fn table(ledger: &Ledger<impl Store>) -> WeightedAliasIndex<u64> {
    let weights = ledger.weights().map(u64::from).collect();
    WeightedAliasIndex::new(weights).expect("weights above zero")
}
