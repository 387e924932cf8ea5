//! How an account takes part in the rotation, as callers write it: limits, jitter, ramp, pace,
//! window.
//!
//! What is not given stays, `null` is what an account has unless told otherwise. No name is passed
//! over here: who asks for a limit and misspells it must not go without. Everything that is wrong
//! is noted with its path.

use chrono::Weekday;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::calendar::{WEEK, days};
use crate::http::input::LIST_MAX;
use crate::http::shapes::rotation_view::{LimitView, RampView, UNITS};
use crate::import::fields::{Fields, whole};
use crate::policy::{
    Account, LIMITS_MAX, Limit, Pace, Ramp, SPACING_MAX, Schedule, WarmupMail, minute_of_day,
};
use crate::vocab::{CivilDay, Span};

const EMAILS: &str = "give a whole number from 0 to 4294967295";

/// The most windows; each costs some work while others wait.
const WINDOWS_MAX: usize = 100;

/// How an account takes part in the rotation. What is not given stays, null is the default, and
/// names that are not here are refused.
#[derive(Debug, ToSchema)]
#[schema(as = AccountRotationBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
pub(crate) struct RotationBody {
    /// Rolling limits, all in force at once beside the daily cap; they take the place of those
    /// that were. None by default.
    #[schema(max_items = 16)]
    limits: Option<Vec<LimitView>>,
    /// The most that chance adds to the time between two sends, up to `31d`; `0s` by default.
    #[schema(example = "90s")]
    jitter: Option<String>,
    /// Allowances that rise from day to day below the daily cap; none by default.
    ramp: Option<RampView>,
    /// `asap`, which is the default, or `even` over what is left of the day's window.
    pace: Option<String>,
    schedule: Option<WindowsBody>,
    /// Whether warm-up mail is `counted` against the daily cap, as it is by default, or `separate`.
    warmup_mail: Option<String>,
}

/// When an account may send, in its own `timezone`. What is not given stays.
#[derive(Debug, ToSchema)]
#[schema(as = AccountScheduleBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct WindowsBody {
    /// Null, the default: at all times. An empty list: never.
    #[schema(max_items = 100)]
    windows: Option<Vec<WindowBody>>,
    /// Dates on which it does not send; none by default.
    #[schema(max_items = 1_000, example = json!(["2026-12-25"]))]
    holidays: Option<Vec<String>>,
}

/// A range of some days of the week.
#[derive(Debug, ToSchema)]
#[schema(as = AccountWindowBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct WindowBody {
    /// Days of the week, 0 for Sunday; all if they are not given.
    #[schema(example = json!([1, 2, 3, 4, 5]))]
    days: Option<Vec<u8>>,
    #[schema(example = "09:00")]
    start_hour: String,
    /// Up to `24:00`; before the start it is on the next day.
    #[schema(example = "17:00")]
    end_hour: String,
}

/// Lays what is given over what an account has.
pub(crate) fn read(fields: &mut Fields<'_>, account: &mut Account) {
    fields.only(&["limits", "jitter", "ramp", "pace", "schedule", "warmup_mail"]);
    lay(fields, "limits", &mut account.limits, limits);
    lay(fields, "jitter", &mut account.jitter, |fields, name, value| {
        let rule = "give a length such as 90s, 10m, 2h or 1d, at most 31d";
        noted(fields, name, value, rule, |value| span(value).filter(|span| *span <= SPACING_MAX))
    });
    lay(fields, "ramp", &mut account.ramp, |fields, name, value| {
        ramp(fields, name, value).map(Some)
    });
    lay(fields, "pace", &mut account.pace, |fields, name, value| {
        noted(fields, name, value, "give asap or even", |value| match value.as_str()? {
            "asap" => Some(Pace::Asap),
            "even" => Some(Pace::Even),
            _ => None,
        })
    });
    let before = account.schedule.clone();
    lay(fields, "schedule", &mut account.schedule, |fields, name, value| {
        schedule(&mut object(fields, name, value)?, &before)
    });
    lay(fields, "warmup_mail", &mut account.warmup_mail, |fields, name, value| {
        noted(fields, name, value, "give counted or separate", |value| match value.as_str()? {
            "counted" => Some(WarmupMail::Counted),
            "separate" => Some(WarmupMail::Separate),
            _ => None,
        })
    });
}

/// Sets what is given and read well; `null` sets the default.
fn lay<T: Default>(
    fields: &mut Fields<'_>,
    name: &str,
    target: &mut T,
    read: impl FnOnce(&mut Fields<'_>, &str, &Value) -> Option<T>,
) {
    let read = match fields.written(name) {
        None => None,
        Some(Value::Null) => Some(T::default()),
        Some(value) => read(fields, name, value),
    };
    if let Some(value) = read {
        *target = value;
    }
}

/// Reads a value, and takes note if it is not understood.
fn noted<T>(
    fields: &mut Fields<'_>,
    name: &str,
    value: &Value,
    rule: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Option<T> {
    let read = read(value);
    if read.is_none() {
        fields.wrong_value(name, value, rule);
    }
    read
}

/// The fields of a value that must be an object.
fn object<'b>(fields: &'b mut Fields<'_>, name: &str, value: &'b Value) -> Option<Fields<'b>> {
    let object =
        noted(fields, name, value, "give an object", |value| value.as_object().map(|_| ()));
    object?;
    Some(fields.of(name, value.as_object()?))
}

/// Reads every item of a list, also behind one that is wrong.
fn list<T>(
    fields: &mut Fields<'_>,
    name: &str,
    value: &Value,
    (least, most): (usize, usize),
    read: impl Fn(&mut Fields<'_>, &str, &Value) -> Option<T>,
) -> Option<Vec<T>> {
    let fits = |items: &&Vec<Value>| (least..=most).contains(&items.len());
    let Some(items) = value.as_array().filter(fits) else {
        fields.wrong_value(name, value, &format!("give a list of {least} to {most}"));
        return None;
    };
    let read = |(n, item)| read(fields, &format!("{name}[{n}]"), item);
    let items: Vec<Option<T>> = items.iter().enumerate().map(read).collect();
    items.into_iter().collect()
}

fn limits(fields: &mut Fields<'_>, name: &str, value: &Value) -> Option<Vec<Limit>> {
    list(fields, name, value, (0, LIMITS_MAX), |fields, name, value| {
        let mut inside = object(fields, name, value)?;
        inside.only(&["emails", "length"]);
        let emails = inside.required("emails", EMAILS, emails);
        let rule = "give a length such as 30s, 1m, 1h or 7d, from 1s to 31d";
        // A limit of no emails has any length that a limit may have.
        let fits = |length: &Span| Limit::rolling(0, *length).is_ok();
        let length = inside.required("length", rule, |value| span(value).filter(fits));
        Limit::rolling(emails?, length?).ok()
    })
}

fn ramp(fields: &mut Fields<'_>, name: &str, value: &Value) -> Option<Ramp> {
    let kinds = ["step", "factor", "table"];
    let is_given = |kind: &&str| value.get(*kind).is_some_and(|value| !value.is_null());
    let given: Vec<_> = kinds.into_iter().filter(is_given).collect();
    let mut inside = object(fields, name, value)?;
    inside.only(&kinds);
    let ([kind], Some(value)) = (given.as_slice(), given.first().and_then(|kind| value.get(*kind)))
    else {
        fields.wrong_value(name, value, "give one of step, factor and table");
        return None;
    };
    if *kind == "table" {
        let rows = list(&mut inside, kind, value, (1, 1_000), |fields, name, value| {
            noted(fields, name, value, EMAILS, emails)
        });
        return Ramp::table(rows?).ok();
    }
    let mut inside = object(&mut inside, kind, value)?;
    let start = inside.required("start", EMAILS, emails);
    if *kind == "step" {
        inside.only(&["start", "step"]);
        let step = inside.required("step", EMAILS, emails);
        return Some(Ramp::step(start?, step?));
    }
    inside.only(&["start", "percent"]);
    let rule = "give a whole number from 100 to 4294967295";
    let percent = inside.required("percent", rule, |value| emails(value).filter(|of| *of >= 100));
    Ramp::factor(start?, percent?).ok()
}

/// Reads a schedule; of windows and holidays either may stay as it was.
fn schedule(fields: &mut Fields<'_>, before: &Schedule) -> Option<Schedule> {
    fields.only(&["windows", "holidays"]);
    let mut windows = Some(before.clone());
    if let Some(value) = fields.written("windows") {
        windows = if value.is_null() { Some(Schedule::always()) } else { opened(fields, value) };
    }
    let mut holidays = Some(before.holidays().collect());
    if let Some(value) = fields.written("holidays").filter(|value| !value.is_null()) {
        holidays = list(fields, "holidays", value, (0, LIST_MAX), |fields, name, value| {
            noted(fields, name, value, "give a date such as 2026-12-25", |value| {
                value.as_str()?.parse::<CivilDay>().ok()
            })
        });
    } else if fields.written("holidays").is_some() {
        holidays = Some(Vec::new());
    }
    let schedule = windows?.without_holidays();
    Some(holidays?.into_iter().fold(schedule, Schedule::holiday))
}

/// A schedule that is open in the windows of a list.
fn opened(fields: &mut Fields<'_>, value: &Value) -> Option<Schedule> {
    let windows = list(fields, "windows", value, (0, WINDOWS_MAX), |fields, name, value| {
        window(&mut object(fields, name, value)?)
    });
    let mut schedule = Schedule::closed();
    for (days, start, end) in windows? {
        for day in days {
            schedule = schedule.open_minutes(day, start, end).ok()?;
        }
    }
    Some(schedule)
}

fn window(fields: &mut Fields<'_>) -> Option<(Vec<Weekday>, u16, u16)> {
    fields.only(&["days", "start_hour", "end_hour"]);
    let rule = "give a list of 1 to 7 days of the week, 0 for Sunday to 6";
    let days = match fields.written("days") {
        None | Some(Value::Null) => Some((0..7).collect()),
        Some(value) => noted(fields, "days", value, rule, days),
    };
    let minute = |value: &Value| minute_of_day(value.as_str()?.trim()).ok();
    let rule = "give a time of day such as 09:00, before 24:00";
    // The last minute in which a window may start.
    let start = fields.required("start_hour", rule, |value| minute(value).filter(|of| *of < 1_440));
    let rule = "give a time of day such as 17:00, up to 24:00";
    let end = fields.required("end_hour", rule, minute);
    if start.is_some() && start == end {
        fields.wrong("end_hour", "give another than start_hour; a whole day ends at 24:00");
        return None;
    }
    let weekday = |day: u8| WEEK.get(usize::from(day)).copied();
    Some((days?.into_iter().filter_map(weekday).collect(), start?, end?))
}

fn emails(value: &Value) -> Option<u32> {
    u32::try_from(whole(value)?).ok()
}

/// A length of time: a whole number and its unit.
fn span(value: &Value) -> Option<Span> {
    let text = value.as_str()?.trim();
    let (name, size) = UNITS.iter().find(|(name, _)| {
        let digits = text.strip_suffix(name).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })?;
    let number: u64 = text.strip_suffix(name)?.parse().ok()?;
    number.checked_mul(*size).map(Span::milliseconds)
}
