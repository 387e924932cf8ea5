//! The ranges of a week, in minutes of each day, and what is no range.
//!
//! Knows no dates and no zones.

use std::fmt;

use chrono::Weekday;

/// Minutes from one midnight to the next on the wall.
pub(super) const DAY_MINUTES: u16 = 1_440;

/// By day from Monday: ranges `[start, end)` in minutes of the day, ascending and apart.
pub(super) type Week = [Vec<(u16, u16)>; 7];

/// A range that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The range begins and ends at the same minute.
    Empty {
        /// The minute of the day.
        minute: u16,
    },
    /// The minute is past 24:00, or the start is 24:00.
    MinuteOutOfRange {
        /// The minute of the day given.
        minute: u16,
    },
    /// The text is no time of day.
    NotATime {
        /// What was given.
        text: String,
    },
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { minute } => {
                let (hour, minute) = (minute / 60, minute % 60);
                write!(
                    f,
                    "a range from {hour:02}:{minute:02} to itself is empty; give another end, or \
                     leave it out"
                )
            }
            Self::MinuteOutOfRange { minute } => write!(
                f,
                "minute {minute} is not in the day; start at 00:00 to 23:59 (0 to 1439) and end at \
                 00:01 to 24:00 (1 to 1440)"
            ),
            Self::NotATime { text } => {
                write!(f, "`{text}` is not a time of day; write it as 09:00, up to 24:00")
            }
        }
    }
}

impl std::error::Error for ScheduleError {}

pub(super) fn all_day_all_week(week: &Week) -> bool {
    week.iter().all(|day| day.as_slice() == [(0, DAY_MINUTES)])
}

pub(super) fn index(day: Weekday) -> usize {
    day.num_days_from_monday() as usize
}

/// Puts a range in its place and makes one of those that touch.
pub(super) fn add_range(ranges: &mut Vec<(u16, u16)>, start: u16, end: u16) {
    ranges.push((start, end));
    ranges.sort_unstable();
    let mut apart: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges.drain(..) {
        match apart.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            Some(_) | None => apart.push((start, end)),
        }
    }
    *ranges = apart;
}
