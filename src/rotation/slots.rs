//! Words in a row, of which most come at the end and go at the front: in one piece of memory that
//! grows by little, and in pieces that stay where they are once they are many.
//!
//! Most rows are short, and there are many of them. Knows no meaning of the words.

use std::ops::Range;

use crate::rotation::pieces::Pieces;

/// So many stand in one piece at most.
const ONE_MAX: usize = 16_384;

/// Words in a row.
#[derive(Clone, Debug)]
pub(crate) enum Slots {
    Many(Box<Pieces<u32>>),
    One(Vec<u32>),
}

impl Slots {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(slots) => slots.len(),
            Self::Many(slots) => slots.len(),
        }
    }

    /// Whether another needs no [more room](Self::make_room).
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Self::One(slots) => slots.len() < slots.capacity(),
            Self::Many(_) => true,
        }
    }

    /// The first after so many.
    #[inline]
    pub(crate) fn first(&self, void: u32) -> Option<u32> {
        match self {
            Self::One(slots) => slots.get(void as usize).copied(),
            Self::Many(slots) => slots.get(void as usize).copied(),
        }
    }

    /// A word, which is there.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn at(&self, index: usize) -> u32 {
        match self {
            Self::One(slots) => slots[index],
            Self::Many(slots) => slots.get(index).copied().unwrap_or_default(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        match self {
            Self::One(slots) => slots.push(slot),
            Self::Many(slots) => slots.push(slot),
        }
    }

    /// Drops the first, if that is cheap.
    pub(crate) fn drop_first(&mut self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Many(slots) => {
                slots.drop_first();
                true
            }
        }
    }

    /// Makes room for more, without the first so many. Returns how many were dropped.
    pub(crate) fn make_room(&mut self, void: u32) -> u32 {
        let Self::One(slots) = self else { return 0 };
        let len = slots.len();
        let live = slots.get(void as usize..).unwrap_or_default();
        if live.len() >= ONE_MAX {
            *self = Self::Many(Box::new(Pieces::of(live)));
            void
        } else if void as usize > len / 8 {
            slots.drain(..void as usize);
            void
        } else {
            // By little, since most logs stay as long as a few days make them.
            slots.reserve_exact((len / 4).max(8));
            0
        }
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::One(slots) => slots.clear(),
            Self::Many(_) => *self = Self::default(),
        }
    }

    pub(crate) fn remove(&mut self, index: usize) {
        match self {
            Self::One(slots) => {
                slots.remove(index);
            }
            Self::Many(slots) => slots.remove(index),
        }
    }

    /// The first of an ascending part that is not less than that, or the end of the part.
    #[inline]
    pub(crate) fn first_from(&self, part: Range<usize>, least: u32) -> usize {
        match self {
            Self::One(slots) => part.start + slots[part].partition_point(|slot| *slot < least),
            Self::Many(_) => {
                let Range { start: mut from, end: mut to } = part;
                while from < to {
                    let middle = usize::midpoint(from, to);
                    if self.at(middle) < least {
                        from = middle + 1;
                    } else {
                        to = middle;
                    }
                }
                from
            }
        }
    }

    /// The memory that they take up, in bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let room = match self {
            Self::One(slots) => slots.capacity(),
            Self::Many(slots) => slots.room(),
        };
        room * size_of::<u32>()
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self::One(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_words_are_one_row() {
        assert_eq!(size_of::<Slots>(), size_of::<Vec<u32>>());
        let (mut slots, mut plain) = (Slots::default(), Vec::new());
        let (mut void, mut seed) = (0, 1_u64);
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            usize::try_from(seed >> 33).unwrap() % most
        };
        for step in 0..40_000_u32 {
            if !slots.has_room() {
                let dropped = slots.make_room(void);
                void -= dropped;
            }
            slots.push(2 * step);
            plain.push(2 * step);
            let start = void as usize;
            if draw(9) == 0 {
                let back = plain.len() - 1 - draw(plain.len().min(20_000));
                slots.remove(start + back);
                plain.remove(back);
            }
            if draw(4) == 0 && !plain.is_empty() {
                void += u32::from(!slots.drop_first());
                plain.remove(0);
            }
            let start = void as usize;
            assert_eq!(slots.len() - start, plain.len());
            let (least, from) = (u32::try_from(draw(80_000)).unwrap(), draw(plain.len() + 1));
            let first = from + plain[from..].partition_point(|slot| *slot < least);
            assert_eq!(slots.first_from(start + from..slots.len(), least), start + first);
            assert!(plain.get(first).is_none_or(|slot| slots.at(start + first) == *slot));
        }
        assert!(matches!(slots, Slots::Many(_)) && slots.bytes() < 8 * plain.len());
        slots.clear();
        assert_eq!(slots.len(), 0);
    }
}
