//! Ways to pick a sender that a user of today would take, made to keep a daily cap and a gap.
//!
//! Each file is one rule, written from its published description. They share what they know of a
//! member, so that only the rule differs. They know no window, no reservation, no key, no reason.
//! A rule that is an `Order` keeps no records itself, so that several campaigns can share them.

pub(crate) mod alias;
pub(crate) mod edf;
pub(crate) mod fwrr;
pub(crate) mod heaps;
pub(crate) mod lvs;
pub(crate) mod queues;
pub(crate) mod retry;
pub(crate) mod smooth;
pub(crate) mod stride;
pub(crate) mod weighted_rs;

/// A day of universal time, in milliseconds.
pub(crate) const DAY: u64 = 86_400_000;
/// One turn of a member of weight 1. It has every divisor up to 16, so that deadlines which are
/// equal on paper are equal here.
const TURN: u64 = 720_720 << 20;

/// What a member may do, and its share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// From 1 to a million.
    pub(crate) weight: u32,
    /// The most sends in a day of universal time, at least one.
    pub(crate) cap: u32,
    /// The least time between two sends.
    pub(crate) gap_ms: u64,
}

/// A pool of members of which one is picked at a time. Time never runs back.
pub(crate) trait Peer {
    /// Picks a member and charges it at once; nobody only if nobody may.
    fn pick(&mut self, now_ms: u64) -> Option<u32>;
    /// Changes a member's share.
    fn set_weight(&mut self, member: u32, weight: u32);
    /// When somebody may again, at the earliest.
    fn next_at(&mut self, now_ms: u64) -> u64;
}

/// What one campaign keeps: whose turn it is. Who has sent what is in a ledger beside it.
pub(crate) trait Order {
    fn new(ledger: &Ledger<impl Store>) -> Self;
    /// Picks a member and charges it at once; nobody only if nobody may.
    fn pick(&mut self, ledger: &mut Ledger<impl Store>, now_ms: u64) -> Option<u32>;
    /// Changes a member's share, in the ledger too.
    fn set_weight(&mut self, ledger: &mut Ledger<impl Store>, member: u32, weight: u32);
    /// When somebody may again, at the earliest.
    fn next_at(&self, ledger: &Ledger<impl Store>, now_ms: u64) -> u64;
}

/// An order with a ledger of its own.
pub(crate) struct Pool<O> {
    ledger: Ledger,
    order: O,
}

impl<O: Order> Pool<O> {
    pub(crate) fn new(members: &[Member]) -> Self {
        let ledger = Ledger::new(members);
        let order = O::new(&ledger);
        Self { ledger, order }
    }
}

impl<O: Order> Peer for Pool<O> {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        self.order.pick(&mut self.ledger, now_ms)
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        self.order.set_weight(&mut self.ledger, member, weight);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        self.order.next_at(&self.ledger, now_ms)
    }
}

/// What is kept of one member; 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    ready_at: u64,
    gap_ms: u64,
    weight: u32,
    cap: u32,
    /// Sends on the day of the last one.
    sent: u32,
    day: u32,
}

impl Record {
    pub(crate) fn new(member: &Member) -> Self {
        let Member { weight, cap, gap_ms } = *member;
        Self { ready_at: 0, gap_ms, weight, cap, sent: 0, day: 0 }
    }
}

/// Where the records of the members are.
pub(crate) trait Store {
    fn count(&self) -> usize;
    fn record(&self, member: u32) -> &Record;
    fn record_mut(&mut self, member: u32) -> &mut Record;
}

impl Store for Vec<Record> {
    fn count(&self) -> usize {
        self.len()
    }

    fn record(&self, member: u32) -> &Record {
        &self[member as usize]
    }

    fn record_mut(&mut self, member: u32) -> &mut Record {
        &mut self[member as usize]
    }
}

/// Who has sent what, for every rule alike.
#[derive(Clone, Debug)]
pub(crate) struct Ledger<S = Vec<Record>> {
    records: S,
}

impl Ledger {
    pub(crate) fn new(members: &[Member]) -> Self {
        Self::over(members.iter().map(Record::new).collect())
    }
}

impl<S: Store> Ledger<S> {
    pub(crate) fn over(records: S) -> Self {
        Self { records }
    }

    /// Every member, in order.
    pub(crate) fn members(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.records.count()).expect("members are numbered in 32 bits")
    }

    pub(crate) fn weight(&self, member: u32) -> u32 {
        self.records.record(member).weight
    }

    pub(crate) fn weights(&self) -> impl Iterator<Item = u32> {
        self.members().map(|member| self.weight(member))
    }

    pub(crate) fn set_weight(&mut self, member: u32, weight: u32) {
        self.records.record_mut(member).weight = weight;
    }

    /// Whether it may send now.
    pub(crate) fn may(&self, member: u32, now_ms: u64) -> bool {
        let record = self.records.record(member);
        record.ready_at <= now_ms && (record.sent < record.cap || record.day < day(now_ms))
    }

    /// Notes that it sends now.
    pub(crate) fn charge(&mut self, member: u32, now_ms: u64) {
        let record = self.records.record_mut(member);
        let today = day(now_ms);
        record.sent = if record.day == today { record.sent + 1 } else { 1 };
        record.day = today;
        record.ready_at = now_ms + record.gap_ms;
    }

    /// From when on it may send, unless it does so before.
    pub(crate) fn ready_at(&self, member: u32) -> u64 {
        let record = self.records.record(member);
        if record.sent < record.cap {
            record.ready_at
        } else {
            record.ready_at.max((u64::from(record.day) + 1) * DAY)
        }
    }

    /// From when on anybody may: a look at everyone.
    pub(crate) fn earliest(&self, now_ms: u64) -> u64 {
        let first = self.members().map(|member| self.ready_at(member)).min();
        first.expect("a pool has members").max(now_ms)
    }
}

fn day(at_ms: u64) -> u32 {
    u32::try_from(at_ms / DAY).expect("fewer than four billion days")
}

/// Deadlines in virtual time: each send moves a member's a turn on, by the reverse of its weight.
#[derive(Clone, Debug)]
pub(crate) struct Deadlines {
    of: Vec<u64>,
    /// The latest deadline that was served.
    reached: u64,
}

impl Deadlines {
    pub(crate) fn new(ledger: &Ledger<impl Store>) -> Self {
        Self { of: ledger.weights().map(turn).collect(), reached: 0 }
    }

    pub(crate) fn of(&self, member: u32) -> u64 {
        self.of[member as usize]
    }

    /// Moves on after a send. Who was away is served first once, and not in a burst.
    pub(crate) fn advance(&mut self, member: u32, weight: u32) {
        let deadline = &mut self.of[member as usize];
        self.reached = self.reached.max(*deadline);
        *deadline = (*deadline + turn(weight)).max(self.reached);
    }

    /// Keeps what is left until the deadline, counted in turns.
    pub(crate) fn rescale(&mut self, member: u32, from: u32, to: u32) {
        let deadline = &mut self.of[member as usize];
        if let Some(left) = deadline.checked_sub(self.reached) {
            let left = u128::from(left) * u128::from(from) / u128::from(to);
            *deadline = self.reached + u64::try_from(left).expect("a turn or less");
        }
    }
}

/// How far apart two sends of such a weight are in virtual time.
pub(crate) fn turn(weight: u32) -> u64 {
    TURN / u64::from(weight)
}
