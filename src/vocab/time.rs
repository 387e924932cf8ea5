//! Instants and lengths of time, in integer milliseconds.
//!
//! Reads no clock and knows no calendar; civil days are in `civil.rs`.

use std::fmt;
use std::num::NonZeroU64;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: whole milliseconds since 1970-01-01T00:00Z.
///
/// From a [`DateTime`] it is rounded down to the millisecond. The range is the years 1 to 9999, so
/// that every instant has a civil date and can be written as RFC 3339. An `Option` of one takes no
/// more room: 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// The millisecond before the first instant, from which they are counted from 1.
const ORIGIN_MS: i64 = -62_135_596_800_001;

/// An instant outside the years 1 to 9999, or text that is not an RFC 3339 instant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeError {
    /// The text could not be read.
    NotRfc3339 {
        /// What was given.
        text: String,
    },
    /// The instant cannot be used for scheduling.
    OutOfRange {
        /// Milliseconds since 1970-01-01T00:00Z.
        unix_ms: i64,
    },
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRfc3339 { text } => {
                write!(f, "`{text}` is not an instant; write it as 2026-11-20T09:00:00Z (RFC 3339)")
            }
            Self::OutOfRange { unix_ms } => {
                write!(f, "instant {unix_ms} ms is outside the years 1 to 9999; pass UTC time")
            }
        }
    }
}

impl std::error::Error for TimeError {}

impl Timestamp {
    /// 1970-01-01T00:00Z.
    pub const EPOCH: Self = Self::nth(ORIGIN_MS.unsigned_abs());
    /// The first instant of the year 1.
    pub const MIN: Self = Self(NonZeroU64::MIN);
    /// The last instant of the year 9999.
    pub const MAX: Self = Self::nth(253_402_300_799_999_u64 + ORIGIN_MS.unsigned_abs());

    /// The instant that many milliseconds after 1970-01-01T00:00Z.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] outside the years 1 to 9999.
    pub const fn from_unix_ms(unix_ms: i64) -> Result<Self, TimeError> {
        if unix_ms < Self::MIN.unix_ms() || unix_ms > Self::MAX.unix_ms() {
            return Err(TimeError::OutOfRange { unix_ms });
        }
        Ok(Self::nth(unix_ms.abs_diff(ORIGIN_MS)))
    }

    /// The instant with that number, counted from 1; the first if there is none.
    const fn nth(n: u64) -> Self {
        match NonZeroU64::new(n) {
            Some(n) => Self(n),
            None => Self::MIN,
        }
    }

    /// Reads an RFC 3339 instant such as `2026-11-20T09:00:00Z` or `2026-11-20T10:00:00+01:00`.
    ///
    /// # Errors
    /// [`TimeError`] if the text is no such instant or outside the years 1 to 9999.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        DateTime::parse_from_rfc3339(text)
            .map_err(|_| TimeError::NotRfc3339 { text: text.to_owned() })
            .and_then(|at| Self::from_unix_ms(at.timestamp_millis()))
    }

    /// Milliseconds since 1970-01-01T00:00Z.
    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "the last instant's number is below 2^49")]
    pub const fn unix_ms(self) -> i64 {
        self.0.get() as i64 + ORIGIN_MS
    }

    /// The same instant as chrono writes it.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.unix_ms()).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// The instant `span` later, at most [`Self::MAX`].
    #[inline]
    pub const fn plus(self, span: Span) -> Self {
        let later = self.0.saturating_add(span.0);
        if later.get() > Self::MAX.0.get() { Self::MAX } else { Self(later) }
    }

    /// The instant `span` earlier, at least [`Self::MIN`].
    #[inline]
    pub const fn minus(self, span: Span) -> Self {
        Self::nth(self.0.get().saturating_sub(span.0))
    }

    /// The instant `span` earlier, if there is one.
    #[inline]
    pub(crate) const fn before(self, span: Span) -> Option<Self> {
        match NonZeroU64::new(self.0.get().saturating_sub(span.0)) {
            Some(earlier) => Some(Self(earlier)),
            None => None,
        }
    }

    /// The latest instant that is not later and a whole number of steps from 1970, if there is one.
    pub(crate) const fn floor(self, step_ms: i64) -> Self {
        let past_ms = self.unix_ms().rem_euclid(step_ms);
        self.minus(Span(past_ms.unsigned_abs()))
    }

    /// With something else by which those of one instant are in order, as one number that compares
    /// as the two do.
    #[inline]
    pub(crate) const fn then(self, other: u64) -> i128 {
        (self.0.get() as i128) << 64 | other as i128
    }

    /// How long after `earlier` this is; nothing if it is before.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = TimeError;

    fn try_from(at: DateTime<Utc>) -> Result<Self, TimeError> {
        Self::from_unix_ms(at.timestamp_millis())
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(at: Timestamp) -> Self {
        at.to_datetime()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_i64(self.unix_ms()) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if from.is_human_readable() {
            Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
        } else {
            Self::from_unix_ms(i64::deserialize(from)?).map_err(D::Error::custom)
        }
    }
}

/// A length of time in whole milliseconds, never negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// That many milliseconds.
    pub const fn milliseconds(n: u64) -> Self {
        Self(n)
    }

    /// That many seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// That many minutes.
    pub const fn minutes(n: u64) -> Self {
        Self(n.saturating_mul(60_000))
    }

    /// That many hours.
    pub const fn hours(n: u64) -> Self {
        Self(n.saturating_mul(3_600_000))
    }

    /// That many times 24 hours.
    pub const fn days(n: u64) -> Self {
        Self(n.saturating_mul(86_400_000))
    }

    /// The length in milliseconds.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// Both lengths together.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Span {
    /// The largest whole units, such as `1 h 30 min` or `250 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] =
            [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
        if self.0 == 0 {
            return f.write_str("0 s");
        }
        let mut left = self.0;
        let mut gap = "";
        for (size, name) in UNITS {
            if left >= size {
                write!(f, "{gap}{} {name}", left / size)?;
                left %= size;
                gap = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_and_written_as_rfc_3339() {
        for (text, ms, again) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2026-11-20T10:00:00+01:00", 1_795_165_200_000, "2026-11-20T09:00:00Z"),
            ("2026-11-20T09:00:00.0019Z", 1_795_165_200_001, "2026-11-20T09:00:00.001Z"),
            ("1969-12-31T23:59:59.9999Z", -1, "1969-12-31T23:59:59.999Z"),
        ] {
            let at = Timestamp::parse(text).unwrap();
            assert_eq!((at.unix_ms(), at.to_string().as_str()), (ms, again), "{text}");
        }
        assert!(Timestamp::parse("yesterday").unwrap_err().to_string().contains("`yesterday`"));
        assert!(Timestamp::from_unix_ms(i64::MAX).is_err());
    }

    #[test]
    fn sums_stay_in_range() {
        assert_eq!(Timestamp::MAX.plus(Span::days(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Span::milliseconds(u64::MAX)), Timestamp::MIN);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Span::ZERO);
        assert_eq!(Timestamp::EPOCH.plus(Span::milliseconds(u64::MAX)), Timestamp::MAX);
    }

    /// The first and the last instant are written as their years are, and there is none beyond.
    #[test]
    fn instants_are_those_of_the_years_1_to_9999_in_order() {
        let at = |unix_ms| Timestamp::from_unix_ms(unix_ms).unwrap();
        assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z"), Ok(Timestamp::MIN));
        assert_eq!(Timestamp::parse("9999-12-31T23:59:59.999Z"), Ok(Timestamp::MAX));
        assert_eq!(at(0), Timestamp::EPOCH);
        let (first, last) = (Timestamp::MIN.unix_ms(), Timestamp::MAX.unix_ms());
        assert!(Timestamp::from_unix_ms(first - 1).is_err());
        assert!(Timestamp::from_unix_ms(last + 1).is_err());
        for unix_ms in [first, -1, 0, 1, last - 1] {
            let (earlier, later) = (at(unix_ms), at(unix_ms + 1));
            assert!(earlier < later && earlier.unix_ms() == unix_ms, "{unix_ms}");
            assert!(earlier.then(u64::MAX) < later.then(0), "{unix_ms}");
            assert_eq!(earlier.plus(Span::milliseconds(1)), later);
            assert_eq!(
                (later.minus(Span::milliseconds(1)), later.since(earlier).as_ms()),
                (earlier, 1)
            );
            assert_eq!(later.before(Span::milliseconds(1)), Some(earlier));
        }
        assert_eq!(Timestamp::MIN.before(Span::milliseconds(1)), None);
        assert_eq!(at(-1).floor(1_000), at(-1_000));
        assert_eq!(Timestamp::MIN.plus(Span::milliseconds(1)).floor(i64::MAX), Timestamp::MIN);
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn a_span_reads_like_one() {
        assert_eq!(Span::minutes(90).to_string(), "1 h 30 min");
        assert_eq!(Span::milliseconds(90_250).to_string(), "1 min 30 s 250 ms");
        assert_eq!(Span::ZERO.to_string(), "0 s");
    }
}
