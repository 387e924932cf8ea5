//! A list that grows without moving what is in it: no single call pays for all that came before.
//!
//! Only the first segment grows as lists do, so that a short list takes little room and is found at
//! once. Knows no meaning of what it holds.

/// Entries by number, in segments of `LONG` each.
#[derive(Clone, Debug)]
pub(crate) struct Segments<T, const LONG: usize> {
    first: Vec<T>,
    /// All but the last are full.
    others: Vec<Vec<T>>,
    len: usize,
}

impl<T, const LONG: usize> Segments<T, LONG> {
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        match (number as usize).checked_sub(LONG) {
            None => self.first.get(number as usize),
            Some(number) => self.others.get(number / LONG)?.get(number % LONG),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match (number as usize).checked_sub(LONG) {
            None => self.first.get_mut(number as usize),
            Some(number) => self.others.get_mut(number / LONG)?.get_mut(number % LONG),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry and returns its number. There is memory for fewer than have numbers.
    #[inline]
    pub(crate) fn push(&mut self, entry: T) -> u32 {
        let number = u32::try_from(self.len).unwrap_or(u32::MAX);
        self.len += 1;
        if let Some(last) = self.others.last_mut().filter(|last| last.len() < LONG) {
            last.push(entry);
        } else if self.first.len() < LONG {
            if self.first.len() == self.first.capacity() {
                self.make_room();
            }
            self.first.push(entry);
        } else {
            self.begin(entry);
        }
        number
    }

    #[cold]
    fn make_room(&mut self) {
        let len = self.first.len();
        self.first.reserve_exact((len / 2).max(4).min(LONG - len));
    }

    #[cold]
    fn begin(&mut self, entry: T) {
        let mut segment = Vec::with_capacity(LONG);
        segment.push(entry);
        self.others.push(segment);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.others.iter().flatten())
    }
}

impl<T, const LONG: usize> Default for Segments<T, LONG> {
    fn default() -> Self {
        Self { first: Vec::new(), others: Vec::new(), len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_numbers_and_their_places() {
        let mut list = Segments::<u64, 8>::default();
        assert_eq!((list.len(), list.get(0)), (0, None));
        let mut eighth = None;
        for n in 0..100_u32 {
            assert_eq!(list.push(n.into()), n);
            assert_eq!(list.len(), n as usize + 1);
            assert_eq!(list.get(n + 1), None);
            let at = list.get(8).map(std::ptr::from_ref);
            assert!(eighth.is_none() || at == eighth, "it moved after {n}");
            eighth = at;
        }
        assert!(list.iter().copied().eq(0..100));
        if let Some(entry) = list.get_mut(42) {
            *entry = 7;
        }
        assert_eq!((list.get(41), list.get(42), list.get(43)), (Some(&41), Some(&7), Some(&43)));
    }
}
