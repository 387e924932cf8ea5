//! Fast weighted round-robin, as `HAProxy` picks a server, in trees of places.
//!
//! A window of as many positions as the weights add up to; a member's next place is the window's
//! length by its weight further on. Who may not send is taken out and put back when it may, as a
//! server that is down and up again. A `BTreeSet` stands for the elastic binary tree.

use std::collections::BTreeSet;

use super::{Ledger, Member, Peer};

/// Where a member is queued.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Somewhere in the current window.
    Current,
    /// It may not send.
    Down,
    /// In one of the two trees by weight, which take turns to be the first round and the next.
    Round(usize),
}

#[derive(Clone, Copy)]
struct Server {
    place: Place,
    last: i64,
    next: i64,
    /// What division left over, so that places are exact over several turns.
    rest: i64,
}

pub(crate) struct Fwrr {
    ledger: Ledger,
    servers: Vec<Server>,
    /// Place, rest less weight, member.
    current: BTreeSet<(i64, i64, u32)>,
    /// Weight below zero, so that the heaviest is first, and member.
    rounds: [BTreeSet<(i64, u32)>; 2],
    /// Which of the two is to be gone through now.
    first: usize,
    position: i64,
    current_weight: i64,
    next_weight: i64,
    /// Those that are down, by the instant at which they may.
    down: BTreeSet<(u64, u32)>,
}

impl Fwrr {
    pub(crate) fn new(members: &[Member]) -> Self {
        let server = Server { place: Place::Down, last: 0, next: 0, rest: 0 };
        let mut pool = Self {
            ledger: Ledger::new(members),
            servers: vec![server; members.len()],
            current: BTreeSet::new(),
            rounds: [BTreeSet::new(), BTreeSet::new()],
            first: 0,
            position: 0,
            current_weight: 0,
            next_weight: 0,
            down: BTreeSet::new(),
        };
        for member in pool.ledger.members() {
            if pool.ledger.may(member, 0) {
                pool.next_weight += pool.weight(member);
                pool.queue_by_weight(member, 0);
            } else {
                pool.down.insert((pool.ledger.ready_at(member), member));
            }
        }
        pool
    }

    fn weight(&self, member: u32) -> i64 {
        self.ledger.weight(member).into()
    }

    fn queue_by_weight(&mut self, member: u32, round: usize) {
        self.rounds[round].insert((-self.weight(member), member));
        self.servers[member as usize].place = Place::Round(round);
    }

    fn key(&self, member: u32) -> (i64, i64, u32) {
        let server = &self.servers[member as usize];
        (server.next, server.rest - self.weight(member), member)
    }

    /// Into the current window, or into the next round if its place is beyond both.
    fn queue(&mut self, member: u32) {
        let end = self.current_weight + self.next_weight.min(self.current_weight);
        let server = &mut self.servers[member as usize];
        if server.next >= end {
            server.next -= self.current_weight;
            self.queue_by_weight(member, 1 - self.first);
        } else {
            server.place = Place::Current;
            self.current.insert(self.key(member));
        }
    }

    fn dequeue(&mut self, member: u32) {
        match self.servers[member as usize].place {
            Place::Current => drop(self.current.remove(&self.key(member))),
            Place::Down => {}
            Place::Round(round) => drop(self.rounds[round].remove(&(-self.weight(member), member))),
        }
    }

    /// The first place that has come, or else the heaviest of the first round.
    fn front(&mut self) -> Option<u32> {
        let current = self.current.first().map(|(place, _, member)| (*place, *member));
        if let Some((_, member)) = current.filter(|(place, _)| *place <= self.position) {
            return Some(member);
        }
        if let Some((_, member)) = self.rounds[self.first].first() {
            let server = &mut self.servers[*member as usize];
            (server.next, server.rest) = (0, 0);
            return Some(*member);
        }
        current.map(|(_, member)| member)
    }

    fn switch(&mut self) {
        self.first = 1 - self.first;
        self.current_weight = self.next_weight;
        self.position = self.current_weight;
    }

    fn advance(&mut self, member: u32) {
        let (weight, all) = (self.weight(member), self.next_weight);
        let server = &mut self.servers[member as usize];
        server.last = if server.next == 0 { self.position } else { server.next };
        server.next = server.last + all / weight;
        server.rest += all % weight;
        if server.rest >= weight {
            server.rest -= weight;
            server.next += 1;
        }
        self.position += 1;
    }

    fn put_back(&mut self, member: u32) {
        let weight = self.weight(member);
        self.next_weight += weight;
        let ahead = self.next_weight + self.current_weight - self.position;
        self.servers[member as usize].next = self.position + ahead / weight;
        self.queue(member);
    }

    fn take_out(&mut self, member: u32) {
        self.next_weight -= self.weight(member);
        self.servers[member as usize].place = Place::Down;
        self.down.insert((self.ledger.ready_at(member), member));
    }
}

impl Peer for Fwrr {
    fn pick(&mut self, now_ms: u64) -> Option<u32> {
        while self.down.first().is_some_and(|(at, _)| *at <= now_ms) {
            let (_, member) = self.down.pop_first()?;
            self.put_back(member);
        }
        if self.current_weight == 0 {
            self.current_weight = self.next_weight;
            self.position = self.next_weight;
        }
        let member = self.front().or_else(|| {
            self.switch();
            self.front()
        })?;
        // The place in the tree is found by what the server is before it moves on.
        self.dequeue(member);
        self.advance(member);
        self.ledger.charge(member, now_ms);
        if self.ledger.may(member, now_ms) {
            self.queue(member);
        } else {
            self.take_out(member);
        }
        Some(member)
    }

    fn set_weight(&mut self, member: u32, weight: u32) {
        let place = self.servers[member as usize].place;
        self.dequeue(member);
        if place != Place::Down {
            self.next_weight += i64::from(weight) - self.weight(member);
        }
        self.ledger.set_weight(member, weight);
        match place {
            Place::Down => return,
            Place::Round(round) if round == self.first => {
                return self.queue_by_weight(member, round);
            }
            Place::Round(_) => self.servers[member as usize].next += self.current_weight,
            Place::Current => {}
        }
        let step = self.next_weight / i64::from(weight);
        let server = &mut self.servers[member as usize];
        server.next = server.next.min(server.last + step);
        server.rest = 0;
        if server.next < self.position + 2 {
            server.next = self.position + step;
        }
        self.queue(member);
    }

    fn next_at(&mut self, now_ms: u64) -> u64 {
        match self.down.first() {
            Some((at, _))
                if self.current.is_empty() && self.rounds.iter().all(BTreeSet::is_empty) =>
            {
                now_ms.max(*at)
            }
            _ => now_ms,
        }
    }
}
