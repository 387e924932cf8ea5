//! A heap whose first entry can be replaced in place: least first, four below each.
//!
//! Four below each make it half as deep as a binary heap, and the four stand side by side. Entries
//! are compared as a whole, so equal ones do not occur. Knows no meaning of what it holds.

/// Entries, the least first.
#[derive(Clone, Debug)]
pub(crate) struct Heap<T> {
    entries: Vec<T>,
}

/// How many entries stand below each.
const BELOW: usize = 4;

impl<T: Copy + Ord> Heap<T> {
    /// The least entry.
    pub(crate) fn first(&self) -> Option<T> {
        self.entries.first().copied()
    }

    pub(crate) fn push(&mut self, entry: T) {
        self.entries.push(entry);
        self.rise(self.entries.len() - 1);
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
        if let Some(first) = self.entries.first_mut() {
            *first = entry;
            self.sink(0);
        }
    }

    /// Keeps only some of the entries.
    pub(crate) fn retain(&mut self, stays: impl FnMut(&T) -> bool) {
        self.entries.retain(stays);
        for n in (0..self.entries.len().div_ceil(BELOW)).rev() {
            self.sink(n);
        }
    }

    fn rise(&mut self, mut at: usize) {
        let entry = self.entries[at];
        while at > 0 {
            let above = (at - 1) / BELOW;
            if self.entries[above] <= entry {
                break;
            }
            self.entries[at] = self.entries[above];
            at = above;
        }
        self.entries[at] = entry;
    }

    fn sink(&mut self, mut at: usize) {
        let Some(entry) = self.entries.get(at).copied() else { return };
        loop {
            let from = at * BELOW + 1;
            let to = (from + BELOW).min(self.entries.len());
            if from >= to {
                break;
            }
            let mut first = from;
            for below in from + 1..to {
                if self.entries[below] < self.entries[first] {
                    first = below;
                }
            }
            if entry <= self.entries[first] {
                break;
            }
            self.entries[at] = self.entries[first];
            at = first;
        }
        self.entries[at] = entry;
    }
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                _ => {
                    heap.retain(|(_, n)| n % 17 != 0);
                    expected.retain(|(_, n)| n % 17 != 0);
                }
            }
            assert_eq!(heap.entries.len(), expected.len());
            assert_eq!(heap.first(), expected.iter().min().copied());
        }
    }

    fn first(entries: &mut Vec<(u64, u64)>) -> Option<(u64, u64)> {
        let least = entries.iter().min().copied()?;
        entries.retain(|entry| *entry != least);
        Some(least)
    }
}
