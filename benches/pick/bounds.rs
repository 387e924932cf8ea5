//! What is below every rule: the memory that a pick touches, and the books that a turn keeps.
//!
//! Neither obeys anything.

#![expect(
    clippy::disallowed_types,
    reason = "what a service would look leads up in; never gone through"
)]

use std::collections::{HashMap, VecDeque};
use std::hint::black_box;

use crate::peers::{Ledger, Member, Peer};

/// No rule: everyone in turn, in wide steps that come to each of a power of ten. A record of 32
/// bytes is read and written, and a word is noted.
pub(crate) struct Floor {
    ledger: Ledger,
    next: u32,
    step: u32,
    log: Vec<u32>,
}

impl Floor {
    const LOG_MAX: usize = 1 << 16;

    pub(crate) fn new(members: &[Member]) -> Self {
        let step = (members.len() * 618_033 / 1_000_000) | 1;
        let step = u32::try_from(step).expect("less than the members");
        let (ledger, log) = (Ledger::new(members), Vec::with_capacity(Self::LOG_MAX));
        Self { ledger, next: 0, step, log }
    }
}

impl Peer for Floor {
    #[inline]
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        let end = self.ledger.members().end;
        let member = self.next;
        self.next += self.step;
        self.next -= if self.next >= end { end } else { 0 };
        if self.log.len() == Self::LOG_MAX {
            self.log.clear();
        }
        self.log.push(member);
        black_box(self.ledger.may(member, now_ms));
        self.ledger.charge(member, now_ms);
        Some(member)
    }

    #[inline]
    fn set_weight(&mut self, member: u32, weight: u32) {
        self.ledger.set_weight(member, weight);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        now_ms
    }
}

/// A reservation as a service keeps it at least.
struct Reservation {
    member: u32,
    lead: u64,
    reserved_at: u64,
    ends_at: u64,
    settled_at: Option<u64>,
}

/// Who writes to a lead.
struct Lead {
    member: u32,
    sent: u32,
    last_at: u64,
}

/// What a turn writes down, in collections of the standard library, beside the floor, which says
/// who sends: the reservation, kept for 26 hours; the lead, kept for good; and when the account and
/// the campaign sent, kept for 52 hours. The reservation is looked up again and settled.
pub(crate) struct Books {
    floor: Floor,
    reservations: VecDeque<Reservation>,
    /// How many of them were forgotten, which is the number of the first.
    forgotten: usize,
    leads: HashMap<u64, Lead>,
    sends: Vec<VecDeque<u64>>,
    campaign: VecDeque<u64>,
}

impl Books {
    const TTL: u64 = 600_000;
    const RESERVATIONS: u64 = 26 * 3_600_000;
    const SENDS: u64 = 52 * 3_600_000;

    pub(crate) fn new(members: &[Member]) -> Self {
        Self {
            floor: Floor::new(members),
            reservations: VecDeque::new(),
            forgotten: 0,
            leads: HashMap::new(),
            sends: members.iter().map(|_| VecDeque::new()).collect(),
            campaign: VecDeque::new(),
        }
    }

    fn reserve(&mut self, member: u32, now_ms: u64) -> usize {
        let id = self.forgotten + self.reservations.len();
        let (lead, ends_at) = (id as u64, now_ms + Self::TTL);
        let reserved = Reservation { member, lead, reserved_at: now_ms, ends_at, settled_at: None };
        self.reservations.push_back(reserved);
        self.leads.entry(lead).or_insert(Lead { member, sent: 0, last_at: now_ms });
        id
    }

    fn settle(&mut self, id: usize, now_ms: u64) {
        let Some(reserved) = self.reservations.get_mut(id - self.forgotten) else { return };
        reserved.settled_at = Some(now_ms.min(reserved.ends_at));
        if let Some(lead) = self.leads.get_mut(&reserved.lead) {
            (lead.member, lead.sent, lead.last_at) = (reserved.member, lead.sent + 1, now_ms);
        }
        for log in [&mut self.sends[reserved.member as usize], &mut self.campaign] {
            log.push_back(now_ms);
            while log.front().is_some_and(|at| at + Self::SENDS < now_ms) {
                log.pop_front();
            }
        }
        let is_old = |of: &Reservation| of.reserved_at + Self::RESERVATIONS < now_ms;
        while self.reservations.front().is_some_and(is_old) {
            self.reservations.pop_front();
            self.forgotten += 1;
        }
    }
}

impl Peer for Books {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        let member = self.floor.pick(now_ms)?;
        let id = self.reserve(member, now_ms);
        self.settle(id, now_ms);
        Some(member)
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.floor.set_weight(member, weight);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        now_ms
    }
}
