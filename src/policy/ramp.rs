//! The ramp: how the allowance of a young account rises from day to day.
//!
//! Knows the schedule. Which day of it an account has reached is the state machine's to count: it
//! advances with days on which the account sent, and starts again after 30 silent days.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many days without a send let a ramp start again.
pub(crate) const SILENT_DAYS: i32 = 30;

/// A schedule of rising allowances; the daily cap stays above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "Fields", into = "Fields")]
pub struct Ramp(Fields);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fields {
    Factor { start: u32, percent: u32 },
    Step { start: u32, step: u32 },
    Table(Vec<u32>),
}

/// A ramp that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RampError {
    /// A factor under 100 percent would shrink the allowance.
    Shrinking {
        /// The factor given, in percent.
        percent: u32,
    },
    /// A table without a row, or with more than 1,000.
    TableLength {
        /// How many rows were given.
        rows: usize,
    },
}

impl fmt::Display for RampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shrinking { percent } => {
                write!(f, "a ramp by {percent} percent shrinks; give 100 or more")
            }
            Self::TableLength { rows } => {
                write!(f, "a ramp table of {rows} rows is out of range; give 1 to 1000")
            }
        }
    }
}

impl std::error::Error for RampError {}

impl Ramp {
    /// One allowance per day with sends; the last row holds from then on.
    ///
    /// # Errors
    /// [`RampError::TableLength`] without a row or with more than 1,000.
    pub fn table(rows: impl Into<Vec<u32>>) -> Result<Self, RampError> {
        Self::try_from(Fields::Table(rows.into()))
    }

    /// `start` emails on the first day and `step` more on each that follows.
    pub const fn step(start: u32, step: u32) -> Self {
        Self(Fields::Step { start, step })
    }

    /// `start` emails on the first day and on each that follows `percent` percent of the day
    /// before, rounded down but at least one more if `percent` is above 100.
    ///
    /// # Errors
    /// [`RampError::Shrinking`] under 100 percent.
    pub fn factor(start: u32, percent: u32) -> Result<Self, RampError> {
        Self::try_from(Fields::Factor { start, percent })
    }

    /// The allowance on a day, counted from 0 for the first.
    pub fn allowance(&self, day: u32) -> u32 {
        match &self.0 {
            Fields::Factor { start, percent: 100 } => *start,
            Fields::Factor { start, percent } => {
                let mut allowance = *start;
                for _ in 0..day {
                    if allowance == u32::MAX {
                        break;
                    }
                    let grown = u64::from(allowance) * u64::from(*percent) / 100;
                    let grown = grown.max(u64::from(allowance) + 1);
                    allowance = u32::try_from(grown).unwrap_or(u32::MAX);
                }
                allowance
            }
            Fields::Step { start, step } => start.saturating_add(step.saturating_mul(day)),
            Fields::Table(rows) => {
                let row = usize::try_from(day).unwrap_or(usize::MAX).min(rows.len() - 1);
                rows[row]
            }
        }
    }
}

impl Ramp {
    /// The least allowance of any day.
    pub(crate) fn least(&self) -> u32 {
        match &self.0 {
            Fields::Factor { start, .. } | Fields::Step { start, .. } => *start,
            Fields::Table(rows) => rows.iter().copied().min().unwrap_or_default(),
        }
    }
}

impl TryFrom<Fields> for Ramp {
    type Error = RampError;

    fn try_from(fields: Fields) -> Result<Self, RampError> {
        match &fields {
            Fields::Factor { percent, .. } if *percent < 100 => {
                Err(RampError::Shrinking { percent: *percent })
            }
            Fields::Table(rows) if rows.is_empty() || rows.len() > 1_000 => {
                Err(RampError::TableLength { rows: rows.len() })
            }
            Fields::Factor { .. } | Fields::Step { .. } | Fields::Table(_) => Ok(Self(fields)),
        }
    }
}

impl From<Ramp> for Fields {
    fn from(ramp: Ramp) -> Self {
        ramp.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ramp: &Ramp, days: &[(u32, u32)]) {
        for (day, allowance) in days {
            assert_eq!(ramp.allowance(*day), *allowance, "{ramp:?} day {day}");
        }
    }

    #[test]
    fn each_kind_rises_as_it_says() {
        check(&Ramp::table([10, 20, 40]).unwrap(), &[(0, 10), (1, 20), (2, 40), (900, 40)]);
        check(&Ramp::step(5, 2), &[(0, 5), (1, 7), (2, 9), (u32::MAX, u32::MAX)]);
        check(&Ramp::factor(50, 150).unwrap(), &[(0, 50), (1, 75), (2, 112), (3, 168)]);
        check(&Ramp::factor(1, 101).unwrap(), &[(0, 1), (1, 2), (2, 3)]);
        check(&Ramp::factor(7, 100).unwrap(), &[(0, 7), (u32::MAX, 7)]);
    }

    #[test]
    fn a_ramp_that_says_nothing_is_refused() {
        assert!(Ramp::table([]).is_err());
        assert!(Ramp::factor(10, 90).unwrap_err().to_string().contains("90 percent"));
    }
}
