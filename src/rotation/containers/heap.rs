//! A heap in which everybody who stands has a number and is found by it: least first, four below
//! each.
//!
//! Four below each make it half as deep as a binary heap, and the four stand side by side. Only of
//! two entries with the same key the caller is asked which comes first. Entries are compared
//! without branches, as none could be foretold. Knows no meaning of what it holds.

/// How many entries stand below each.
const BELOW: usize = 4;

/// Where somebody is who does not stand here.
const NOWHERE: u32 = u32::MAX;

/// What comes, by its rank: one word, and another that tells most of those with the same apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) rank: u64,
    pub(crate) then: u64,
}

/// Who stands here, and its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: Key,
    of: u32,
}

impl Entry {
    #[inline]
    fn is_before(self, other: Self, ties: impl Fn(u32, u32) -> bool) -> bool {
        if self.key.rank != other.key.rank {
            self.key.rank < other.key.rank
        } else if self.key.then != other.key.then {
            self.key.then < other.key.then
        } else {
            ties(self.of, other.of)
        }
    }
}

/// Entries, the least first. `ties` tells whether the first of two with the same key comes first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    entries: Vec<Entry>,
    /// Where everybody is among the entries, by number.
    places: Vec<u32>,
}

impl Heap {
    /// Who is the least.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        self.entries.first().map(|entry| entry.of)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.places.clear();
    }

    /// Puts somebody in with a key, or gives it another.
    #[inline]
    pub(crate) fn set(&mut self, number: u32, key: Key, ties: impl Fn(u32, u32) -> bool) {
        let entry = Entry { key, of: number };
        match self.entries.first() {
            // Mostly it was the least and comes later now.
            Some(first) if first.of == number && !entry.is_before(*first, &ties) => {
                self.sink(0, entry, ties);
            }
            Some(_) | None => self.set_any(entry, ties),
        }
    }

    #[inline(never)]
    fn set_any(&mut self, entry: Entry, ties: impl Fn(u32, u32) -> bool) {
        let number = entry.of as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, NOWHERE);
        }
        let at = match self.places[number] {
            NOWHERE => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
            place => place as usize,
        };
        self.settle(at, entry, ties);
    }

    /// Takes somebody out, if it is in.
    pub(crate) fn remove(&mut self, number: u32, ties: impl Fn(u32, u32) -> bool) {
        let Some(place) = self.places.get_mut(number as usize) else { return };
        let at = std::mem::replace(place, NOWHERE) as usize;
        if at >= self.entries.len() {
            return;
        }
        if let Some(last) = self.entries.pop().filter(|last| last.of != number) {
            self.settle(at, last, ties);
        }
    }

    /// Puts an entry where it belongs, up or down from a place that is free.
    fn settle(&mut self, mut at: usize, entry: Entry, ties: impl Fn(u32, u32) -> bool) {
        let from = at;
        while at > 0 {
            let above = (at - 1) / BELOW;
            if !entry.is_before(self.entries[above], &ties) {
                break;
            }
            self.put(at, self.entries[above]);
            at = above;
        }
        if at < from {
            self.put(at, entry);
        } else {
            self.sink(at, entry, ties);
        }
    }

    /// Puts an entry where it belongs, down from a place that is free.
    #[inline]
    fn sink(&mut self, mut at: usize, entry: Entry, ties: impl Fn(u32, u32) -> bool) {
        loop {
            let from = at * BELOW + 1;
            let Some(below) = self.entries.get(from..) else { break };
            let least = match below.first_chunk() {
                Some(four) => least_of_four(four, &ties),
                None => least_of(below, &ties),
            };
            let Some(first) = below.get(least).copied() else { break };
            if !first.is_before(entry, &ties) {
                break;
            }
            self.put(at, first);
            at = from + least;
        }
        self.put(at, entry);
    }

    #[inline]
    fn put(&mut self, at: usize, entry: Entry) {
        if let Some(of) = self.entries.get_mut(at) {
            *of = entry;
        }
        if let Some(place) = self.places.get_mut(entry.of as usize) {
            *place = u32::try_from(at).unwrap_or(NOWHERE);
        }
    }

    /// Calls with everybody who has the rank of the least.
    pub(crate) fn at_first_rank(&self, mut visit: impl FnMut(u32)) {
        let Some(rank) = self.entries.first().map(|entry| entry.key.rank) else { return };
        // Mostly there is but one, and no memory is asked for.
        let (mut at, mut open) = (0, Vec::new());
        loop {
            visit(self.entries[at].of);
            let below = at * BELOW + 1..(at * BELOW + 1 + BELOW).min(self.entries.len());
            open.extend(below.filter(|below| self.entries[*below].key.rank == rank));
            let Some(next) = open.pop() else { return };
            at = next;
        }
    }

    /// Gives everybody another key. Their order must stay as it is.
    pub(crate) fn key_anew(&mut self, key: impl Fn(u32) -> Option<Key>) {
        for entry in &mut self.entries {
            entry.key = key(entry.of).unwrap_or(entry.key);
        }
    }
}

/// Where the least of four is.
#[inline]
fn least_of_four(four: &[Entry; BELOW], ties: impl Fn(u32, u32) -> bool) -> usize {
    let left = usize::from(four[1].is_before(four[0], &ties));
    let right = 2 + usize::from(four[3].is_before(four[2], &ties));
    if four[right].is_before(four[left], &ties) { right } else { left }
}

/// Where the least of fewer is, if there are any.
fn least_of(some: &[Entry], ties: impl Fn(u32, u32) -> bool) -> usize {
    let mut least = 0;
    for n in 1..some.len() {
        if some[n].is_before(some[least], &ties) {
            least = n;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_the_least() {
        let ties = |one: u32, other: u32| one < other;
        let mut seed = 1_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % most
        };
        for most in [1, 2, 3, 60, 1_000] {
            let mut heap = Heap::default();
            let mut plain = std::collections::BTreeMap::new();
            for step in 0..5_000_u64 {
                let number = u32::try_from(draw(most.min(1 + step))).unwrap();
                let rank =
                    [0, u64::MAX, 7 + draw(3), draw(1_000)][usize::try_from(draw(4)).unwrap()];
                let then = draw(3);
                match draw(8) {
                    0..=1 => {
                        heap.remove(number, ties);
                        plain.remove(&number);
                    }
                    2 if draw(100) == 0 => {
                        heap.clear();
                        plain.clear();
                    }
                    3 if draw(50) == 0 => {
                        // Nothing but the second words of those that differ in them comes nearer.
                        let old = plain.clone();
                        for (_, then) in plain.values_mut() {
                            *then *= 2;
                        }
                        heap.key_anew(|number| {
                            old.get(&number).map(|(rank, then)| Key { rank: *rank, then: 2 * then })
                        });
                    }
                    _ => {
                        heap.set(number, Key { rank, then }, ties);
                        plain.insert(number, (rank, then));
                    }
                }
                let least = plain.iter().map(|(number, key)| (*key, *number)).min();
                assert_eq!(heap.first(), least.map(|(_, number)| number), "{most}, step {step}");
                assert_eq!(heap.is_empty(), plain.is_empty());
                let mut alike = Vec::new();
                heap.at_first_rank(|number| alike.push(number));
                alike.sort_unstable();
                let first = least.map(|((rank, _), _)| rank);
                let all = plain.iter().filter(|(_, (rank, _))| Some(*rank) == first);
                let all: Vec<u32> = all.map(|(number, _)| *number).collect();
                assert_eq!(alike, all);
            }
        }
    }
}
