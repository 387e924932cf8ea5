//! Smooth weighted round-robin, as nginx picks an upstream, over those that may send.
//!
//! Each of them gains its weight; the richest is picked and pays what all of them gained.

use super::{Ledger, Member, Peer};

pub(crate) struct Smooth {
    ledger: Ledger,
    current: Vec<i64>,
}

impl Smooth {
    pub(crate) fn new(members: &[Member]) -> Self {
        Self { ledger: Ledger::new(members), current: vec![0; members.len()] }
    }
}

impl Peer for Smooth {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        let (mut total, mut best) = (0, None);
        for (member, current) in (0..).zip(&mut self.current) {
            if !self.ledger.may(member, now_ms) {
                continue;
            }
            let weight = i64::from(self.ledger.weight(member));
            total += weight;
            *current += weight;
            if best.is_none_or(|(_, most)| most < *current) {
                best = Some((member, *current));
            }
        }
        let (member, _) = best?;
        self.current[member as usize] -= total;
        self.ledger.charge(member, now_ms);
        Some(member)
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.ledger.set_weight(member, weight);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        self.ledger.earliest(now_ms)
    }
}
