//! The ranges of a week, in minutes of each day.
//!
//! Knows no dates and no zones.

use chrono::Weekday;

use crate::policy::time_of_day::DAY_MINUTES;

/// By day from Monday: ranges `[start, end)` in minutes of the day, ascending and apart.
pub(super) type Week = [Vec<(u16, u16)>; 7];

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
