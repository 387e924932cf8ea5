//! Instants in order, each with what is to be looked at then.
//!
//! Instants mostly come in ascending order, since pauses are alike: those stand in a row, and only
//! what comes out of order goes through a heap. Knows no meaning of what it holds; who takes an
//! entry out checks whether it still stands.

use crate::rotation::containers::pieces::Pieces;
use crate::rotation::containers::pile::Pile;
use crate::vocab::Timestamp;

/// Entries by instant, then by what they are about.
#[derive(Clone, Debug)]
pub(crate) struct Agenda<T> {
    /// In order.
    pub(super) row: Pieces<(Timestamp, T)>,
    rest: Pile<(Timestamp, T)>,
}

impl<T: Copy + Ord> Agenda<T> {
    pub(crate) fn push(&mut self, at: Timestamp, about: T) {
        let entry = (at, about);
        if self.row.last().is_none_or(|last| *last <= entry) {
            self.row.push(entry);
        } else {
            self.rest.push(entry);
        }
    }

    /// The first entry.
    pub(crate) fn first(&self) -> Option<(Timestamp, T)> {
        match (self.row.first(), self.rest.first()) {
            (Some(row), Some(rest)) => Some(*row.min(rest)),
            (Some(entry), None) | (None, Some(entry)) => Some(*entry),
            (None, None) => None,
        }
    }

    pub(crate) fn pop(&mut self) -> Option<(Timestamp, T)> {
        self.pop_by(Timestamp::MAX)
    }

    /// Takes the first entry out if its instant is not later than that.
    pub(crate) fn pop_by(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let row = self.row.first().filter(|(at, _)| *at <= now);
        match self.rest.first() {
            Some(rest) if rest.0 <= now && row.is_none_or(|row| rest < row) => self.rest.pop(),
            Some(_) | None if row.is_some() => self.row.pop(),
            Some(_) | None => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.row.len() + self.rest.len()
    }

    /// Drops the entries that do not stand any more.
    pub(crate) fn retain(&mut self, mut stands: impl FnMut(Timestamp, T) -> bool) {
        self.row.retain(|(at, about)| stands(*at, *about));
        self.rest.retain(|(at, about)| stands(*at, *about));
    }
}

impl<T: Copy + Ord> Default for Agenda<T> {
    fn default() -> Self {
        Self { row: Pieces::default(), rest: Pile::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_by_instant() {
        let mut agenda = Agenda::default();
        let mut expected = Vec::new();
        for n in 0..500_i64 {
            let ms = if n % 3 == 0 { n * 10 } else { n * 7_919 % 5_000 };
            let at = Timestamp::from_unix_ms(ms).unwrap();
            agenda.push(at, n);
            expected.push((at, n));
        }
        agenda.retain(|_, n| n % 2 == 0);
        expected.retain(|(_, n)| n % 2 == 0);
        expected.sort_unstable();
        assert_eq!(agenda.len(), expected.len());
        let taken: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(taken, expected);
    }
}
