//! What most records have nothing of, kept apart so that those take no more room than a pointer.
//!
//! Knows no meaning of what it holds.

use serde::{Deserialize, Serialize, Serializer};

/// A collection that is kept apart while there is anything in it. It is written down and equals
/// others as the collection does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "T", bound(deserialize = "T: Collection + Deserialize<'de>"))]
pub(crate) struct MostlyEmpty<T>(Option<Box<T>>);

/// What may be empty.
pub(crate) trait Collection: Default {
    fn has_none(&self) -> bool;
}

impl<T> Collection for Vec<T> {
    fn has_none(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Collection for std::collections::BTreeMap<K, V> {
    fn has_none(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Collection> MostlyEmpty<T> {
    /// The collection, if there is anything in it.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// Changes what is in it.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut T)) {
        let mut all = self.0.take().map_or_else(T::default, |all| *all);
        change(&mut all);
        *self = Self::from(all);
    }
}

impl<T: Collection> From<T> for MostlyEmpty<T> {
    fn from(all: T) -> Self {
        Self(if all.has_none() { None } else { Some(Box::new(all)) })
    }
}

impl<T: Collection + Serialize> Serialize for MostlyEmpty<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            Some(all) => all.serialize(to),
            None => T::default().serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_empty_is_as_if_nothing_had_been_there() {
        let (mut of, empty) = (MostlyEmpty::<Vec<u8>>::default(), MostlyEmpty::default());
        for (all, text) in [(vec![1, 2], "[1,2]"), (vec![], "[]")] {
            of.change(|of| of.clone_from(&all));
            assert_eq!(
                (of.get(), of == empty),
                (Some(&all).filter(|all| !all.is_empty()), all.is_empty())
            );
            assert_eq!(serde_json::to_string(&of).unwrap(), text);
            assert_eq!(serde_json::from_str::<MostlyEmpty<Vec<u8>>>(text).unwrap(), of);
        }
        assert_eq!(size_of::<MostlyEmpty<Vec<u8>>>(), 8);
    }
}
