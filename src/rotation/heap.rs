//! A heap whose first entry can be replaced in place: least first, four below each.
//!
//! Four below each make it half as deep as a binary heap, and the four stand side by side. Entries
//! are compared without branches, as none could be foretold. Knows no meaning of what it holds.

/// How many entries stand below each.
const BELOW: usize = 4;

/// What comes, by its place, then by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) place: i128,
    pub(crate) then: u64,
    pub(crate) of: u32,
}

impl Key {
    #[expect(clippy::needless_bitwise_bool, reason = "a branch could not be foretold")]
    fn is_before(&self, other: &Self) -> bool {
        (self.place < other.place) | ((self.place == other.place) & (self.then < other.then))
    }
}

/// Entries, the least first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    entries: Vec<Key>,
}

impl Heap {
    /// The least entry.
    pub(crate) fn first(&self) -> Option<&Key> {
        self.entries.first()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn push(&mut self, entry: Key) {
        self.entries.push(entry);
        self.rise(self.entries.len() - 1, entry);
    }

    pub(crate) fn pop(&mut self) -> Option<Key> {
        let last = self.entries.pop()?;
        match self.entries.first().copied() {
            Some(first) => {
                self.replace_first(last);
                Some(first)
            }
            None => Some(last),
        }
    }

    /// Puts another entry in the place of the least.
    pub(crate) fn replace_first(&mut self, entry: Key) {
        let entries = self.entries.as_mut_slice();
        let mut at = 0;
        loop {
            let from = at * BELOW + 1;
            let Some(below) = entries.get(from..) else { break };
            let least = match below.first_chunk() {
                Some(four) => least_of_four(four),
                None => least_of(below),
            };
            let Some(first) = below.get(least).copied() else { break };
            if !first.is_before(&entry) {
                break;
            }
            entries[at] = first;
            at = from + least;
        }
        if let Some(place) = entries.get_mut(at) {
            *place = entry;
        }
    }

    /// Puts an entry in the place of one about the same that is not before it.
    pub(crate) fn bring_forward(&mut self, entry: Key) {
        if let Some(at) = self.entries.iter().position(|held| held.of == entry.of) {
            self.rise(at, entry);
        }
    }

    /// What all entries are about that stand at the place of the least.
    pub(crate) fn at_first_place(&self, mut visit: impl FnMut(u32)) {
        let Some(Key { place, .. }) = self.first() else { return };
        // Mostly there is but one, and no memory is asked for.
        let (mut at, mut open) = (0, Vec::new());
        loop {
            visit(self.entries[at].of);
            let below = at * BELOW + 1..(at * BELOW + 1 + BELOW).min(self.entries.len());
            open.extend(below.filter(|below| self.entries[*below].place == *place));
            let Some(next) = open.pop() else { return };
            at = next;
        }
    }

    fn rise(&mut self, mut at: usize, entry: Key) {
        while at > 0 {
            let above = (at - 1) / BELOW;
            if !entry.is_before(&self.entries[above]) {
                break;
            }
            self.entries[at] = self.entries[above];
            at = above;
        }
        self.entries[at] = entry;
    }
}

/// Where the least of four is.
fn least_of_four(four: &[Key; BELOW]) -> usize {
    let left = usize::from(four[1].is_before(&four[0]));
    let right = 2 + usize::from(four[3].is_before(&four[2]));
    if four[right].is_before(&four[left]) { right } else { left }
}

/// Where the least of fewer is, if there are any.
fn least_of(some: &[Key]) -> usize {
    let mut least = 0;
    for n in 1..some.len() {
        if some[n].is_before(&some[least]) {
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
        let mut seed = 1_u64;
        for of in 0..20_000_u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let entry = Key { place: i128::from(seed >> 56), then: u64::from(of), of };
            match seed % 1_000 / 125 {
                0..=3 => {
                    heap.push(entry);
                    expected.push(entry);
                }
                4..=5 => assert_eq!(heap.pop(), first(&mut expected)),
                6 => {
                    if first(&mut expected).is_some() {
                        expected.push(entry);
                    }
                    heap.replace_first(entry);
                }
                _ => {
                    if let Some(one) = expected.iter_mut().find(|key| key.of % 5 == 0) {
                        one.place /= 2;
                        heap.bring_forward(*one);
                    }
                }
            }
            assert_eq!(heap.entries.len(), expected.len());
            assert_eq!(heap.first(), expected.iter().min_by_key(|key| (key.place, key.then)));
            let mut alike = Vec::new();
            heap.at_first_place(|of| alike.push(of));
            let least = expected.iter().map(|key| key.place).min();
            let mut all: Vec<u32> =
                expected.iter().filter(|key| Some(key.place) == least).map(|key| key.of).collect();
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
        let least = entries.iter().min_by_key(|key| (key.place, key.then)).copied()?;
        entries.retain(|entry| *entry != least);
        Some(least)
    }
}
