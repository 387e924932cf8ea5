//! How an account takes part in the rotation, as it is shown: limits, jitter, ramp, pace, window.
//!
//! What is shown here can be sent back and changes nothing. Reads nothing.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::calendar::WEEK;
use crate::policy::{Account, Limit, Pace, Ramp, Schedule, WarmupMail};
use crate::vocab::{CivilDay, Span};

/// Units of lengths of time, the largest first, in milliseconds.
pub(crate) const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// How an account takes part in the rotation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AccountRotation)]
pub(crate) struct RotationView {
    /// Rolling limits, all in force at once beside the daily cap.
    limits: Vec<LimitView>,
    /// The most that chance adds to the time between two sends, such as `90s`.
    jitter: String,
    /// Allowances that rise from day to day below the daily cap; null without.
    #[schema(value_type = Option<RampView>)]
    ramp: Option<Ramp>,
    /// `asap`, or `even` over what is left of the day's window.
    #[schema(value_type = String)]
    pace: Pace,
    schedule: WindowsView,
    /// Whether warm-up mail is `counted` against the daily cap or `separate`.
    #[schema(value_type = String)]
    warmup_mail: WarmupMail,
}

/// At most so many emails in any stretch of time of a length.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AccountLimit)]
pub(crate) struct LimitView {
    #[schema(example = 100)]
    emails: u32,
    /// Such as `30s`, `1m`, `1h` or `7d`, from `1s` to `31d`.
    #[schema(example = "1h")]
    length: String,
}

/// Rising allowances: one of the three.
#[derive(Debug, ToSchema)]
#[schema(as = AccountRamp)]
#[expect(dead_code, reason = "only described; the engine writes it")]
pub(crate) struct RampView {
    step: Option<RampStep>,
    factor: Option<RampFactor>,
    /// One allowance for each day with sends; the last holds from then on.
    #[schema(min_items = 1, max_items = 1_000, example = json!([10, 20, 40]))]
    table: Option<Vec<u32>>,
}

/// `start` emails on the first day, and `step` more on each that follows.
#[derive(Debug, ToSchema)]
#[schema(as = AccountRampStep)]
#[expect(dead_code, reason = "only described; the engine writes it")]
struct RampStep {
    start: u32,
    step: u32,
}

/// `start` emails on the first day, and `percent` percent of the day before on each that follows.
#[derive(Debug, ToSchema)]
#[schema(as = AccountRampFactor)]
#[expect(dead_code, reason = "only described; the engine writes it")]
struct RampFactor {
    start: u32,
    #[schema(minimum = 100)]
    percent: u32,
}

/// When an account may send, in its own `timezone`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AccountSchedule)]
pub(crate) struct WindowsView {
    /// Null: at all times. An empty list: never.
    windows: Option<Vec<WindowView>>,
    /// Dates on which it does not send, such as `2026-12-25`.
    #[schema(value_type = Vec<String>)]
    holidays: Vec<CivilDay>,
}

/// A range of some days of the week.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AccountWindow)]
pub(crate) struct WindowView {
    /// Days of the week, 0 for Sunday.
    days: Vec<u8>,
    #[schema(example = "09:00")]
    start_hour: String,
    /// Up to `24:00`.
    #[schema(example = "17:00")]
    end_hour: String,
}

pub(crate) fn rotation(account: &Account) -> RotationView {
    let limit = |limit: &Limit| LimitView { emails: limit.emails(), length: span(limit.length()) };
    RotationView {
        limits: account.limits.iter().map(limit).collect(),
        jitter: span(account.jitter),
        ramp: account.ramp.clone(),
        pace: account.pace,
        schedule: WindowsView {
            windows: windows(&account.schedule),
            holidays: account.schedule.holidays().collect(),
        },
        warmup_mail: account.warmup_mail,
    }
}

/// Ranges that several days have are shown once.
fn windows(schedule: &Schedule) -> Option<Vec<WindowView>> {
    let mut by_range: BTreeMap<(u16, u16), Vec<u8>> = BTreeMap::new();
    for (number, day) in (0..).zip(WEEK) {
        for range in schedule.ranges(day)? {
            by_range.entry(*range).or_default().push(number);
        }
    }
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let window =
        |((start, end), days)| WindowView { days, start_hour: time(start), end_hour: time(end) };
    Some(by_range.into_iter().map(window).collect())
}

/// A length of time in the largest unit of which it is a whole number.
fn span(span: Span) -> String {
    let ms = span.as_ms();
    let fits = UNITS.iter().find(|(_, size)| ms > 0 && ms % size == 0);
    fits.map_or_else(|| "0s".to_owned(), |(name, size)| format!("{}{name}", ms / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_in_one_unit() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (5_400_000, "90m"),
            (86_400_000, "1d"),
        ] {
            assert_eq!(span(Span::milliseconds(ms)), text);
        }
    }
}
