//! A row in pieces of memory that stay where they are, entered at its end and left at its front.
//!
//! In one piece, all entries of a long row would have to move whenever there is no room left, and
//! the one call that adds the next would take as long as that takes. While they are few, they go
//! round in one piece. Knows no meaning of what it holds.

use crate::rotation::containers::behind::Behind;
use crate::rotation::containers::ring::Ring;

/// Entries in a row.
#[derive(Clone, Debug)]
pub(crate) struct Pieces<T> {
    /// The first of them; all, while they are few.
    front: Ring<T>,
    /// The others.
    behind: Option<Box<Behind<T>>>,
}

impl<T> Pieces<T> {
    /// How many entries a piece has room for: a power of two.
    const PIECE: usize = Behind::<T>::PIECE;
}

impl<T: Copy> Pieces<T> {
    pub(crate) fn of(entries: &[T]) -> Self {
        let (front, behind) = entries.split_at(entries.len().min(Self::PIECE));
        let mut pieces = Self { front: Ring::of(front.to_vec()), behind: None };
        for entry in behind {
            pieces.push(*entry);
        }
        pieces
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.front.len == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.front.len + self.behind.as_ref().map_or(0, |behind| behind.len())
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        let behind = |behind: &Behind<T>| {
            behind.pieces.len() * Self::PIECE + behind.last.capacity() + behind.spare.capacity()
        };
        self.front.slots.capacity() + self.behind.as_deref().map_or(0, behind)
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn first(&self) -> Option<&T> {
        self.front.get(0)
    }

    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn last(&self) -> Option<&T> {
        match &self.behind {
            None => self.front.get(self.front.len.checked_sub(1)?),
            Some(behind) => behind.last.last(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, nth: usize) -> Option<&T> {
        match nth.checked_sub(self.front.len) {
            None => self.front.get(nth),
            Some(nth) => self.behind.as_ref()?.get(nth),
        }
    }

    /// The entries from one on, in parts of which each lies in one piece.
    pub(crate) fn parts(&self, from: usize) -> impl Iterator<Item = &[T]> {
        let behind = from.saturating_sub(self.front.len);
        let (piece, mut skipped) = (behind / Self::PIECE, behind % Self::PIECE);
        let rows = self.behind.iter().flat_map(|behind| behind.pieces.iter().chain([&behind.last]));
        let rows = rows.skip(piece).map(move |row| {
            let from = std::mem::take(&mut skipped);
            row.get(from..).unwrap_or_default()
        });
        self.front.parts(from).into_iter().chain(rows)
    }

    /// Adds an entry at the end.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: T) {
        match &mut self.behind {
            None if self.front.len < Self::PIECE => self.front.push(entry),
            None => self.behind = Some(Box::new(Behind::of(entry))),
            Some(behind) => behind.push(entry),
        }
    }

    /// Drops the first entry.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn drop_first(&mut self) {
        self.front.drop_first();
        if self.front.len == 0 && self.behind.is_some() {
            self.come_up();
        }
    }

    /// Takes the first entry out.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let first = self.first().copied();
        self.drop_first();
        first
    }

    /// Makes the first of the others the front, which is empty.
    #[inline(never)]
    fn come_up(&mut self) {
        let Some(behind) = &mut self.behind else { return };
        let next = behind.pieces.pop_front();
        let next = next.unwrap_or_else(|| std::mem::take(&mut behind.last));
        let mut old = std::mem::replace(&mut self.front, Ring::of(next)).slots;
        if behind.last.is_empty() {
            self.behind = None;
        } else if old.len() == Self::PIECE {
            old.clear();
            behind.spare = old;
        }
    }

    /// Has the piece before the last entered, if the last is empty.
    fn give_up_last(&mut self) {
        let Some(behind) = self.behind.as_mut().filter(|behind| behind.last.is_empty()) else {
            return;
        };
        match behind.pieces.pop_back() {
            Some(piece) => behind.last = piece,
            None => self.behind = None,
        }
    }

    /// Takes an entry out from in between others. Those before it move, or those behind it.
    pub(crate) fn remove(&mut self, nth: usize) {
        match (nth.checked_sub(self.front.len), &mut self.behind) {
            (None, _) => self.front.remove(nth),
            (Some(nth), Some(behind)) if nth < behind.len() / 2 => {
                if let Some(last) = self.front.pop_last() {
                    behind.put_first(last, nth);
                }
            }
            (Some(nth), Some(behind)) if nth < behind.len() => {
                behind.remove(nth);
                self.give_up_last();
            }
            (Some(_), _) => {}
        }
        if self.front.len == 0 {
            self.come_up();
        }
    }

    /// Drops entries of which a condition does not hold.
    pub(crate) fn retain(&mut self, mut stands: impl FnMut(&T) -> bool) {
        for _ in 0..self.len() {
            if let Some(entry) = self.pop().filter(&mut stands) {
                self.push(entry);
            }
        }
    }
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { front: Ring::default(), behind: None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// An entry of which few fit into a piece.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Large([usize; 128]);

    /// Against one row of the standard library.
    #[test]
    fn pieces_are_one_row() {
        let piece = Pieces::<Large>::PIECE;
        assert_eq!(piece, 16);
        let mut pieces = Pieces::<Large>::default();
        let mut plain: VecDeque<Large> = VecDeque::new();
        let mut seed = 1_u64;
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            usize::try_from(seed >> 33).unwrap() % most
        };
        for step in 0..100_000_usize {
            let entry = Large([step; 128]);
            // It grows and shrinks again and again.
            let grows = step / 5_000 % 2 == 0;
            match draw(16) {
                2 if !plain.is_empty() => {
                    let nth = draw(plain.len());
                    let near = nth.min(3);
                    let nth = [nth, near, plain.len() - 1 - near][draw(3)];
                    pieces.remove(nth);
                    plain.remove(nth);
                }
                3 if draw(2_000) == 0 => {
                    pieces.retain(|entry| entry.0[0] % 3 > 0);
                    plain.retain(|entry| entry.0[0] % 3 > 0);
                }
                3 if draw(100) == 0 => pieces = pieces.clone(),
                3 if draw(100) == 0 => pieces = Pieces::of(plain.make_contiguous()),
                5..=6 => assert_eq!(pieces.pop(), plain.pop_front()),
                7..=8 => {
                    pieces.push(entry);
                    plain.push_back(entry);
                }
                _ if grows => {
                    pieces.push(entry);
                    plain.push_back(entry);
                }
                _ => assert_eq!(pieces.pop(), plain.pop_front()),
            }
            let nth = draw(plain.len() + 3 * piece);
            assert_eq!(pieces.get(nth), plain.get(nth), "step {step}");
            if step % 50 == 0 {
                assert!(pieces.parts(nth).flatten().eq(plain.iter().skip(nth)), "step {step}");
            }
            assert_eq!((pieces.first(), pieces.last()), (plain.front(), plain.back()));
            assert_eq!(pieces.len(), plain.len());
            assert!(pieces.room() <= plain.len() + 4 * piece);
        }
        assert!(pieces.parts(0).flatten().eq(&plain));
    }
}
