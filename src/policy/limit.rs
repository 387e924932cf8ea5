//! A rolling limit: at most so many emails in any stretch of time of a given length.
//!
//! Knows the rule and its name, not what was sent.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::vocab::Span;

/// At most [so many](Self::emails) emails in any stretch of [`length`](Self::length).
///
/// It is exact: an email sent at `t` takes room until `t + length`, and at that instant no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Limit {
    max: u32,
    length: Span,
}

/// A length of a window outside one second to 31 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitError {
    /// What was given.
    pub length: Span,
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, min, max) = (self.length, Limit::LENGTH_MIN, Limit::LENGTH_MAX);
        write!(f, "a window of {length} is out of range; give {min} to {max}")
    }
}

impl std::error::Error for LimitError {}

impl Limit {
    /// The shortest window.
    pub const LENGTH_MIN: Span = Span::seconds(1);
    /// The longest window; the times of sends are kept as long.
    pub const LENGTH_MAX: Span = Span::days(31);

    /// At most `max` emails in any stretch of `length`.
    ///
    /// # Errors
    /// [`LimitError`] if `length` is under one second or over 31 days.
    pub fn rolling(max: u32, length: Span) -> Result<Self, LimitError> {
        if length < Self::LENGTH_MIN || length > Self::LENGTH_MAX {
            return Err(LimitError { length });
        }
        Ok(Self { max, length })
    }

    /// At most `max` emails in any minute.
    pub const fn per_minute(max: u32) -> Self {
        Self { max, length: Span::minutes(1) }
    }

    /// At most `max` emails in any hour.
    pub const fn per_hour(max: u32) -> Self {
        Self { max, length: Span::hours(1) }
    }

    /// At most `max` emails in any 24 hours, as Google and Microsoft count
    /// (<https://support.google.com/a/answer/166852>).
    pub const fn per_24_hours(max: u32) -> Self {
        Self { max, length: Span::days(1) }
    }

    /// At most `max` emails in any seven days.
    pub const fn per_week(max: u32) -> Self {
        Self { max, length: Span::days(7) }
    }

    /// The most emails.
    pub const fn emails(self) -> u32 {
        self.max
    }

    /// How long the window is.
    pub const fn length(self) -> Span {
        self.length
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.max, self.length)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            max: u32,
            length: Span,
        }
        let Fields { max, length } = Fields::deserialize(from)?;
        Self::rolling(max, length).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_length() {
        assert_eq!(Limit::rolling(5, Span::hours(1)).unwrap(), Limit::per_hour(5));
        assert_eq!(
            Limit::rolling(5, Span::days(32)).unwrap_err().to_string(),
            "a window of 32 d is out of range; give 1 s to 31 d"
        );
        assert!(Limit::rolling(5, Span::ZERO).is_err());
    }
}
