//! Single sends, each in four bytes: on which of two pages of 25 days it is, and when on it.
//!
//! Knows instants and whether a send was to a new lead; not what came in bulk, and no windows.

use std::ops::Range;

use crate::rotation::state::bulk::Entry;
use crate::rotation::state::stamps::Stamps;
use crate::vocab::Timestamp;

/// How many milliseconds a page spans: 32 bits, without the one that marks a new lead.
const PAGE: i64 = 1 << 31;

/// Instants of single sends, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sends {
    /// The Unix millisecond at which the first page begins; the second follows it.
    base: i64,
    /// Milliseconds since the page began, and in the lowest bit whether it was to a new lead.
    stamps: Stamps,
    /// How many of the first stamps are void.
    void: u32,
    /// Which stamp is the first on the second page; never a void one.
    turn: u32,
}

impl Sends {
    pub(crate) fn is_empty(&self) -> bool {
        self.void as usize == self.stamps.len()
    }

    /// Whether no more fit in.
    pub(crate) fn is_full(&self) -> bool {
        self.stamps.len() == u32::MAX as usize
    }

    /// Whether an instant is beyond the second page. If nobody is on the first any more, the second
    /// becomes the first.
    pub(crate) fn is_beyond(&mut self, at: Timestamp) -> bool {
        let mut offset = at.unix_ms() - self.base;
        if offset >= 2 * PAGE && self.turn == self.void {
            self.base += PAGE;
            self.turn = u32::try_from(self.stamps.len()).unwrap_or(u32::MAX);
            offset -= PAGE;
        }
        offset >= 2 * PAGE && !self.is_empty()
    }

    /// Adds a send behind others, if it is not before them and nothing but a stamp is needed.
    #[inline]
    pub(crate) fn append(&mut self, at: Timestamp, new_lead: bool) -> bool {
        let Stamps::One(stamps) = &self.stamps else { return self.append_to_many(at, new_lead) };
        let has_room = stamps.len() < stamps.capacity() && stamps.len() > self.void as usize;
        let offset = self.behind(stamps.len(), stamps.last(), at).filter(|_| has_room);
        let (Some(offset), Stamps::One(stamps)) = (offset, &mut self.stamps) else { return false };
        self.turn += u32::from(offset < PAGE);
        stamps.push(stamp(offset, new_lead));
        true
    }

    #[inline(never)]
    fn append_to_many(&mut self, at: Timestamp, new_lead: bool) -> bool {
        let Stamps::Many(stamps) = &self.stamps else { return false };
        let offset = self.behind(stamps.len(), stamps.last(), at);
        let (Some(offset), Stamps::Many(stamps)) = (offset, &mut self.stamps) else { return false };
        self.turn += u32::from(offset < PAGE);
        stamps.push(stamp(offset, new_lead));
        true
    }

    /// How many milliseconds after the first page began an instant is, if it can stand behind so
    /// many others, of which that is the last.
    #[inline]
    fn behind(&self, len: usize, last: Option<&u32>, at: Timestamp) -> Option<i64> {
        let offset = at.unix_ms() - self.base;
        let last_page = if (self.turn as usize) < len { PAGE } else { 0 };
        let last = last_page + i64::from(last? >> 1);
        (last..2 * PAGE).contains(&offset).then_some(offset)
    }

    /// Adds a send at an instant that is not before any other, nor beyond the second page.
    pub(crate) fn push(&mut self, at: Timestamp, new_lead: bool) {
        if self.is_empty() {
            self.base = at.unix_ms();
            self.stamps.clear();
            (self.void, self.turn) = (0, 0);
        }
        if !self.stamps.has_room() {
            self.make_room();
        }
        let offset = at.unix_ms() - self.base;
        self.turn += u32::from(offset < PAGE);
        self.stamps.push(stamp(offset, new_lead));
    }

    /// Takes out the oldest send if it is at or before that instant.
    pub(crate) fn pop(&mut self, until: Timestamp) -> Option<Entry> {
        let send = self.live().next().map(|index| self.entry(index));
        let send = send.filter(|send| send.at <= until)?;
        if self.stamps.drop_first() {
            self.turn = self.turn.saturating_sub(1);
        } else {
            self.void += 1;
            self.turn = self.turn.max(self.void);
        }
        Some(send)
    }

    /// Takes out one send of a kind at an instant.
    pub(crate) fn take_back(&mut self, unix_ms: i64, new_lead: bool) -> bool {
        let mut here = self.first_from(unix_ms)..self.first_from(unix_ms + 1);
        let Some(index) = here.find(|index| (self.stamps.at(*index) & 1 == 1) == new_lead) else {
            return false;
        };
        self.stamps.remove(index);
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
        let first = self.stamps.first(self.void);
        first.is_none_or(|first| self.base + page + i64::from(first >> 1) > unix_ms)
    }

    /// How many there are at or after an instant.
    pub(crate) fn since(&self, unix_ms: i64) -> u64 {
        (self.stamps.len() - self.first_from(unix_ms)) as u64
    }

    /// How many of those were to new leads. Looks at each.
    pub(crate) fn new_leads_since(&self, unix_ms: i64) -> u64 {
        let new_leads = |part: &[u32]| part.iter().map(|stamp| u64::from(stamp & 1)).sum::<u64>();
        self.stamps.parts(self.first_from(unix_ms)).map(new_leads).sum()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.live().map(|index| self.entry(index))
    }

    /// The memory that the stamps take up, in bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.stamps.bytes()
    }

    /// The stamps that are not void.
    fn live(&self) -> Range<usize> {
        self.void as usize..self.stamps.len()
    }

    fn at(&self, index: usize) -> Timestamp {
        self.instant(self.stamps.at(index), index < self.turn as usize)
    }

    /// When the send was that is written so, on the first page or the second.
    #[inline]
    fn instant(&self, stamp: u32, is_on_first: bool) -> Timestamp {
        let page = if is_on_first { 0 } else { PAGE };
        Timestamp::from_unix_ms(self.base + page + i64::from(stamp >> 1)).unwrap_or(Timestamp::MAX)
    }

    fn entry(&self, index: usize) -> Entry {
        Entry { at: self.at(index), total: 1, new_leads: u64::from(self.stamps.at(index) & 1) }
    }

    /// The first stamp at or after an instant.
    #[inline]
    fn first_from(&self, unix_ms: i64) -> usize {
        let offset = unix_ms - self.base;
        let (void, turn) = (self.void as usize, self.turn as usize);
        let (page, offset) = if offset < PAGE {
            (void..turn, offset)
        } else {
            (turn..self.stamps.len(), offset - PAGE)
        };
        let least = u32::try_from(offset.max(0) << 1);
        least.map_or(page.end, |least| self.stamps.first_from(page, least))
    }

    fn make_room(&mut self) {
        let dropped = self.stamps.make_room(self.void);
        (self.void, self.turn) = (self.void - dropped, self.turn - dropped);
    }
}

/// What stands for a send so many milliseconds after the first page began.
#[inline]
fn stamp(offset: i64, new_lead: bool) -> u32 {
    u32::try_from(offset & (PAGE - 1)).unwrap_or_default() << 1 | u32::from(new_lead)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::vocab::Span;

    /// More than two pages go by, and more sends than stand in one piece of memory are kept.
    #[test]
    fn pages_are_turned_as_time_goes_by() {
        let (mut sends, mut plain) = (Sends::default(), VecDeque::new());
        for minute in 0..100_000_i64 {
            let at = Timestamp::from_unix_ms(minute * 60_000).unwrap();
            assert!(!sends.is_beyond(at), "at minute {minute}");
            if !sends.append(at, minute % 3 == 0) {
                sends.push(at, minute % 3 == 0);
            }
            plain.push_back(minute);
            while sends.pop(at.minus(Span::days(20))).is_some() {
                plain.pop_front();
            }
            if minute % 50 == 0 {
                let taken = plain.len() - 1 - plain.len() / 9;
                let unix_ms = plain[taken] * 60_000;
                assert!(sends.take_back(unix_ms, plain[taken] % 3 == 0));
                plain.remove(taken);
            }
            let ms = |minute: Option<&i64>| minute.map(|minute| minute * 60_000);
            let first = ms(plain.front());
            let is_first = |first| sends.is_since(first - 1) && !sends.is_since(first);
            assert!(first.map_or_else(|| sends.is_empty(), is_first), "at minute {minute}");
            assert_eq!(sends.last_at().map(Timestamp::unix_ms), ms(plain.back()));
            if minute % 97 > 0 {
                continue;
            }
            let from = minute - 1_000;
            let since = plain.iter().rev().take_while(|at| **at >= from);
            assert_eq!(sends.since(from * 60_000), since.clone().count() as u64);
            let new_leads = since.filter(|at| *at % 3 == 0).count();
            assert_eq!(sends.new_leads_since(from * 60_000), new_leads as u64);
        }
        assert!(plain.len() > 16_384 && sends.bytes() < 4 * plain.len() + (3 << 14));
    }
}
