//! Instants and days of the week, as they are written on the wire.
//!
//! Knows no call and no schedule.

use chrono::Weekday;
use serde_json::Value;

use crate::import::fields::whole;
use crate::vocab::Timestamp;

/// The days of the week as the reference counts them.
pub(crate) const WEEK: [Weekday; 7] = [
    Weekday::Sun,
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
];

pub(crate) fn instant(at: Timestamp) -> String {
    at.to_string()
}

/// Days of the week, in order and each once.
pub(crate) fn days(value: &Value) -> Option<Vec<u8>> {
    let list = value.as_array().filter(|list| (1..=7).contains(&list.len()))?;
    let day =
        |value: &Value| whole(value).and_then(|day| u8::try_from(day).ok()).filter(|d| *d < 7);
    let mut days: Vec<u8> = list.iter().map(day).collect::<Option<_>>()?;
    days.sort_unstable();
    days.dedup();
    Some(days)
}
