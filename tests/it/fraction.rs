//! Exact fractions, always in lowest terms: the places of the reference model.
//!
//! Knows sums and order. A number that outgrows 256 bits stops the test rather than be wrong.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Mul, Sub};

use ethnum::I256;

/// What no history gets out of, though one in millions outgrows 128 bits.
const SMALL: &str = "weights whose sums have small common multiples";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fraction(I256, I256);

/// `n / d`, with `d` above 0.
pub(crate) fn fraction(n: i128, d: i128) -> Fraction {
    reduced(n.into(), d.into())
}

fn reduced(n: I256, d: I256) -> Fraction {
    let divisor = common_divisor(n, d);
    Fraction(n / divisor, d / divisor)
}

fn common_divisor(a: I256, b: I256) -> I256 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn times(a: I256, b: I256) -> I256 {
    a.checked_mul(b).expect(SMALL)
}

impl Fraction {
    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// How many times `other` it is.
    pub(crate) fn over(self, other: Self) -> Self {
        self * reduced(other.1, other.0)
    }

    pub(crate) fn abs(self) -> Self {
        Self(self.0.abs(), self.1)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl Add for Fraction {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let divisor = common_divisor(self.1, other.1);
        let (left, right) = (other.1 / divisor, self.1 / divisor);
        let sum = times(self.0, left).checked_add(times(other.0, right));
        reduced(sum.expect(SMALL), times(self.1, left))
    }
}

impl Sub for Fraction {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + Self(-other.0, other.1)
    }
}

impl Mul for Fraction {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let (a, b) = (reduced(self.0, other.1), reduced(other.0, self.1));
        Self(times(a.0, b.0), times(a.1, b.1))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        (*self - *other).0.cmp(&I256::ZERO)
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
