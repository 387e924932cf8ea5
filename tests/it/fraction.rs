//! Exact fractions, always in lowest terms: the places of the reference model.
//!
//! Knows sums and order. A number that outgrows 128 bits stops the test rather than be wrong.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Mul, Sub};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fraction(i128, i128);

/// `n / d`, with `d` above 0.
pub(crate) fn fraction(n: i128, d: i128) -> Fraction {
    let divisor = common_divisor(n, d);
    Fraction(n / divisor, d / divisor)
}

fn common_divisor(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn times(a: i128, b: i128) -> i128 {
    a.checked_mul(b).expect("weights whose sums have small common multiples")
}

impl Fraction {
    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// How many times `other` it is.
    pub(crate) fn over(self, other: Self) -> Self {
        self * fraction(other.1, other.0)
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
        fraction(times(self.0, left) + times(other.0, right), times(self.1, left))
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
        let (a, b) = (fraction(self.0, other.1), fraction(other.0, self.1));
        Self(times(a.0, b.0), times(a.1, b.1))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        (*self - *other).0.cmp(&0)
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
