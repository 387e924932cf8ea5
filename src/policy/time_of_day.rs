//! Times of day as people write them.
//!
//! Knows no dates and no zones.

use crate::policy::week::{DAY_MINUTES, ScheduleError};

/// Reads `09:00`; `24:00` is the end of the day.
pub(crate) fn minute_of_day(text: &str) -> Result<u16, ScheduleError> {
    let wrong = || ScheduleError::NotATime { text: text.to_owned() };
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return Err(wrong());
    }
    let hour: u16 = hour.parse().map_err(|_| wrong())?;
    let minute: u16 = minute.parse().map_err(|_| wrong())?;
    let total = hour * 60 + minute;
    if minute > 59 || total > DAY_MINUTES { Err(wrong()) } else { Ok(total) }
}
