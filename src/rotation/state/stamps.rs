//! When emails were sent, a stamp of 32 bits each, in a row: in one piece of memory that grows by
//! little, and in pieces that stay where they are once they are many.
//!
//! Most rows are short, and there are many of them. Knows not how a stamp is read.

use std::ops::Range;

use crate::rotation::containers::pieces::Pieces;

/// So many stand in one piece at most.
const ONE_MAX: usize = 4_096;

/// Stamps in a row.
#[derive(Clone, Debug)]
pub(crate) enum Stamps {
    Many(Box<Pieces<u32>>),
    One(Vec<u32>),
}

impl Stamps {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(stamps) => stamps.len(),
            Self::Many(stamps) => stamps.len(),
        }
    }

    /// Whether another needs no [more room](Self::make_room).
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Self::One(stamps) => stamps.len() < stamps.capacity(),
            Self::Many(_) => true,
        }
    }

    /// The first after so many.
    #[inline]
    pub(crate) fn first(&self, void: u32) -> Option<u32> {
        match self {
            Self::One(stamps) => stamps.get(void as usize).copied(),
            Self::Many(stamps) => stamps.get(void as usize).copied(),
        }
    }

    /// A stamp, which is there.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn at(&self, index: usize) -> u32 {
        match self {
            Self::One(stamps) => stamps[index],
            Self::Many(stamps) => stamps.get(index).copied().unwrap_or_default(),
        }
    }

    /// The stamps from one on, in parts.
    pub(crate) fn parts(&self, from: usize) -> impl Iterator<Item = &[u32]> {
        let (one, many) = match self {
            Self::One(stamps) => (stamps.get(from..), None),
            Self::Many(stamps) => (None, Some(stamps.parts(from))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    #[inline]
    pub(crate) fn push(&mut self, stamp: u32) {
        match self {
            Self::One(stamps) => stamps.push(stamp),
            Self::Many(stamps) => stamps.push(stamp),
        }
    }

    /// Drops the first, if that is cheap.
    pub(crate) fn drop_first(&mut self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Many(stamps) => {
                stamps.drop_first();
                true
            }
        }
    }

    /// Makes room for more, without the first so many. Returns how many were dropped.
    pub(crate) fn make_room(&mut self, void: u32) -> u32 {
        let Self::One(stamps) = self else { return 0 };
        let len = stamps.len();
        let live = stamps.get(void as usize..).unwrap_or_default();
        if live.len() >= ONE_MAX {
            *self = Self::Many(Box::new(Pieces::of(live)));
            void
        } else if void as usize > len / 8 {
            stamps.drain(..void as usize);
            void
        } else {
            // By little, since most logs stay as long as a few days make them.
            stamps.reserve_exact((len / 4).max(8));
            0
        }
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::One(stamps) => stamps.clear(),
            Self::Many(_) => *self = Self::default(),
        }
    }

    pub(crate) fn remove(&mut self, index: usize) {
        match self {
            Self::One(stamps) => {
                stamps.remove(index);
            }
            Self::Many(stamps) => stamps.remove(index),
        }
    }

    /// The first of an ascending part that is not less than that, or the end of the part.
    #[inline]
    pub(crate) fn first_from(&self, part: Range<usize>, least: u32) -> usize {
        match self {
            Self::One(stamps) => part.start + stamps[part].partition_point(|stamp| *stamp < least),
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
            Self::One(stamps) => stamps.capacity(),
            Self::Many(stamps) => stamps.room(),
        };
        room * size_of::<u32>()
    }
}

impl Default for Stamps {
    fn default() -> Self {
        Self::One(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_stamps_are_one_row() {
        assert_eq!(size_of::<Stamps>(), size_of::<Vec<u32>>());
        let (mut stamps, mut plain) = (Stamps::default(), Vec::new());
        let (mut void, mut seed) = (0, 1_u64);
        let mut draw = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            usize::try_from(seed >> 33).unwrap() % most
        };
        for step in 0..40_000_u32 {
            if !stamps.has_room() {
                let dropped = stamps.make_room(void);
                void -= dropped;
            }
            stamps.push(2 * step);
            plain.push(2 * step);
            let start = void as usize;
            if draw(9) == 0 {
                let back = plain.len() - 1 - draw(plain.len().min(20_000));
                stamps.remove(start + back);
                plain.remove(back);
            }
            if draw(4) == 0 && !plain.is_empty() {
                void += u32::from(!stamps.drop_first());
                plain.remove(0);
            }
            let start = void as usize;
            assert_eq!(stamps.len() - start, plain.len());
            let (least, from) = (u32::try_from(draw(80_000)).unwrap(), draw(plain.len() + 1));
            let first = from + plain[from..].partition_point(|stamp| *stamp < least);
            assert_eq!(stamps.first_from(start + from..stamps.len(), least), start + first);
            assert!(plain.get(first).is_none_or(|stamp| stamps.at(start + first) == *stamp));
        }
        assert!(matches!(stamps, Stamps::Many(_)) && stamps.bytes() < 8 * plain.len());
        stamps.clear();
        assert_eq!(stamps.len(), 0);
    }
}
