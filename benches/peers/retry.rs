//! What is put around a rule that knows no caps: ask it again until it names one that may send.
//!
//! Such a rule cannot say that nobody may. After as many misses in a row as the rule is given, each
//! member is looked at in turn, from where the last look ended.

use super::{Ledger, Member, Peer};

/// A rule that only knows weights.
pub(crate) trait Rule {
    fn new(ledger: &Ledger) -> Self;
    /// Names the next one, whether it may send or not.
    fn offer(&mut self, ledger: &Ledger) -> u32;
    /// Takes in a change of weight; the ledger has it already.
    fn reweigh(&mut self, ledger: &Ledger, member: u32);
    /// Misses in a row before everyone is looked at. By default one for each member.
    fn misses_max(members: usize) -> usize {
        members.max(64)
    }
}

pub(crate) struct Retry<R> {
    ledger: Ledger,
    rule: R,
    misses_max: usize,
    looked_until: u32,
}

impl<R: Rule> Retry<R> {
    pub(crate) fn new(members: &[Member]) -> Self {
        let ledger = Ledger::new(members);
        let rule = R::new(&ledger);
        Self { ledger, rule, misses_max: R::misses_max(members.len()), looked_until: 0 }
    }

    fn look(&mut self, now_ms: u64) -> Option<u32> {
        let end = self.ledger.members().end;
        let mut order = (self.looked_until..end).chain(0..self.looked_until);
        let found = order.find(|member| self.ledger.may(*member, now_ms))?;
        self.looked_until = found + 1;
        Some(found)
    }
}

impl<R: Rule> Peer for Retry<R> {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        let mut offers = (0..self.misses_max).map(|_| self.rule.offer(&self.ledger));
        let offered = offers.find(|member| self.ledger.may(*member, now_ms));
        let member = offered.or_else(|| self.look(now_ms))?;
        self.ledger.charge(member, now_ms);
        Some(member)
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.ledger.set_weight(member, weight);
        self.rule.reweigh(&self.ledger, member);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        self.ledger.earliest(now_ms)
    }
}
