//! A heap whose entries never have to move all at once: least first.
//!
//! In one piece of memory, all entries of a large heap would have to move whenever there is no room
//! left, and the one call that adds the next would take as long as that takes. So only the first
//! thousands stand in one; what comes while they are so many stands in pieces that stay where
//! they are. Knows no meaning of what it holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Up to so many entries stand in one piece, which moves in a few dozen microseconds at most.
const FEW: usize = 16_384;

/// How many entries stand below each of the others. They stand side by side in one piece.
const BELOW: usize = 4;

/// Where the first of the others stands, so that those below each begin at a multiple of four.
const TOP: usize = BELOW - 1;

/// How many of the others one piece has room for.
const PIECE: usize = 512;

/// Entries, the least first.
#[derive(Clone, Debug)]
pub(crate) struct Pile<T> {
    few: BinaryHeap<Reverse<T>>,
    /// The others, after a few copies of one of them. All pieces but the last are full, and none
    /// is empty.
    pieces: Vec<Vec<T>>,
}

impl<T: Copy + Ord> Pile<T> {
    pub(crate) fn len(&self) -> usize {
        self.few.len() + self.end().saturating_sub(TOP)
    }

    /// The least.
    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        if self.pieces.is_empty() {
            self.few.peek().map(|Reverse(few)| few)
        } else {
            self.first_of_all()
        }
    }

    #[inline(never)]
    fn first_of_all(&self) -> Option<&T> {
        let few = self.few.peek().map(|Reverse(few)| few);
        few.into_iter().chain(self.pieces.first()?.get(TOP)).min()
    }

    #[inline]
    pub(crate) fn push(&mut self, entry: T) {
        if self.few.len() < FEW {
            self.few.push(Reverse(entry));
        } else {
            self.push_other(entry);
        }
    }

    /// Takes the least out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.pieces.is_empty() || self.few.peek().map(|Reverse(few)| few) == self.first() {
            self.few.pop().map(|Reverse(first)| first)
        } else {
            self.pop_other()
        }
    }

    #[inline(never)]
    fn push_other(&mut self, entry: T) {
        while self.end() < TOP {
            self.append(entry);
        }
        self.append(entry);
        self.rise(self.end() - 1, entry);
    }

    #[inline(never)]
    fn pop_other(&mut self) -> Option<T> {
        let first = self.get(TOP)?;
        let moved = self.pieces.last_mut()?.pop()?;
        if self.pieces.last().is_some_and(Vec::is_empty) {
            self.pieces.pop();
        }
        if self.end() <= TOP {
            self.pieces.clear();
            return Some(first);
        }
        // What is moved mostly goes back to where nothing is below it.
        let mut at = TOP;
        loop {
            let from = (at - TOP + 1) * BELOW;
            let Some(piece) = self.pieces.get(from / PIECE) else { break };
            let Some(below) = piece.get(from % PIECE..) else { break };
            let least = match below.first_chunk() {
                Some(four) => least_of_four(four),
                None => (0..below.len()).min_by_key(|n| below[*n]).unwrap_or_default(),
            };
            let Some(entry) = below.get(least).copied() else { break };
            self.put(at, entry);
            at = from + least;
        }
        self.rise(at, moved);
        Some(first)
    }

    /// Puts an entry where it belongs, up from a place that is free.
    fn rise(&mut self, mut at: usize, entry: T) {
        while at > TOP {
            let above = at / BELOW + TOP - 1;
            let Some(of) = self.get(above).filter(|of| entry < *of) else { break };
            self.put(at, of);
            at = above;
        }
        self.put(at, entry);
    }

    /// Drops entries of which a condition does not hold.
    pub(crate) fn retain(&mut self, mut stands: impl FnMut(&T) -> bool) {
        self.few.retain(|Reverse(entry)| stands(entry));
        let others = std::mem::take(&mut self.pieces);
        for entry in others.into_iter().flatten().skip(TOP).filter(stands) {
            self.push(entry);
        }
    }

    /// How many places of pieces are taken.
    fn end(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    fn append(&mut self, entry: T) {
        if self.pieces.last().is_none_or(|last| last.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        if let Some(last) = self.pieces.last_mut() {
            last.push(entry);
        }
    }

    #[inline]
    fn get(&self, at: usize) -> Option<T> {
        self.pieces.get(at / PIECE)?.get(at % PIECE).copied()
    }

    #[inline]
    fn put(&mut self, at: usize, entry: T) {
        let of = self.pieces.get_mut(at / PIECE).and_then(|piece| piece.get_mut(at % PIECE));
        if let Some(of) = of {
            *of = entry;
        }
    }
}

/// Where the least of four is.
fn least_of_four<T: Ord>(four: &[T; BELOW]) -> usize {
    let left = usize::from(four[1] < four[0]);
    let right = 2 + usize::from(four[3] < four[2]);
    if four[right] < four[left] { right } else { left }
}

impl<T: Ord> Default for Pile<T> {
    fn default() -> Self {
        Self { few: BinaryHeap::new(), pieces: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_comes_out_first() {
        let (mut pile, mut plain) = (Pile::default(), std::collections::BTreeSet::new());
        let mut seed = 1_u64;
        for step in 0..300_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            let grows = step / 30_000 % 2 == 0;
            if seed >> 62 == 0 || grows {
                let entry = (seed >> 50, step);
                pile.push(entry);
                plain.insert(entry);
            } else {
                assert_eq!(pile.pop(), plain.pop_first());
            }
            if step % 50_000 == 0 {
                pile.retain(|(_, step)| step % 5 > 0);
                plain.retain(|(_, step)| step % 5 > 0);
            }
            assert_eq!((pile.first(), pile.len()), (plain.first(), plain.len()));
        }
        assert!(std::iter::from_fn(|| pile.pop()).eq(plain));
    }
}
