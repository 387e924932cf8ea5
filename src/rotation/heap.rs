//! A heap whose first entry can be replaced in place: least first, four below each.
//!
//! Four below each make it half as deep as a binary heap, and the four stand side by side. Only of
//! two entries with the same rank the caller is asked which comes first. Entries are compared
//! without branches, as none could be foretold. Knows no meaning of what it holds.

/// How many entries stand below each.
const BELOW: usize = 4;

/// What comes, by its rank: one word, and another that tells most of those with the same apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) rank: u64,
    pub(crate) then: u64,
    pub(crate) of: u32,
}

impl Key {
    #[inline]
    fn is_before(self, other: Self, ties: impl Fn(u32, u32) -> bool) -> bool {
        if self.rank != other.rank {
            self.rank < other.rank
        } else if self.then != other.then {
            self.then < other.then
        } else {
            ties(self.of, other.of)
        }
    }
}

/// Entries, the least first. `ties` tells whether the first of two with the same rank comes first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    entries: Vec<Key>,
}

impl Heap {
    /// The least entry.
    #[inline]
    pub(crate) fn first(&self) -> Option<Key> {
        self.entries.first().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn push(&mut self, entry: Key, ties: impl Fn(u32, u32) -> bool) {
        let mut at = self.entries.len();
        self.entries.push(entry);
        while at > 0 {
            let above = (at - 1) / BELOW;
            if !entry.is_before(self.entries[above], &ties) {
                break;
            }
            self.entries[at] = self.entries[above];
            at = above;
        }
        self.entries[at] = entry;
    }

    pub(crate) fn pop(&mut self, ties: impl Fn(u32, u32) -> bool) -> Option<Key> {
        let last = self.entries.pop()?;
        match self.entries.first().copied() {
            Some(first) => {
                self.replace_first(last, ties);
                Some(first)
            }
            None => Some(last),
        }
    }

    /// Puts another entry in the place of the least.
    #[inline]
    pub(crate) fn replace_first(&mut self, entry: Key, ties: impl Fn(u32, u32) -> bool) {
        let entries = self.entries.as_mut_slice();
        let mut at = 0;
        loop {
            let from = at * BELOW + 1;
            let Some(below) = entries.get(from..) else { break };
            let least = match below.first_chunk() {
                Some(four) => least_of_four(four, &ties),
                None => least_of(below, &ties),
            };
            let Some(first) = below.get(least).copied() else { break };
            if !first.is_before(entry, &ties) {
                break;
            }
            entries[at] = first;
            at = from + least;
        }
        if let Some(place) = entries.get_mut(at) {
            *place = entry;
        }
    }

    /// What all entries are about that have the rank of the least.
    pub(crate) fn at_first_rank(&self, mut visit: impl FnMut(u32)) {
        let Some(Key { rank, .. }) = self.first() else { return };
        // Mostly there is but one, and no memory is asked for.
        let (mut at, mut open) = (0, Vec::new());
        loop {
            visit(self.entries[at].of);
            let below = at * BELOW + 1..(at * BELOW + 1 + BELOW).min(self.entries.len());
            open.extend(below.filter(|below| self.entries[*below].rank == rank));
            let Some(next) = open.pop() else { return };
            at = next;
        }
    }

    /// Gives every entry another rank. Their order must stay as it is.
    pub(crate) fn rank_anew(&mut self, key: impl Fn(u32) -> Option<Key>) {
        for entry in &mut self.entries {
            *entry = key(entry.of).unwrap_or(*entry);
        }
    }
}

/// Where the least of four is.
#[inline]
fn least_of_four(four: &[Key; BELOW], ties: impl Fn(u32, u32) -> bool) -> usize {
    let left = usize::from(four[1].is_before(four[0], &ties));
    let right = 2 + usize::from(four[3].is_before(four[2], &ties));
    if four[right].is_before(four[left], &ties) { right } else { left }
}

/// Where the least of fewer is, if there are any.
fn least_of(some: &[Key], ties: impl Fn(u32, u32) -> bool) -> usize {
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
    fn entries_come_out_in_order() {
        let mut heap = Heap::default();
        let mut expected: Vec<Key> = Vec::new();
        let ties = |one: u32, other: u32| one < other;
        let mut seed = 1_u64;
        for of in 0..20_000_u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let entry = Key { rank: seed >> 56, then: seed >> 40 & 3, of };
            match seed % 1_000 / 125 {
                0..=3 => {
                    heap.push(entry, ties);
                    expected.push(entry);
                }
                4..=5 => assert_eq!(heap.pop(ties), first(&mut expected)),
                6 => {
                    if first(&mut expected).is_some() {
                        expected.push(entry);
                    }
                    heap.replace_first(entry, ties);
                }
                _ => {
                    // Nothing but the ranks of those that differ in them comes nearer.
                    heap = Heap::default();
                    for key in &mut expected {
                        key.rank *= 2;
                        heap.push(*key, ties);
                    }
                    heap.rank_anew(|of| {
                        let key = expected.iter().find(|key| key.of == of)?;
                        Some(Key { rank: key.rank / 2, ..*key })
                    });
                    for key in &mut expected {
                        key.rank /= 2;
                    }
                }
            }
            assert_eq!(heap.entries.len(), expected.len());
            let least = expected.iter().min_by_key(|key| (key.rank, key.then, key.of)).copied();
            assert_eq!(heap.first(), least);
            let mut alike = Vec::new();
            heap.at_first_rank(|of| alike.push(of));
            let least = least.map(|key| key.rank);
            let mut all: Vec<u32> =
                expected.iter().filter(|key| Some(key.rank) == least).map(|key| key.of).collect();
            alike.sort_unstable();
            all.sort_unstable();
            assert_eq!(alike, all);
            if expected.len() > 200 {
                heap.clear();
                expected.clear();
            }
        }
    }

    fn first(entries: &mut Vec<Key>) -> Option<Key> {
        let least = entries.iter().min_by_key(|key| (key.rank, key.then, key.of)).copied()?;
        entries.retain(|entry| *entry != least);
        Some(least)
    }
}
