//! What holds for a whole engine: lengths of time, thresholds and the seed of chance.
//!
//! Knows nothing of single accounts or campaigns.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocab::{Percent, Reputation, Span};

/// Settings of an engine. Fixed for its life, and part of its snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    pub(crate) seed: u64,
    pub(crate) reservation_ttl: Span,
    pub(crate) gone_grace: Span,
    pub(crate) horizon: Span,
    pub(crate) leap_max: Span,
    pub(crate) reputation_enter_above: Reputation,
    pub(crate) reputation_stay_min: Reputation,
    pub(crate) reputation_age_max: Span,
    pub(crate) warmup_age_min: Span,
    pub(crate) new_lead_share: Percent,
    #[serde(default = "lead_memory")]
    pub(crate) lead_memory: Span,
}

/// A setting outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A length of time outside its range.
    SpanOutOfRange {
        /// Which setting.
        field: &'static str,
        /// What was given.
        span: Span,
        /// The shortest allowed.
        min: Span,
        /// The longest allowed.
        max: Span,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpanOutOfRange { field, span, min, max } => {
                write!(f, "{field} {span} is out of range; give {min} to {max}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Sets the seed of chance; only the jitter of spacings depends on it. Default 0. Two engines
    /// with one seed and one history give the same answers.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how long a reservation lives before it lapses. Default 10 minutes, as long as a slow
    /// SMTP session with its retries may last (RFC 5321 section 4.5.3.2 allows 10 minutes for the
    /// final reply alone). Longer keeps rooms of crashed workers busy for longer.
    ///
    /// # Errors
    /// [`ConfigError`] outside one second to 12 hours.
    pub fn reservation_ttl(mut self, ttl: Span) -> Result<Self, ConfigError> {
        self.reservation_ttl = in_range("reservation_ttl", ttl, Span::seconds(1), Span::hours(12))?;
        Ok(self)
    }

    /// Sets how long a suspended or broken account keeps its leads before they move to others.
    /// Default 2 hours.
    ///
    /// # Errors
    /// [`ConfigError`] over 400 days.
    pub fn gone_grace(mut self, grace: Span) -> Result<Self, ConfigError> {
        self.gone_grace = in_range("gone_grace", grace, Span::ZERO, Span::days(400))?;
        Ok(self)
    }

    /// Sets how far ahead an instant is looked for before the answer is "unavailable". Default 400
    /// days.
    ///
    /// # Errors
    /// [`ConfigError`] outside one day to 400 days.
    pub fn horizon(mut self, horizon: Span) -> Result<Self, ConfigError> {
        self.horizon = in_range("horizon", horizon, Span::days(1), Span::days(400))?;
        Ok(self)
    }

    /// Sets the largest step forward of `now` that is believed. Default 400 days. A larger one is
    /// refused, because one wrong clock would free every cap for good.
    ///
    /// # Errors
    /// [`ConfigError`] outside one day to 4,000 days.
    pub fn leap_max(mut self, leap: Span) -> Result<Self, ConfigError> {
        self.leap_max = in_range("leap_max", leap, Span::days(1), Span::days(4_000))?;
        Ok(self)
    }

    /// Sets the reputation above which an account may be attached. Default 80. An account that was
    /// let in stays while it has [`Self::reputation_stay_min`].
    pub const fn reputation_enter_above(mut self, value: Reputation) -> Self {
        self.reputation_enter_above = value;
        self
    }

    /// Sets the reputation that an account needs to go on sending. Default 80.
    pub const fn reputation_stay_min(mut self, value: Reputation) -> Self {
        self.reputation_stay_min = value;
        self
    }

    /// Sets after how long a measured reputation stops counting as good. Default 7 days.
    ///
    /// # Errors
    /// [`ConfigError`] outside one hour to 4,000 days.
    pub fn reputation_age_max(mut self, age: Span) -> Result<Self, ConfigError> {
        self.reputation_age_max =
            in_range("reputation_age_max", age, Span::hours(1), Span::days(4_000))?;
        Ok(self)
    }

    /// Sets how old a warm-up should be; a younger one is a warning at attach. Default 14 days.
    ///
    /// # Errors
    /// [`ConfigError`] over 400 days.
    pub fn warmup_age_min(mut self, age: Span) -> Result<Self, ConfigError> {
        self.warmup_age_min = in_range("warmup_age_min", age, Span::ZERO, Span::days(400))?;
        Ok(self)
    }

    /// Sets how long it is remembered which account writes to a lead, in days from the last email
    /// to it: its reservation or its end, or the lead being given away by hand. Default 400 days.
    ///
    /// The first email that is reserved for the campaign more than so many days later forgets it;
    /// the lead is then as new. Days are those of universal time, so it may be one day longer, and
    /// a part of a day counts as one. A lead with a reservation that is out is not forgotten.
    ///
    /// # Errors
    /// [`ConfigError`] outside one day to 4,000 days.
    pub fn lead_memory(mut self, memory: Span) -> Result<Self, ConfigError> {
        self.lead_memory = in_range("lead_memory", memory, Span::days(1), Span::days(4_000))?;
        Ok(self)
    }

    /// Sets the share of an account's allowance that follow-ups which are due never take from new
    /// leads. Default 20 percent.
    pub const fn new_lead_share(mut self, share: Percent) -> Self {
        self.new_lead_share = share;
        self
    }
}

impl Config {
    /// Checks what was read from outside, as the methods above do.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.clone()
            .reservation_ttl(self.reservation_ttl)?
            .gone_grace(self.gone_grace)?
            .horizon(self.horizon)?
            .leap_max(self.leap_max)?
            .reputation_age_max(self.reputation_age_max)?
            .warmup_age_min(self.warmup_age_min)?
            .lead_memory(self.lead_memory)
            .map(drop)
    }
}

fn in_range(field: &'static str, span: Span, min: Span, max: Span) -> Result<Span, ConfigError> {
    if span < min || span > max {
        return Err(ConfigError::SpanOutOfRange { field, span, min, max });
    }
    Ok(span)
}

/// The default.
const fn lead_memory() -> Span {
    Span::days(400)
}

const fn hundredths(value: u8) -> Reputation {
    match Reputation::new(value) {
        Ok(reputation) => reputation,
        Err(_) => Reputation::FULL,
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            reservation_ttl: Span::minutes(10),
            gone_grace: Span::hours(2),
            horizon: Span::days(400),
            leap_max: Span::days(400),
            reputation_enter_above: hundredths(80),
            reputation_stay_min: hundredths(80),
            reputation_age_max: Span::days(7),
            warmup_age_min: Span::days(14),
            lead_memory: lead_memory(),
            new_lead_share: match Percent::new(20) {
                Ok(share) => share,
                Err(_) => unreachable!(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_outside_its_range_is_named() {
        let error = Config::default().reservation_ttl(Span::days(1)).unwrap_err();
        assert_eq!(error.to_string(), "reservation_ttl 1 d is out of range; give 1 s to 12 h");
    }
}
