//! What is put around a rule that knows no caps: ask it again until it names one that may send.
//!
//! Such a rule cannot say that nobody may. After as many misses in a row as the rule is given, each
//! member is looked at in turn, from where the last look ended.

use super::{Ledger, Order, Pool, Store};

pub(crate) type Retry<R> = Pool<Asked<R>>;

/// A rule that only knows weights.
pub(crate) trait Rule {
    fn new(ledger: &Ledger<impl Store>) -> Self;
    /// Names the next one, whether it may send or not.
    fn offer(&mut self, ledger: &Ledger<impl Store>) -> u32;
    /// Takes in a change of weight; the ledger has it already.
    fn reweigh(&mut self, ledger: &Ledger<impl Store>, member: u32);
    /// Misses in a row before everyone is looked at. By default one for each member.
    fn misses_max(members: usize) -> usize {
        members.max(64)
    }
}

pub(crate) struct Asked<R> {
    rule: R,
    misses_max: usize,
    looked_until: u32,
}

impl<R: Rule> Asked<R> {
    fn look(&mut self, ledger: &Ledger<impl Store>, now_ms: u64) -> Option<u32> {
        let end = ledger.members().end;
        let mut order = (self.looked_until..end).chain(0..self.looked_until);
        let found = order.find(|member| ledger.may(*member, now_ms))?;
        self.looked_until = found + 1;
        Some(found)
    }
}

impl<R: Rule> Order for Asked<R> {
    fn new(ledger: &Ledger<impl Store>) -> Self {
        let misses_max = R::misses_max(ledger.members().len());
        Self { rule: R::new(ledger), misses_max, looked_until: 0 }
    }

    fn pick(&mut self, ledger: &mut Ledger<impl Store>, now_ms: u64) -> Option<u32> {
        let mut offers = (0..self.misses_max).map(|_| self.rule.offer(ledger));
        let offered = offers.find(|member| ledger.may(*member, now_ms));
        let member = offered.or_else(|| self.look(ledger, now_ms))?;
        ledger.charge(member, now_ms);
        Some(member)
    }

    fn set_weight(&mut self, ledger: &mut Ledger<impl Store>, member: u32, weight: u32) {
        ledger.set_weight(member, weight);
        self.rule.reweigh(ledger, member);
    }

    fn next_at(&self, ledger: &Ledger<impl Store>, now_ms: u64) -> u64 {
        ledger.earliest(now_ms)
    }
}
