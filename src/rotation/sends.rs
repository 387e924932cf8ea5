//! Single sends, each in four bytes: on which of two pages of 25 days it is, and when on it.
//!
//! Knows instants and whether a send was to a new lead; not what came in bulk, and no windows.

use std::ops::Range;

use crate::rotation::bulk::Entry;
use crate::vocab::Timestamp;

/// How many milliseconds a page spans: 32 bits, without the one that marks a new lead.
const PAGE: i64 = 1 << 31;

/// Instants of single sends, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sends {
    /// The Unix millisecond at which the first page begins; the second follows it.
    base: i64,
    /// Milliseconds since the page began, and in the lowest bit whether it was to a new lead.
    slots: Vec<u32>,
    /// How many of the first slots are void.
    void: u32,
    /// Which slot is the first on the second page; never a void one.
    turn: u32,
}

impl Sends {
    pub(crate) fn is_empty(&self) -> bool {
        self.void as usize == self.slots.len()
    }

    /// Whether no more fit in.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.len() == u32::MAX as usize
    }

    /// Whether an instant is beyond the second page.
    pub(crate) fn is_beyond(&self, at: Timestamp) -> bool {
        at.unix_ms() - self.base >= 2 * PAGE && !self.is_empty()
    }

    /// Adds a send behind others, if it is not before them and nothing but a slot is needed.
    pub(crate) fn append(&mut self, at: Timestamp, new_lead: bool) -> bool {
        let Some(last) = self.slots.last() else { return false };
        let offset = at.unix_ms() - self.base;
        let is_on_second = offset >= PAGE;
        let within = offset - if is_on_second { PAGE } else { 0 };
        let last_is_on_second = (self.turn as usize) < self.slots.len();
        let last = (last_is_on_second, i64::from(last >> 1));
        let has_room = self.slots.len() < self.slots.capacity();
        if within >= PAGE || (is_on_second, within) < last || self.is_empty() || !has_room {
            return false;
        }
        self.turn += u32::from(!is_on_second);
        self.slots.push(u32::try_from(within).unwrap_or_default() << 1 | u32::from(new_lead));
        true
    }

    /// Adds a send at an instant that is not before any other, nor beyond the second page.
    pub(crate) fn push(&mut self, at: Timestamp, new_lead: bool) {
        if self.is_empty() {
            self.base = at.unix_ms();
            self.slots.clear();
            (self.void, self.turn) = (0, 0);
        }
        if self.slots.len() == self.slots.capacity() {
            self.make_room();
        }
        let offset = at.unix_ms() - self.base;
        self.turn += u32::from(offset < PAGE);
        let within = u32::try_from(offset.rem_euclid(PAGE)).unwrap_or_default();
        self.slots.push(within << 1 | u32::from(new_lead));
    }

    /// Takes out the oldest send if it is at or before that instant.
    pub(crate) fn pop(&mut self, until: Timestamp) -> Option<Entry> {
        let send = self.live().next().map(|index| self.entry(index));
        let send = send.filter(|send| send.at <= until)?;
        self.void += 1;
        self.turn = self.turn.max(self.void);
        Some(send)
    }

    /// Takes out one send of a kind at an instant.
    pub(crate) fn take_back(&mut self, unix_ms: i64, new_lead: bool) -> bool {
        let mut here = self.first_from(unix_ms)..self.first_from(unix_ms + 1);
        let Some(index) = here.find(|index| (self.slots[*index] & 1 == 1) == new_lead) else {
            return false;
        };
        self.slots.remove(index);
        self.turn -= u32::from(index < self.turn as usize);
        true
    }

    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        self.nth_last_at(0)
    }

    /// When the send was that so many came after.
    pub(crate) fn nth_last_at(&self, n: usize) -> Option<Timestamp> {
        self.live().rev().nth(n).map(|index| self.at(index))
    }

    /// Whether none is at or before an instant.
    #[inline]
    pub(crate) fn is_since(&self, unix_ms: i64) -> bool {
        let page = if self.void < self.turn { 0 } else { PAGE };
        let first = self.slots.get(self.void as usize);
        first.is_none_or(|first| self.base + page + i64::from(first >> 1) > unix_ms)
    }

    /// How many there are at or after an instant.
    pub(crate) fn since(&self, unix_ms: i64) -> u64 {
        (self.slots.len() - self.first_from(unix_ms)) as u64
    }

    /// How many of those were to new leads. Looks at each.
    pub(crate) fn new_leads_since(&self, unix_ms: i64) -> u64 {
        let sends = &self.slots[self.first_from(unix_ms)..];
        sends.iter().map(|slot| u64::from(slot & 1)).sum()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.live().map(|index| self.entry(index))
    }

    /// The memory that the slots take up, in bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }

    /// The slots that are not void.
    fn live(&self) -> Range<usize> {
        self.void as usize..self.slots.len()
    }

    fn at(&self, index: usize) -> Timestamp {
        let page = if index < self.turn as usize { 0 } else { PAGE };
        let unix_ms = self.base + page + i64::from(self.slots[index] >> 1);
        Timestamp::from_unix_ms(unix_ms).unwrap_or(Timestamp::MAX)
    }

    fn entry(&self, index: usize) -> Entry {
        Entry { at: self.at(index), total: 1, new_leads: u64::from(self.slots[index] & 1) }
    }

    /// The first slot at or after an instant.
    #[inline]
    fn first_from(&self, unix_ms: i64) -> usize {
        let offset = unix_ms - self.base;
        let (void, turn) = (self.void as usize, self.turn as usize);
        let (start, page, offset) = if offset < PAGE {
            (void, &self.slots[void..turn], offset)
        } else {
            (turn, &self.slots[turn..], offset - PAGE)
        };
        let least = u32::try_from(offset.max(0) << 1);
        start + least.map_or(page.len(), |least| page.partition_point(|slot| *slot < least))
    }

    fn make_room(&mut self) {
        let len = self.slots.len();
        if self.void as usize > len / 8 {
            self.slots.drain(..self.void as usize);
            (self.void, self.turn) = (0, self.turn - self.void);
        } else {
            // By little, since most logs stay as long as a few days make them.
            self.slots.reserve_exact((len / 4).max(8));
        }
    }
}
