//! A set of a few, in one piece of memory.
//!
//! Most accounts are in one campaign, for which a tree takes a hundred bytes. Adding one to many
//! moves those behind it. Knows no meaning of what it holds.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// Different items in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<T>", bound(deserialize = "T: Ord + Deserialize<'de>"))]
pub(crate) struct Sorted<T>(Vec<T>);

impl<T: Ord> Sorted<T> {
    /// Adds an item, unless it is there.
    pub(crate) fn insert(&mut self, item: T) {
        if let Err(at) = self.0.binary_search(&item) {
            if self.0.len() == self.0.capacity() {
                self.0.reserve_exact(self.0.len().max(1));
            }
            self.0.insert(at, item);
        }
    }

    pub(crate) fn remove(&mut self, item: &T) {
        if let Ok(at) = self.0.binary_search(item) {
            self.0.remove(at);
        }
    }

    pub(crate) fn has(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for Sorted<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Ord> From<Vec<T>> for Sorted<T> {
    fn from(mut items: Vec<T>) -> Self {
        items.sort_unstable();
        items.dedup();
        Self(items)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_a_set() {
        let (mut sorted, mut set) = (Sorted::default(), BTreeSet::new());
        let mut seed = 1_u64;
        for _ in 0..2_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let item = seed >> 59;
            if seed >> 33 & 1 == 0 {
                sorted.insert(item);
                set.insert(item);
            } else {
                sorted.remove(&item);
                set.remove(&item);
            }
            assert!(sorted.iter().eq(&set));
            assert_eq!(sorted.has(&(item ^ 1)), set.contains(&(item ^ 1)));
        }
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::to_string(&sorted).unwrap(), text);
        assert_eq!(serde_json::from_str::<Sorted<u64>>(&text).unwrap(), sorted);
        assert_eq!(Sorted::from(vec![2, 1, 2]), Sorted(vec![1, 2]));
    }
}
