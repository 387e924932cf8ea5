//! The pieces of a long row that are behind the first, which stay where they are.
//!
//! Knows that all but the last are full, and nothing of the first.

use std::collections::VecDeque;

/// One piece takes up so many bytes at most.
const PIECE_BYTES: usize = 1 << 14;

/// What does not fit into the first piece.
#[derive(Clone, Debug)]
pub(crate) struct Behind<T> {
    /// Full ones.
    pub(crate) pieces: VecDeque<Vec<T>>,
    /// The piece that is entered, with one entry at least.
    pub(crate) last: Vec<T>,
    /// The piece that was emptied last.
    pub(crate) spare: Vec<T>,
}

impl<T: Copy> Behind<T> {
    /// Puts an entry before all others and takes the `nth` of those out, in whose place the one
    /// before it comes.
    pub(crate) fn put_first(&mut self, mut entry: T, nth: usize) {
        let (piece, nth) = (nth / Self::PIECE, nth % Self::PIECE);
        let rows = self.pieces.iter_mut().chain([&mut self.last]);
        for (n, row) in rows.take(piece + 1).enumerate() {
            let to = if n == piece { nth } else { row.len() - 1 };
            let first = std::mem::replace(&mut entry, row[to]);
            row.copy_within(..to, 1);
            row[0] = first;
        }
    }

    /// Takes an entry out, in whose place the one behind it comes.
    pub(crate) fn remove(&mut self, nth: usize) {
        let (piece, nth) = (nth / Self::PIECE, nth % Self::PIECE);
        if piece == self.pieces.len() {
            self.last.remove(nth);
            return;
        }
        let mut entry = self.last.remove(0);
        for (n, row) in self.pieces.iter_mut().enumerate().skip(piece).rev() {
            let from = if n == piece { nth } else { 0 };
            let last = std::mem::replace(&mut entry, row[from]);
            row.copy_within(from + 1.., from);
            row[Self::PIECE - 1] = last;
        }
    }
}

impl<T> Behind<T> {
    /// How many entries a piece has room for: a power of two.
    pub(crate) const PIECE: usize = 1 << (PIECE_BYTES / size_of::<T>()).ilog2();

    #[cold]
    pub(crate) fn of(entry: T) -> Self {
        let mut last = Vec::with_capacity(Self::PIECE);
        last.push(entry);
        Self { last, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len() * Self::PIECE + self.last.len()
    }

    pub(crate) fn get(&self, nth: usize) -> Option<&T> {
        let (piece, nth) = (nth / Self::PIECE, nth % Self::PIECE);
        let last = || Some(&self.last).filter(|_| piece == self.pieces.len());
        self.pieces.get(piece).or_else(last)?.get(nth)
    }

    #[inline]
    pub(crate) fn push(&mut self, entry: T) {
        if self.last.len() == Self::PIECE {
            self.begin();
        }
        self.last.push(entry);
    }

    /// Begins another piece.
    #[inline(never)]
    fn begin(&mut self) {
        let mut next = std::mem::take(&mut self.spare);
        next.reserve_exact(Self::PIECE);
        self.pieces.push_back(std::mem::replace(&mut self.last, next));
    }
}

impl<T> Default for Behind<T> {
    fn default() -> Self {
        Self { pieces: VecDeque::new(), last: Vec::new(), spare: Vec::new() }
    }
}
