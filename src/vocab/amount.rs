//! Small bounded numbers: an operator's weight, a reputation, a percentage.
//!
//! Knows the ranges and nothing of what is decided with them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AmountError {
    /// What the number was for.
    pub name: &'static str,
    /// The number given.
    pub value: u64,
    /// The largest that is allowed; the least is 0.
    pub max: u64,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} is out of range; give 0 to {}", self.name, self.value, self.max)
    }
}

impl std::error::Error for AmountError {}

macro_rules! hundred {
    ($(#[$doc:meta])* $name:ident, $label:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "u8", into = "u8")]
        pub struct $name(u8);

        impl $name {
            /// Takes a number from 0 to 100.
            ///
            /// # Errors
            /// [`AmountError`] above 100.
            pub const fn new(value: u8) -> Result<Self, AmountError> {
                if value > 100 {
                    return Err(AmountError { name: $label, value: value as u64, max: 100 });
                }
                Ok(Self(value))
            }

            /// The number, 0 to 100.
            pub const fn value(self) -> u8 {
                self.0
            }
        }

        impl TryFrom<u8> for $name {
            type Error = AmountError;

            fn try_from(value: u8) -> Result<Self, AmountError> {
                Self::new(value)
            }
        }

        impl From<$name> for u8 {
            fn from(of: $name) -> u8 {
                of.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

hundred! {
    /// The operator's share of turns for an account, 0 to 100. At 0 the account stays attached and
    /// gets no new leads. Default 1.
    Weight, "weight"
}
hundred! {
    /// Trust in an account, 0 to 100, given from outside (warm-up services measure it).
    Reputation, "reputation"
}
hundred! {
    /// A part of a whole, 0 to 100.
    Percent, "percentage"
}

impl Weight {
    /// Attached, and never asked for a new lead.
    pub const ZERO: Self = Self(0);
    /// What an account has unless an operator says otherwise.
    pub const ONE: Self = Self(1);
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

impl Reputation {
    /// Full trust.
    pub const FULL: Self = Self(100);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_is_the_most() {
        assert_eq!(Weight::new(100).unwrap().value(), 100);
        assert_eq!(
            Reputation::new(101).unwrap_err().to_string(),
            "reputation 101 is out of range; give 0 to 100"
        );
    }
}
