//! Records by number: found by a number's slot at once, gone through in the order of numbers.
//!
//! A record keeps its slot while it is there; slots follow the order in which records came and
//! decide nothing. A hash table finds slots in large tables; it is never gone through.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rotation::containers::lookup::Lookup;
use crate::rotation::containers::room;

/// Up to so many records an ordered map finds a slot as fast as a hash table, with less memory.
const SMALL: usize = 8;

/// Where a record is in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// Its place in a list that runs beside the table.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// Where a record probably is. Hints are derived: they are all equal, and are not written down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint(Slot);

impl Hint {
    pub(crate) const NONE: Self = Self(Slot(u32::MAX));

    pub(crate) const fn slot(self) -> Slot {
        self.0
    }
}

impl From<Slot> for Hint {
    fn from(slot: Slot) -> Self {
        Self(slot)
    }
}

impl Default for Hint {
    fn default() -> Self {
        Self::NONE
    }
}

impl PartialEq for Hint {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Hint {}

/// Records by number.
#[derive(Clone)]
pub(crate) struct Table<K, V> {
    rows: Vec<Option<(K, V)>>,
    vacant: Vec<Slot>,
    order: BTreeMap<K, Slot>,
    lookup: Lookup<K, Slot>,
}

impl<K: Copy + Ord + Hash, V> Table<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// For how many records there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.rows.capacity()
    }

    /// Where a record is.
    pub(crate) fn slot(&self, id: &K) -> Option<Slot> {
        let lookup = if self.lookup.is_empty() { self.order.get(id) } else { self.lookup.get(id) };
        lookup.copied()
    }

    /// The same, tried first where a hint says.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn find(&self, id: &K, hint: Hint) -> Option<Slot> {
        match self.row(hint.0) {
            Some((found, _)) if found == id => Some(hint.0),
            Some(_) | None => self.slot(id),
        }
    }

    pub(crate) fn contains_key(&self, id: &K) -> bool {
        self.slot(id).is_some()
    }

    #[inline]
    pub(crate) fn get(&self, id: &K) -> Option<&V> {
        self.at(self.slot(id)?)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        self.at_mut(self.slot(id)?)
    }

    /// The record in a slot.
    #[inline]
    pub(crate) fn at(&self, slot: Slot) -> Option<&V> {
        self.row(slot).map(|(_, record)| record)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, slot: Slot) -> Option<&mut V> {
        self.rows.get_mut(slot.index())?.as_mut().map(|(_, record)| record)
    }

    /// The record in a slot with its number.
    pub(crate) fn row(&self, slot: Slot) -> Option<&(K, V)> {
        self.rows.get(slot.index())?.as_ref()
    }

    /// Makes room for so many more.
    pub(crate) fn make_room(&mut self, more: usize) {
        room::make(&mut self.rows, more.saturating_sub(self.vacant.len()));
    }

    /// Adds a record, or replaces one, which keeps its slot.
    pub(crate) fn insert(&mut self, id: K, record: V) {
        if let Some(old) = self.get_mut(&id) {
            *old = record;
            return;
        }
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let slot = self.vacant.pop().unwrap_or(Slot(next));
        if slot.index() == self.rows.len() {
            room::push(&mut self.rows, Some((id, record)));
        } else {
            self.rows[slot.index()] = Some((id, record));
        }
        self.order.insert(id, slot);
        if !self.lookup.is_empty() {
            self.lookup.insert(id, slot);
        } else if self.order.len() > SMALL {
            self.lookup.extend(self.order.iter().map(|(id, slot)| (*id, *slot)));
        }
    }

    pub(crate) fn remove(&mut self, id: &K) -> Option<V> {
        let slot = self.order.remove(id)?;
        self.lookup.remove(id);
        self.vacant.push(slot);
        self.rows[slot.index()].take().map(|(_, record)| record)
    }

    /// All records, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.values().filter_map(|slot| self.row(*slot)).map(|(id, record)| (id, record))
    }

    /// The records from a number on.
    pub(crate) fn from(&self, id: K) -> impl Iterator<Item = (&K, &V)> {
        let slots = self.order.range(id..).map(|(_, slot)| *slot);
        slots.filter_map(|slot| self.row(slot)).map(|(id, record)| (id, record))
    }

    /// All slots, by number.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (K, Slot)> {
        self.order.iter().map(|(id, slot)| (*id, *slot))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.order.keys()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, record)| record)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            vacant: Vec::new(),
            order: BTreeMap::new(),
            lookup: Lookup::default(),
        }
    }
}

impl<K: Copy + Ord + Hash, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Copy + Ord + Hash, V: Eq> Eq for Table<K, V> {}

impl<K: Copy + Ord + Hash + fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Copy + Ord + Hash, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(records: T) -> Self {
        let mut table = Self::default();
        for (id, record) in records {
            table.insert(id, record);
        }
        table
    }
}

impl<K: Copy + Ord + Hash + Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for Table<K, V>
where
    K: Copy + Ord + Hash + Deserialize<'de>,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Rows<K, V>(PhantomData<(K, V)>);

        impl<'de, K, V> Visitor<'de> for Rows<K, V>
        where
            K: Copy + Ord + Hash + Deserialize<'de>,
            V: Deserialize<'de>,
        {
            type Value = Table<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from numbers to records")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut table = Table::default();
                while let Some((id, record)) = map.next_entry()? {
                    table.insert(id, record);
                }
                Ok(table)
            }
        }

        from.deserialize_map(Rows(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table against the map that it stands for.
    #[test]
    fn a_table_is_a_map_whose_records_stay_where_they_are() {
        let mut table = Table::default();
        let mut map = BTreeMap::new();
        let mut seed = 1_u64;
        for n in 0..5_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n | 1);
            let id = (seed >> 33) % 100;
            if seed >> 62 == 0 {
                assert_eq!(table.remove(&id), map.remove(&id));
            } else {
                let before = table.slot(&id);
                table.insert(id, n);
                assert!(before.is_none_or(|slot| table.slot(&id) == Some(slot)));
                map.insert(id, n);
            }
            assert_eq!((table.len(), table.get(&id)), (map.len(), map.get(&id)));
            let row = table.slot(&id).and_then(|slot| table.row(slot));
            assert_eq!(row.map(|row| row.0), map.get(&id).map(|_| id));
        }
        assert!(table.iter().eq(map.iter()), "in the order of numbers");
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(text, serde_json::to_string(&map).unwrap());
        assert_eq!(serde_json::from_str::<Table<u64, u64>>(&text).unwrap(), table);
    }
}
