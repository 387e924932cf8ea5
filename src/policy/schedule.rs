//! The weekly sending window: ranges of the day for each day of the week, and holidays.
//!
//! A range is a piece of a civil date. On the days when clocks change it is as long as the wall
//! clock makes it: an opening hour that does not exist opens at the next existing instant, one
//! that exists twice opens once. Knows nothing of caps; the zone is an argument.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Weekday;
use serde::{Deserialize, Serialize};

use crate::policy::time_of_day::minute_of_day;
use crate::policy::week::{DAY_MINUTES, ScheduleError, Week, add_range, all_day_all_week, index};
use crate::vocab::{CivilDay, Span, Timestamp, Today, Zone};

/// How many days ahead an opening is looked for: more than any horizon plus a year of holidays.
const DAYS_AHEAD_MAX: i32 = 800;
/// The end of an open stretch is looked for to the end of the next so many days.
const LOOKED_AT_DAYS: u64 = 8;

/// From when to when it is open.
type Piece = (Timestamp, Timestamp);
/// Whether it is open, and until when that surely stays so.
type Opening = (bool, Option<Timestamp>);

/// When an account or a campaign may send. Always, unless made with [`Schedule::closed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Schedule {
    /// `None`: always but on holidays. Copies of a schedule share it.
    week: Option<Arc<Week>>,
    holidays: BTreeSet<CivilDay>,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    week: Option<Week>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    holidays: BTreeSet<CivilDay>,
}

impl Schedule {
    /// Open at all times.
    pub const fn always() -> Self {
        Self { week: None, holidays: BTreeSet::new() }
    }

    /// Closed at all times, to be opened with [`Self::open`].
    pub fn closed() -> Self {
        Self { week: Some(Arc::default()), holidays: BTreeSet::new() }
    }

    /// Open from `start` to `end` on Monday to Friday.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn working_days(start: &str, end: &str) -> Result<Self, ScheduleError> {
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]
            .into_iter()
            .try_fold(Self::closed(), |schedule, day| schedule.open(day, start, end))
    }

    /// Opens from `start` to `end` on a day of the week, times written as `09:00` up to `24:00`.
    /// An `end` before the `start` is on the next day. Ranges that touch become one. A schedule
    /// that is [always](Self::always) open is open already.
    ///
    /// # Errors
    /// [`ScheduleError`] if a text is no time of day or the range is empty.
    pub fn open(self, day: Weekday, start: &str, end: &str) -> Result<Self, ScheduleError> {
        self.open_minutes(day, minute_of_day(start)?, minute_of_day(end)?)
    }

    /// As [`Self::open`], with minutes of the day: 540 is 09:00.
    ///
    /// # Errors
    /// [`ScheduleError`] if a minute is not in the day or the range is empty.
    pub fn open_minutes(
        mut self,
        day: Weekday,
        start: u16,
        end: u16,
    ) -> Result<Self, ScheduleError> {
        if start >= DAY_MINUTES {
            return Err(ScheduleError::MinuteOutOfRange { minute: start });
        }
        if end > DAY_MINUTES {
            return Err(ScheduleError::MinuteOutOfRange { minute: end });
        }
        if start == end {
            return Err(ScheduleError::Empty { minute: start });
        }
        let Some(week) = self.week.as_mut().map(Arc::make_mut) else { return Ok(self) };
        if start < end {
            add_range(&mut week[index(day)], start, end);
        } else {
            add_range(&mut week[index(day)], start, DAY_MINUTES);
            if end > 0 {
                add_range(&mut week[index(day.succ())], 0, end);
            }
        }
        Ok(self)
    }

    /// Closes a whole date.
    pub fn holiday(mut self, day: CivilDay) -> Self {
        self.holidays.insert(day);
        self
    }

    /// Closes no date as a whole.
    pub fn without_holidays(mut self) -> Self {
        self.holidays.clear();
        self
    }

    /// Whether it is open at every instant.
    pub fn is_always(&self) -> bool {
        self.holidays.is_empty() && self.week.as_deref().is_none_or(all_day_all_week)
    }

    /// Whether it opens at any time of the week.
    pub fn ever_opens(&self) -> bool {
        self.week.as_ref().is_none_or(|week| week.iter().any(|day| !day.is_empty()))
    }

    /// The ranges of a day of the week in minutes of the day, ascending and apart; nothing if it is
    /// open on all days.
    pub fn ranges(&self, day: Weekday) -> Option<&[(u16, u16)]> {
        self.week.as_ref().map(|week| week[index(day)].as_slice())
    }

    /// The dates that are closed, in order.
    pub fn holidays(&self) -> impl Iterator<Item = CivilDay> + '_ {
        self.holidays.iter().copied()
    }

    /// Whether `at` falls on a date that is closed as a holiday.
    pub fn is_holiday(&self, zone: Zone, at: Timestamp) -> bool {
        !self.holidays.is_empty() && self.holidays.contains(&zone.civil_day(at))
    }

    /// Whether it is open at `at`, and until when that surely stays so: the next opening, or the
    /// end of what is open without a break (of stretches over a week an instant within). Nothing if
    /// it stays so for as far as anybody looks.
    pub fn at(&self, zone: Zone, at: Timestamp) -> (bool, Option<Timestamp>) {
        self.at_by(&Today::default(), zone, at)
    }

    /// The same by what is known of the days; the rest is looked up.
    pub(crate) fn at_by(&self, known: &Today, zone: Zone, at: Timestamp) -> Opening {
        if self.is_always() {
            return (true, None);
        }
        let (near, far) = looked_at(at);
        let mut open_until = None;
        for (start, end) in self.pieces(known, zone, at) {
            match open_until {
                None if start > at => return (false, Some(start)),
                None if end > at => open_until = Some(end),
                None => {}
                Some(until) if start > until => return (true, Some(until)),
                Some(until) if until > far => return (true, Some(near)),
                Some(_) => open_until = Some(end),
            }
        }
        // Open to the end of what was looked at is as good as for ever.
        let end = zone.day_start(known.look(zone, at).plus_days(DAYS_AHEAD_MAX));
        (open_until.is_some(), open_until.filter(|until| *until < end))
    }

    /// How much of the time from `from` to `to` it is open.
    pub fn open_between(&self, zone: Zone, from: Timestamp, to: Timestamp) -> Span {
        if self.is_always() {
            return to.since(from);
        }
        let mut open = Span::ZERO;
        for (start, end) in self.pieces(&Today::default(), zone, from) {
            if start >= to {
                break;
            }
            open = open.plus(end.min(to).since(start.max(from)));
        }
        open
    }

    /// The instant by which it has been open for `span`, counted from `from`; nothing if it does
    /// not open that long for as far as anybody looks.
    pub fn advance(&self, zone: Zone, from: Timestamp, span: Span) -> Option<Timestamp> {
        if self.is_always() {
            return Some(from.plus(span));
        }
        let mut left = span.as_ms();
        for (start, end) in self.pieces(&Today::default(), zone, from) {
            let start = start.max(from);
            let length = end.since(start).as_ms();
            if length >= left && length > 0 {
                return Some(start.plus(Span::milliseconds(left)));
            }
            left -= length;
        }
        None
    }

    /// The open pieces from the start of the day of `from` on, in order, none empty.
    fn pieces(&self, known: &Today, zone: Zone, from: Timestamp) -> impl Iterator<Item = Piece> {
        const WHOLE_DAY: &[(u16, u16)] = &[(0, DAY_MINUTES)];
        let first = known.look(zone, from);
        (0..DAYS_AHEAD_MAX)
            .map(move |ahead| first.plus_days(ahead))
            .filter(|day| !self.holidays.contains(day))
            .flat_map(move |day| {
                let ranges = match &self.week {
                    None => WHOLE_DAY,
                    Some(week) => week[index(day.weekday())].as_slice(),
                };
                ranges.iter().map(move |(start, end)| {
                    let instant = |minute: u16| known.minute(zone, day, minute.into());
                    (instant(*start), instant(*end))
                })
            })
            .filter(|(start, end)| start < end)
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::always()
    }
}

/// The ends of this and of the next stretch of [`LOOKED_AT_DAYS`], counted from the year 1, so
/// that the answer is the same whenever within it one asks.
fn looked_at(at: Timestamp) -> (Timestamp, Timestamp) {
    let length = Span::days(LOOKED_AT_DAYS);
    let since = at.since(Timestamp::MIN).as_ms();
    let near = Timestamp::MIN.plus(Span::milliseconds(since - since % length.as_ms()));
    (near.plus(length), near.plus(length).plus(length))
}

impl TryFrom<Fields> for Schedule {
    type Error = ScheduleError;

    fn try_from(fields: Fields) -> Result<Self, ScheduleError> {
        let Some(week) = fields.week else {
            return Ok(Self { week: None, holidays: fields.holidays });
        };
        let mut day = Weekday::Mon;
        let mut schedule = Self { holidays: fields.holidays, ..Self::closed() };
        for ranges in week {
            for (start, end) in ranges {
                schedule = schedule.open_minutes(day, start, end)?;
            }
            day = day.succ();
        }
        Ok(schedule)
    }
}

impl From<Schedule> for Fields {
    fn from(schedule: Schedule) -> Self {
        Self { week: schedule.week.map(Arc::unwrap_or_clone), holidays: schedule.holidays }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn ranges_that_touch_are_one_and_midnight_is_crossed() {
        let night = Schedule::closed().open(Weekday::Sun, "22:00", "06:00").unwrap();
        let night = night.open(Weekday::Mon, "6:00", "07:00").unwrap();
        let sunday_23 = t("2026-11-22T23:00:00Z");
        assert_eq!(night.at(Zone::UTC, sunday_23), (true, Some(t("2026-11-23T07:00:00Z"))));
        let monday_7 = t("2026-11-23T07:00:00Z");
        assert_eq!(night.at(Zone::UTC, monday_7), (false, Some(t("2026-11-29T22:00:00Z"))));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let none = [("9", "10:00"), ("25:00", "26:00"), ("09:60", "10:00"), ("", "")];
        for (start, end) in none.into_iter().chain([("09:00", "09:00"), ("24:00", "09:00")]) {
            assert!(Schedule::closed().open(Weekday::Mon, start, end).is_err(), "{start}-{end}");
        }
    }

    #[test]
    fn an_hour_that_does_not_exist_opens_after_the_gap() {
        let madrid: Zone = "Europe/Madrid".parse().unwrap();
        let early = Schedule::closed().open(Weekday::Sun, "02:30", "04:00").unwrap();
        let saturday = t("2026-03-28T12:00:00Z");
        assert_eq!(early.at(madrid, saturday), (false, Some(t("2026-03-29T01:00:00Z"))));
        assert_eq!(
            early.at(madrid, t("2026-03-29T01:00:00Z")),
            (true, Some(t("2026-03-29T02:00:00Z")))
        );
        // A range that lies in the gap as a whole is skipped.
        let inside = Schedule::closed().open(Weekday::Sun, "02:10", "02:50").unwrap();
        assert_eq!(inside.at(madrid, saturday).1, Some(t("2026-04-05T00:10:00Z")));
    }

    #[test]
    fn an_hour_that_exists_twice_opens_once() {
        let madrid: Zone = "Europe/Madrid".parse().unwrap();
        let early = Schedule::closed().open(Weekday::Sun, "02:00", "03:00").unwrap();
        let opens = t("2026-10-25T00:00:00Z");
        assert_eq!(early.at(madrid, opens), (true, Some(t("2026-10-25T02:00:00Z"))));
    }

    #[test]
    fn time_is_counted_while_open() {
        let office = Schedule::working_days("09:00", "17:00").unwrap();
        let lunch = office.clone().holiday("2026-11-24".parse().unwrap());
        let monday_16 = t("2026-11-23T16:00:00Z");
        assert_eq!(
            lunch.advance(Zone::UTC, monday_16, Span::hours(2)),
            Some(t("2026-11-25T10:00:00Z"))
        );
        let week = t("2026-11-30T00:00:00Z");
        assert_eq!(lunch.open_between(Zone::UTC, monday_16, week), Span::hours(25));
        assert_eq!(Schedule::closed().advance(Zone::UTC, week, Span::hours(1)), None);
        assert!(lunch.is_holiday(Zone::UTC, t("2026-11-24T10:00:00Z")));
    }

    #[test]
    fn a_schedule_that_covers_the_week_is_always() {
        let mut all = Schedule::closed();
        let mut day = Weekday::Mon;
        for _ in 0..7 {
            all = all.open(day, "00:00", "24:00").unwrap();
            day = day.succ();
        }
        assert!(all.is_always());
        assert_eq!(all.at(Zone::UTC, Timestamp::EPOCH), (true, None));
        assert!(!Schedule::closed().ever_opens());
        assert_eq!(Schedule::closed().at(Zone::UTC, Timestamp::EPOCH), (false, None));
    }

    #[test]
    fn a_schedule_written_down_reads_back_the_same() {
        let office = Schedule::working_days("09:00", "17:00").unwrap();
        let text = serde_json::to_string(&office).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), office);
        assert!(serde_json::from_str::<Schedule>(&text.replace("540", "2000")).is_err());
    }
}
