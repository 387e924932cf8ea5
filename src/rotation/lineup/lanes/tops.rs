//! Lanes by what their first members are compared by, the least first: heaps with four below each.
//!
//! Four below each stand side by side, and a heap is half as deep as a binary one. Knows no
//! members.

use crate::vocab::Timestamp;

/// How many stand below each.
const BELOW: usize = 4;

/// Where a lane is that does not stand here.
const NOWHERE: u32 = u32::MAX;

/// What a lane is compared by.
pub(super) trait Top: Copy {
    fn lane(&self) -> u32;
    fn is_before(&self, other: &Self) -> bool;
}

/// By the deadline of its first member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: i128,
    pub(super) number: u32,
    pub(super) lane: u32,
}

/// By the start of its first member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) start: i128,
    pub(super) due: Due,
}

/// By when its first member is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) at: Timestamp,
    pub(super) lane: u32,
}

impl Top for Due {
    fn lane(&self) -> u32 {
        self.lane
    }

    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        // One subtraction: places are far from where it would overflow.
        self.at - other.at < i128::from(self.number < other.number)
    }
}

impl Top for Start {
    fn lane(&self) -> u32 {
        self.due.lane
    }

    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        self.start - other.start < i128::from(self.due.is_before(&other.due))
    }
}

impl Top for Ready {
    fn lane(&self) -> u32 {
        self.lane
    }

    fn is_before(&self, other: &Self) -> bool {
        self.at < other.at
    }
}

/// Lanes, the least first.
#[derive(Clone, Debug)]
pub(super) struct Tops<T> {
    heap: Vec<T>,
    /// Where each lane is, by its number.
    places: Vec<u32>,
}

impl<T: Top> Tops<T> {
    /// Makes room for so many lanes.
    pub(super) fn widen(&mut self, lanes: usize) {
        self.places.resize(lanes, NOWHERE);
    }

    #[inline]
    pub(super) fn first(&self) -> Option<T> {
        self.heap.first().copied()
    }

    /// All lanes, in any order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.heap.iter().map(Top::lane)
    }

    /// Puts another lane in place of the first, which is not empty.
    #[inline]
    pub(super) fn replace_first(&mut self, top: T) {
        if let Some(first) = self.heap.first().filter(|first| first.lane() != top.lane()) {
            self.places[first.lane() as usize] = NOWHERE;
        }
        self.sink(0, top);
    }

    /// Puts a lane in that is not in.
    #[inline]
    pub(super) fn push(&mut self, top: T) {
        self.heap.push(top);
        self.rise(self.heap.len() - 1, top);
    }

    /// Takes a lane out, if it is in.
    #[inline]
    pub(super) fn remove(&mut self, lane: u32) {
        let Some(place) = self.places.get_mut(lane as usize) else { return };
        let at = std::mem::replace(place, NOWHERE) as usize;
        if at >= self.heap.len() {
            return;
        }
        if let Some(last) = self.heap.pop().filter(|last| last.lane() != lane) {
            self.settle(at, last);
        }
    }

    /// Puts a lane where it belongs, up or down from a place that is free.
    fn settle(&mut self, at: usize, top: T) {
        let is_up = at > 0 && top.is_before(&self.heap[(at - 1) / BELOW]);
        if is_up { self.rise(at, top) } else { self.sink(at, top) }
    }

    fn rise(&mut self, mut at: usize, top: T) {
        while at > 0 {
            let above = (at - 1) / BELOW;
            if !top.is_before(&self.heap[above]) {
                break;
            }
            self.put(at, self.heap[above]);
            at = above;
        }
        self.put(at, top);
    }

    #[inline]
    fn sink(&mut self, mut at: usize, top: T) {
        loop {
            let from = at * BELOW + 1;
            let Some(below) = self.heap.get(from..) else { break };
            let Some((first, least)) = least_of(below) else { break };
            if !first.is_before(&top) {
                break;
            }
            self.put(at, first);
            at = from + least;
        }
        self.put(at, top);
    }

    #[inline]
    fn put(&mut self, at: usize, top: T) {
        if let Some(of) = self.heap.get_mut(at) {
            *of = top;
        }
        if let Some(place) = self.places.get_mut(top.lane() as usize) {
            *place = u32::try_from(at).unwrap_or(NOWHERE);
        }
    }
}

impl<T> Default for Tops<T> {
    fn default() -> Self {
        Self { heap: Vec::new(), places: Vec::new() }
    }
}

/// The least of the first four, and which it is.
#[inline]
fn least_of<T: Top>(below: &[T]) -> Option<(T, usize)> {
    if let Some([a, b, c, d]) = below.first_chunk() {
        let (left, at_left) = if b.is_before(a) { (b, 1) } else { (a, 0) };
        let (right, at_right) = if d.is_before(c) { (d, 3) } else { (c, 2) };
        let is_right = right.is_before(left);
        return Some(if is_right { (*right, at_right) } else { (*left, at_left) });
    }
    let mut least = (*below.first()?, 0);
    for (nth, top) in (0..).zip(below).skip(1) {
        if top.is_before(&least.0) {
            least = (*top, nth);
        }
    }
    Some(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a list that is searched. Lanes come, go and take each other's places.
    #[test]
    fn the_first_is_the_least() {
        let mut seed = 1_u64;
        let mut draw = |most: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            u32::try_from(seed >> 33).unwrap() % most
        };
        let (lanes, mut tops, mut plain) = (40, Tops::default(), Vec::<Start>::new());
        tops.widen(40);
        for _ in 0..50_000 {
            // Many have the same start, some the same deadline.
            let (start, at, number) = (draw(9).into(), draw(5).into(), draw(1_000));
            let top = Start { start, due: Due { at, number, lane: draw(lanes) } };
            let is_in = plain.iter().any(|other| other.lane() == top.lane());
            let first = plain.iter().copied().reduce(|a, b| if b.is_before(&a) { b } else { a });
            match (draw(3), first) {
                (0, Some(first)) if !is_in || first.lane() == top.lane() => {
                    tops.replace_first(top);
                    plain.retain(|other| other.lane() != first.lane());
                    plain.push(top);
                }
                (1, _) if !is_in => {
                    tops.push(top);
                    plain.push(top);
                }
                _ => {
                    tops.remove(top.lane());
                    plain.retain(|other| other.lane() != top.lane());
                }
            }
            let key = |top: &Start| (top.start, top.due.at, top.due.number);
            assert_eq!(tops.first().as_ref().map(key), plain.iter().map(key).min());
            assert_eq!(tops.iter().count(), plain.len());
        }
    }
}
