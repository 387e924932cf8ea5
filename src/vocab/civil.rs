//! Civil days and IANA time zones: which date an instant has, and when a date begins and ends.
//!
//! Local midnight is never built, because in some zones on some days it does not exist. A date
//! begins at its first instant and ends where the next one begins. Knows nothing of caps or
//! windows.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::vocab::time::{Span, Timestamp};

/// The version of the zone table that this build carries, such as `2025b`.
pub(crate) const ZONE_TABLE_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

/// A day without changes of the clock.
const DAY_MS: i64 = 86_400_000;

/// A date of the proleptic Gregorian calendar, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDay(i32);

impl CivilDay {
    /// The date of that year, month (1 to 12) and day (1 to 31), if there is one.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day).map(Self::from)
    }

    /// The date so many days later, or earlier if negative.
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days after `earlier`; negative if before.
    pub const fn days_since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        /// From 1970-01-01, which was one of them.
        const FROM_THURSDAY: [Weekday; 7] = [
            Weekday::Thu,
            Weekday::Fri,
            Weekday::Sat,
            Weekday::Sun,
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
        ];
        let since = usize::try_from(self.0.rem_euclid(7)).unwrap_or_default();
        FROM_THURSDAY[since % 7]
    }

    /// The same date as chrono writes it.
    pub fn to_date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or_default()
    }
}

impl From<NaiveDate> for CivilDay {
    fn from(date: NaiveDate) -> Self {
        Self(date.to_epoch_days())
    }
}

impl FromStr for CivilDay {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<NaiveDate>().map(Self::from)
    }
}

impl fmt::Display for CivilDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_date(), f)
    }
}

impl fmt::Debug for CivilDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CivilDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_i32(self.0) }
    }
}

impl<'de> Deserialize<'de> for CivilDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if from.is_human_readable() {
            String::deserialize(from)?.parse().map_err(D::Error::custom)
        } else {
            let day = i32::deserialize(from)?;
            NaiveDate::from_epoch_days(day)
                .map(Self::from)
                .ok_or_else(|| D::Error::custom(format!("day {day} is out of range")))
        }
    }
}

/// A name that is not in the IANA time zone table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZoneError {
    /// What was given.
    pub name: String,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an IANA time zone; write it as Europe/Madrid or UTC", self.name)
    }
}

impl std::error::Error for ZoneError {}

/// An IANA time zone, such as `Europe/Madrid`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone's name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The quota day of an instant: the date that a calendar on the wall shows at `at`.
    ///
    /// Where a clock is set back over midnight the wall shows a date, the next one, and the first
    /// again (St. John's did until 2011). The next date has begun by then and goes on: a quota day
    /// begins once and is one piece.
    pub fn civil_day(self, at: Timestamp) -> CivilDay {
        /// No clock was ever set back by more than this over midnight in the zone table's range.
        const EVENING_HOUR: u32 = 20;
        if self == Self::UTC {
            // Most accounts are set to it, and it needs no table.
            let days = at.unix_ms().div_euclid(DAY_MS);
            return CivilDay(i32::try_from(days).unwrap_or(i32::MAX));
        }
        let local = self.local(at);
        let day = CivilDay::from(local.date());
        if local.hour() >= EVENING_HOUR && self.day_start(day.plus_days(1)) <= at {
            return day.plus_days(1);
        }
        day
    }

    /// Date and time that a clock on the wall shows at `at`.
    pub fn local(self, at: Timestamp) -> NaiveDateTime {
        let utc = at.to_datetime().naive_utc();
        let offset = self.0.offset_from_utc_datetime(&utc).fix();
        utc.checked_add_offset(offset).unwrap_or(utc)
    }

    /// The first instant at which the wall shows `day`, or a later date if that day was left out.
    pub fn day_start(self, day: CivilDay) -> Timestamp {
        self.first_at_or_after(day, 0)
    }

    /// The first instant after `at` that belongs to another quota day.
    pub fn day_end(self, at: Timestamp) -> Timestamp {
        self.day_start(self.civil_day(at).plus_days(1))
    }

    /// The least instant at which the wall shows `minute` of `day` or anything later: in a gap the
    /// instant after the gap, in an overlap the earlier of the two. `minute` may be 1440, which is
    /// the start of the next date.
    #[inline]
    pub fn first_at_or_after(self, day: CivilDay, minute: u32) -> Timestamp {
        if self == Self::UTC {
            let ms = i64::from(day.0) * DAY_MS + i64::from(minute) * 60_000;
            return bounded(ms);
        }
        self.first_by_table(day, minute)
    }

    #[inline(never)]
    fn first_by_table(self, day: CivilDay, minute: u32) -> Timestamp {
        let wanted = day
            .to_date()
            .and_time(chrono::NaiveTime::MIN)
            .checked_add_signed(TimeDelta::minutes(i64::from(minute)))
            .unwrap_or(NaiveDateTime::MAX);
        match self.0.from_local_datetime(&wanted) {
            chrono::LocalResult::Single(at) => timestamp(&at.with_timezone(&Utc)),
            chrono::LocalResult::Ambiguous(a, b) => timestamp(&a.min(b).with_timezone(&Utc)),
            chrono::LocalResult::None => self.gap_end(wanted),
        }
    }

    /// The instant at which a gap that swallows the local time `wanted` is over.
    fn gap_end(self, wanted: NaiveDateTime) -> Timestamp {
        // No offset is more than 16 hours from UTC and no gap longer than 25 hours, so the change
        // lies within these bounds; the wall clock only runs forward at a gap.
        let around = timestamp(&wanted.and_utc());
        let mut before = around.minus(Span::hours(48));
        let mut after = around.plus(Span::hours(48));
        while after.since(before) > Span::milliseconds(1) {
            let middle = before.plus(Span::milliseconds(after.since(before).as_ms() / 2));
            if self.local(middle) >= wanted {
                after = middle;
            } else {
                before = middle;
            }
        }
        after
    }
}

fn timestamp(at: &chrono::DateTime<Utc>) -> Timestamp {
    bounded(at.timestamp_millis())
}

/// The nearest instant that there is.
fn bounded(unix_ms: i64) -> Timestamp {
    let unix_ms = unix_ms.clamp(Timestamp::MIN.unix_ms(), Timestamp::MAX.unix_ms());
    Timestamp::from_unix_ms(unix_ms).unwrap_or(Timestamp::EPOCH)
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl From<Tz> for Zone {
    fn from(tz: Tz) -> Self {
        Self(tz)
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        name.parse().map(Self).map_err(|_| ZoneError { name: name.to_owned() })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, day: &str, start: &str, hours: u64) {
        let zone: Zone = zone.parse().unwrap();
        let day: CivilDay = day.parse().unwrap();
        let from = zone.day_start(day);
        assert_eq!(from.to_string(), start, "{zone} {day} starts");
        assert_eq!(zone.civil_day(from), day);
        assert_ne!(zone.civil_day(from.minus(Span::milliseconds(1))), day);
        let end = zone.day_end(from);
        assert_eq!(end.since(from), Span::minutes(hours), "{zone} {day} minutes");
        assert_ne!(zone.civil_day(end), day);
        assert_eq!(zone.civil_day(end.minus(Span::milliseconds(1))), day);
    }

    #[test]
    fn days_of_the_week_are_those_of_the_calendar() {
        for days in (-800_000..2_900_000).step_by(997).chain(-10..10) {
            let day = CivilDay(days);
            assert_eq!(day.weekday(), chrono::Datelike::weekday(&day.to_date()), "{day}");
        }
    }

    #[test]
    fn a_date_is_as_long_as_the_clocks_make_it() {
        check("UTC", "2024-02-29", "2024-02-29T00:00:00Z", 24 * 60);
        check("Europe/Madrid", "2026-03-29", "2026-03-28T23:00:00Z", 23 * 60);
        check("Europe/Madrid", "2026-10-25", "2026-10-24T22:00:00Z", 25 * 60);
        // Midnight does not exist: the clock goes from 23:59 to 01:00.
        check("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", 23 * 60);
        // Half an hour.
        check("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", 23 * 60 + 30);
        check("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24 * 60 + 30);
        check("Asia/Kolkata", "2026-03-29", "2026-03-28T18:30:00Z", 24 * 60);
    }

    #[test]
    fn a_date_left_out_starts_where_the_next_one_does() {
        let apia: Zone = "Pacific/Apia".parse().unwrap();
        let missing = CivilDay::new(2011, 12, 30).unwrap();
        assert_eq!(apia.day_start(missing), apia.day_start(missing.plus_days(1)));
        let last = apia.day_start(missing).minus(Span::milliseconds(1));
        assert_eq!(apia.day_end(last), apia.day_start(missing));
    }

    #[test]
    fn a_clock_set_back_over_midnight_shows_a_date_twice() {
        // At 24:00 the clock goes back to 23:00: one date for 25 hours.
        let santiago: Zone = "America/Santiago".parse().unwrap();
        let day = CivilDay::new(2026, 4, 4).unwrap();
        let start = santiago.day_start(day);
        assert_eq!(santiago.day_end(start).since(start), Span::hours(25));
        // St. John's went back at 00:01: for an hour the wall shows the 6th again.
        let st_johns: Zone = "America/St_Johns".parse().unwrap();
        let day = CivilDay::new(2010, 11, 7).unwrap();
        let start = st_johns.day_start(day);
        assert_eq!(st_johns.day_end(start).since(start), Span::hours(25));
        let again = start.plus(Span::minutes(30));
        assert_eq!(st_johns.local(again).date(), day.plus_days(-1).to_date());
        assert_eq!(st_johns.civil_day(again), day);
    }

    #[test]
    fn universal_time_needs_no_table() {
        let by_table: Zone = "Etc/UTC".parse().unwrap();
        for ms in
            [i64::MIN, -86_400_001, -86_400_000, -1, 0, 1, 1_795_165_200_123, 253_402_214_400_000]
        {
            let at = bounded(ms);
            assert_eq!(Zone::UTC.civil_day(at), by_table.civil_day(at), "{at}");
            let day = Zone::UTC.civil_day(at);
            for minute in [0, 539, 1_440] {
                let (a, b) = (Zone::UTC, by_table);
                assert_eq!(a.first_at_or_after(day, minute), b.first_at_or_after(day, minute));
            }
        }
    }

    #[test]
    fn an_unknown_zone_is_named() {
        assert!("Mars/Olympus".parse::<Zone>().unwrap_err().to_string().contains("Mars/Olympus"));
    }
}
