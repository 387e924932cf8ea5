//! Members that take no part: who has to leave, and who comes back and when.
//!
//! They come back by number and a few at a time, however many may at midnight. Knows numbers and
//! instants; who asks knows whether they still hold.

use crate::rotation::containers::agenda::Agenda;
use crate::vocab::Timestamp;

/// So many come back before one pick, as in the engine.
pub(super) const RETURNS_MAX: usize = 16;

/// Members in one bit each.
const WORD: usize = 64;

/// Who takes no part, or will not.
#[derive(Clone, Debug, Default)]
pub(super) struct Absent {
    /// Whose cap is used up. It leaves before another is picked.
    leaving: Option<u32>,
    /// Those that come back when the day is over.
    away: Vec<u64>,
    /// Those that may come back.
    coming: Vec<u64>,
    comes: usize,
    /// Nobody of those is in a word before this one.
    from: usize,
    /// When those that are away may send at the earliest.
    ready: Agenda<u32>,
}

impl Absent {
    /// Makes room for so many members.
    pub(super) fn widen(&mut self, members: usize) {
        let words = members.div_ceil(WORD);
        self.away.resize(words, 0);
        self.coming.resize(words, 0);
    }

    /// Whether somebody leaves or may come back.
    pub(super) fn is_anybody_due(&self) -> bool {
        self.comes > 0 || self.leaving.is_some()
    }

    /// Takes in who has to leave.
    pub(super) fn will_leave(&mut self, number: u32) {
        self.leaving = Some(number);
    }

    pub(super) fn leaving(&self) -> Option<u32> {
        self.leaving
    }

    /// Takes out who has to leave.
    pub(super) fn take_leaving(&mut self) -> Option<u32> {
        self.leaving.take()
    }

    /// Takes somebody in who left, and is ready then. It may come back now or when the day is over.
    pub(super) fn add(&mut self, number: u32, ready_at: Timestamp, may_return: bool) {
        let (word, bit) = (number as usize / WORD, 1 << (number as usize % WORD));
        if may_return {
            self.coming[word] |= bit;
            self.comes += 1;
            self.from = self.from.min(word);
        } else {
            self.away[word] |= bit;
        }
        self.ready.push(ready_at, number);
    }

    /// Those that are away may come back.
    pub(super) fn begin_day(&mut self) {
        for (coming, away) in self.coming.iter_mut().zip(&mut self.away) {
            *coming |= std::mem::take(away);
        }
        self.comes = self.coming.iter().map(|word| word.count_ones() as usize).sum();
        self.from = 0;
    }

    /// Takes out the first by number of those that may come back, [so many](RETURNS_MAX) at most.
    pub(super) fn take_coming(&mut self) -> Vec<u32> {
        let mut taken = Vec::new();
        while taken.len() < RETURNS_MAX && self.comes > 0 {
            let Some(word) = self.coming.get_mut(self.from) else { break };
            if *word == 0 {
                self.from += 1;
                continue;
            }
            let bit = word.trailing_zeros();
            *word &= *word - 1;
            self.comes -= 1;
            taken.extend(u32::try_from(self.from * WORD).ok().map(|first| first + bit));
        }
        taken
    }

    /// When the first of them may send. `stands` tells whether somebody is absent and ready then.
    pub(super) fn first_ready(
        &mut self,
        stands: impl Fn(u32, Timestamp) -> bool,
    ) -> Option<Timestamp> {
        while let Some((at, number)) = self.ready.first() {
            if stands(number, at) {
                return Some(at);
            }
            self.ready.pop();
        }
        None
    }
}
