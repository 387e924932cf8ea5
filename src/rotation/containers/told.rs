//! Telling of the entries of a row before they come to its front: of each once, and of several at a
//! time, as memory answers many questions as fast as one.
//!
//! Knows how many of the first were told of, and not what for.

use crate::rotation::containers::leaves::Leaves;

/// How many entries are told of at a time. It is less than a quarter of a leaf, with those that
/// were told of before.
const AT_A_TIME: usize = 8;

/// How many of the first entries of a row were told of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told(usize);

impl Told {
    /// The first has gone: calls with some that come, unless the next were told of.
    #[inline]
    pub(crate) fn tell<T: Copy>(&mut self, row: &Leaves<T>, mut to: impl FnMut(&T)) {
        if self.0 > 1 {
            self.0 -= 1;
            return;
        }
        let first = self.0;
        self.0 += AT_A_TIME - 1;
        for nth in first..first + AT_A_TIME {
            let Some(at) = row.near(nth) else { return };
            to(at);
        }
    }

    /// The first has gone, and nobody is told.
    pub(crate) fn skip(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }
}
