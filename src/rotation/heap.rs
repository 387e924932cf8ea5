//! A heap whose first entry can be replaced in place: least first, four below each.
//!
//! Four below each make it half as deep as a binary heap, and the four fill one line of the cache.
//! Entries are told apart by a number; who calls says which comes first of two with the same. Knows
//! no meaning of what it holds.

/// How many entries stand below each.
const BELOW: usize = 4;

/// What comes, by a number that is not less for what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) lead: u64,
    pub(crate) of: u32,
}

impl Key {
    fn is_before(self, other: Self, tie: &impl Fn(u32, u32) -> bool) -> bool {
        self.lead < other.lead || (self.lead == other.lead && tie(self.of, other.of))
    }
}

/// Entries, the least first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    entries: Vec<Key>,
}

/// `tie` says whether the first of two with the same number comes first.
impl Heap {
    /// The least entry.
    pub(crate) fn first(&self) -> Option<Key> {
        self.entries.first().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn push(&mut self, entry: Key, tie: impl Fn(u32, u32) -> bool) {
        self.entries.push(entry);
        self.rise(self.entries.len() - 1, entry, tie);
    }

    pub(crate) fn pop(&mut self, tie: impl Fn(u32, u32) -> bool) -> Option<Key> {
        let last = self.entries.pop()?;
        match self.entries.first().copied() {
            Some(first) => {
                self.replace_first(last, tie);
                Some(first)
            }
            None => Some(last),
        }
    }

    /// Puts another entry in the place of the least.
    pub(crate) fn replace_first(&mut self, entry: Key, tie: impl Fn(u32, u32) -> bool) {
        let entries = self.entries.as_mut_slice();
        let mut at = 0;
        loop {
            let from = at * BELOW + 1;
            let Some(below) = entries.get(from..) else { break };
            let least = match below.first_chunk() {
                Some(four) => least_of_four(four, &tie),
                None => least_of(below, &tie),
            };
            let Some(first) = below.get(least).copied() else { break };
            if !first.is_before(entry, &tie) {
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
    pub(crate) fn bring_forward(&mut self, entry: Key, tie: impl Fn(u32, u32) -> bool) {
        if let Some(at) = self.entries.iter().position(|held| held.of == entry.of) {
            self.rise(at, entry, tie);
        }
    }

    fn rise(&mut self, mut at: usize, entry: Key, tie: impl Fn(u32, u32) -> bool) {
        while at > 0 {
            let above = (at - 1) / BELOW;
            if !entry.is_before(self.entries[above], &tie) {
                break;
            }
            self.entries[at] = self.entries[above];
            at = above;
        }
        self.entries[at] = entry;
    }
}

/// Where the least of four is. Numbers are compared without a branch, as none could be foretold.
fn least_of_four(four: &[Key; BELOW], tie: &impl Fn(u32, u32) -> bool) -> usize {
    let [a, b, c, d] = four.map(|key| key.lead);
    let (left, right) = (a.min(b), c.min(d));
    if (a == b) | (c == d) | (left == right) {
        return least_of(four, tie);
    }
    let (x, y) = (usize::from(b < a), 2 + usize::from(d < c));
    if right < left { y } else { x }
}

/// Where the least of some is, if there are any.
#[cold]
fn least_of(some: &[Key], tie: &impl Fn(u32, u32) -> bool) -> usize {
    let mut least = 0;
    for n in 1..some.len().min(BELOW) {
        if some[n].is_before(some[least], tie) {
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
            let entry = Key { lead: seed >> 52, of };
            match seed % 1_000 / 125 {
                0..=3 => {
                    heap.push(entry, less);
                    expected.push(entry);
                }
                4..=5 => assert_eq!(heap.pop(less), first(&mut expected)),
                6 => {
                    if first(&mut expected).is_some() {
                        expected.push(entry);
                    }
                    heap.replace_first(entry, less);
                }
                _ => {
                    if let Some(one) = expected.iter_mut().find(|key| key.of % 5 == 0) {
                        one.lead /= 2;
                        heap.bring_forward(*one, less);
                    }
                }
            }
            assert_eq!(heap.entries.len(), expected.len());
            assert_eq!(heap.first(), expected.iter().min_by_key(|key| (key.lead, key.of)).copied());
            if expected.len() > 200 {
                heap.clear();
                expected.clear();
            }
        }
    }

    fn less(one: u32, other: u32) -> bool {
        one < other
    }

    fn first(entries: &mut Vec<Key>) -> Option<Key> {
        let least = entries.iter().min_by_key(|key| (key.lead, key.of)).copied()?;
        entries.retain(|entry| *entry != least);
        Some(least)
    }
}
