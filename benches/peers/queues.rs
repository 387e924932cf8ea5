//! Two queues of the crate `priority-queue`, kept exact: whoever is in the first may send.
//!
//! The hasher is the crate's default, as its users have it.

use std::cmp::Reverse;

use priority_queue::PriorityQueue;

use super::{Deadlines, Ledger, Member, Peer};

type Earliest = PriorityQueue<u32, Reverse<(u64, u32)>>;

pub(crate) struct Queues {
    ledger: Ledger,
    deadlines: Deadlines,
    /// Those that may send, by deadline, then by number.
    ready: Earliest,
    /// The others, by the instant at which they may.
    waiting: Earliest,
}

impl Queues {
    pub(crate) fn new(members: &[Member]) -> Self {
        let ledger = Ledger::new(members);
        let deadlines = Deadlines::new(&ledger);
        let mut queues =
            Self { ledger, deadlines, ready: Earliest::new(), waiting: Earliest::new() };
        for member in queues.ledger.members() {
            queues.put(member, 0);
        }
        queues
    }

    fn put(&mut self, member: u32, now_ms: u64) {
        if self.ledger.may(member, now_ms) {
            self.ready.push(member, Reverse((self.deadlines.of(member), member)));
        } else {
            self.waiting.push(member, Reverse((self.ledger.ready_at(member), member)));
        }
    }
}

impl Peer for Queues {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        while self.waiting.peek().is_some_and(|(_, Reverse((at, _)))| *at <= now_ms) {
            let (member, _) = self.waiting.pop()?;
            self.put(member, now_ms);
        }
        let (member, _) = self.ready.pop()?;
        self.ledger.charge(member, now_ms);
        self.deadlines.advance(member, self.ledger.weight(member));
        self.put(member, now_ms);
        Some(member)
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.deadlines.rescale(member, self.ledger.weight(member), weight);
        self.ledger.set_weight(member, weight);
        let deadline = self.deadlines.of(member);
        // Nothing changes if it is not in there.
        self.ready.change_priority(&member, Reverse((deadline, member)));
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        match self.waiting.peek() {
            Some((_, Reverse((at, _)))) if self.ready.is_empty() => now_ms.max(*at),
            _ => now_ms,
        }
    }
}
