//! A heap whose first entry can be replaced in place: least first, four below each.
//!
//! Four below each make it half as deep as a binary heap, and the four stand side by side. Knows no
//! meaning of what it holds.

/// How many entries stand below each.
const BELOW: usize = 4;

/// What a heap holds. Written by hand, since it is asked a dozen times for each pick.
pub(crate) trait Entry: Copy {
    /// Whether it comes out first.
    fn is_before(&self, other: &Self) -> bool;
}

/// Entries, the least first.
#[derive(Clone, Debug)]
pub(crate) struct Heap<T> {
    entries: Vec<T>,
}

impl<T: Entry> Heap<T> {
    /// The least entry.
    pub(crate) fn first(&self) -> Option<&T> {
        self.entries.first()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn push(&mut self, entry: T) {
        let mut at = self.entries.len();
        self.entries.push(entry);
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

    pub(crate) fn pop(&mut self) -> Option<T> {
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
    pub(crate) fn replace_first(&mut self, entry: T) {
        let mut at = 0;
        while let Some((least, first)) = least_below(&self.entries, at) {
            if !first.is_before(&entry) {
                break;
            }
            self.entries[at] = first;
            at = least;
        }
        if let Some(place) = self.entries.get_mut(at) {
            *place = entry;
        }
    }
}

/// The least of those below an entry, and where it is.
fn least_below<T: Entry>(entries: &[T], at: usize) -> Option<(usize, T)> {
    let from = at * BELOW + 1;
    let below = entries.get(from..)?;
    if let Some([a, b, c, d]) = below.first_chunk::<BELOW>() {
        let (x, left) = if b.is_before(a) { (1, b) } else { (0, a) };
        let (y, right) = if d.is_before(c) { (3, d) } else { (2, c) };
        let (n, least) = if right.is_before(left) { (y, right) } else { (x, left) };
        return Some((from + n, *least));
    }
    let mut least = (0, *below.first()?);
    for (n, entry) in below.iter().enumerate().skip(1) {
        if entry.is_before(&least.1) {
            least = (n, *entry);
        }
    }
    Some((from + least.0, least.1))
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Entry for (u64, u64) {
        fn is_before(&self, other: &Self) -> bool {
            self < other
        }
    }

    #[test]
    fn entries_come_out_in_order() {
        let mut heap = Heap::default();
        let mut expected = Vec::new();
        let mut seed = 1_u64;
        for n in 0..20_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let entry = (seed >> 40, n);
            match seed >> 61 {
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
                _ if n % 1_000 == 7 => {
                    heap.clear();
                    expected.clear();
                }
                _ => {}
            }
            assert_eq!(heap.len(), expected.len());
            assert_eq!(heap.first(), expected.iter().min());
        }
    }

    fn first(entries: &mut Vec<(u64, u64)>) -> Option<(u64, u64)> {
        let least = entries.iter().min().copied()?;
        entries.retain(|entry| *entry != least);
        Some(least)
    }
}
