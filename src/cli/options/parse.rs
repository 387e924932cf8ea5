//! Reads the values of options, each into its type, or says in one line what to write instead.
//!
//! Knows how values are written, not which option they are for.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use chrono::Weekday;
use mailrota::{CivilDay, Limit, Ramp, Schedule, Span, Timestamp, Zone};

/// The longest spacing and jitter that an account takes.
const SPACING_MAX: Span = Span::days(31);

/// A range of the day as `--window` gives it, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    start: String,
    end: String,
}

impl Window {
    /// Opens the range in a schedule on one day of the week.
    pub(crate) fn open(&self, schedule: Schedule, day: Weekday) -> Result<Schedule, String> {
        schedule.open(day, &self.start, &self.end).map_err(|error| error.to_string())
    }
}

/// Days of the week, as numbers from Monday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Days(BTreeSet<u8>);

impl Days {
    pub(crate) fn weekdays(&self) -> impl Iterator<Item = Weekday> + '_ {
        self.0.iter().filter_map(|day| Weekday::try_from(*day).ok())
    }
}

/// A whole number from the first to the last of a range.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        let (first, last) = (range.start(), range.end());
        number.ok_or_else(|| format!("give a whole number from {first} to {last}"))
    }
}

/// How many, and not none.
pub(crate) fn positive(text: &str) -> Result<NonZeroU32, String> {
    let number = whole(1..=u32::MAX.into())(text)?;
    NonZeroU32::new(number).ok_or_else(|| format!("`{text}` is none"))
}

/// An address to listen on, or a name that is looked up when it is.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    let is_named = |(name, port): (&str, &str)| {
        !name.is_empty() && !name.contains([':', '[', ']', '/']) && port.parse::<u16>().is_ok()
    };
    if text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(is_named) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not an address with a port; write 127.0.0.1:8025, [::1]:8025 or localhost:8025"
    ))
}

pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn zone(text: &str) -> Result<Zone, String> {
    text.parse().map_err(|error: mailrota::ZoneError| error.to_string())
}

pub(crate) fn date(text: &str) -> Result<CivilDay, String> {
    text.parse().map_err(|_| format!("`{text}` is not a date; write it as 2026-12-25"))
}

pub(crate) fn window(text: &str) -> Result<Window, String> {
    let (start, end) = text
        .split_once('-')
        .ok_or_else(|| format!("`{text}` is not a range; write 09:00-17:00"))?;
    let window = Window { start: start.trim().to_owned(), end: end.trim().to_owned() };
    window.open(Schedule::closed(), Weekday::Mon).map(|_| window)
}

pub(crate) fn days(text: &str) -> Result<Days, String> {
    let wrong = || format!("`{text}` are not days; write mon-fri, or mon,wed,sat");
    let day = |name: &str| {
        let day: Weekday = name.trim().parse().map_err(|_| wrong())?;
        Ok::<u8, String>(u8::try_from(day.num_days_from_monday()).unwrap_or_default())
    };
    let mut days = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut next = first;
        days.insert(next);
        // Past Sunday a range goes on with Monday.
        while next != last {
            next = (next + 1) % 7;
            days.insert(next);
        }
    }
    Ok(Days(days))
}

/// A time between two sends: `10` and `10m` are minutes; `90s`, `2h` and `1d` say their unit.
pub(crate) fn spacing(text: &str) -> Result<Span, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let wrong = || format!("`{text}` is not a length of time; write 10 (minutes), 90s, 2h or 1d");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let span = unit(&text[digits.len()..], number).ok_or_else(wrong)?;
    if span > SPACING_MAX {
        return Err(format!("`{text}` is too long; give at most {SPACING_MAX}"));
    }
    Ok(span)
}

fn unit(name: &str, number: u64) -> Option<Span> {
    match name {
        "s" | "sec" => Some(Span::seconds(number)),
        "" | "m" | "min" => Some(Span::minutes(number)),
        "h" => Some(Span::hours(number)),
        "d" => Some(Span::days(number)),
        _ => None,
    }
}

/// A rolling limit: `30/1m`, `100/h`, `500/24h`.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    let wrong = || format!("`{text}` is not a rolling limit; write 30/1m, 100/h or 500/24h");
    let (emails, length) = text.split_once('/').ok_or_else(wrong)?;
    let emails: u32 = emails.trim().parse().map_err(|_| wrong())?;
    let length = length.trim();
    let name = length.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &length[..length.len() - name.len()];
    let number = if digits.is_empty() { Ok(1) } else { digits.parse() };
    let number: u64 = number.map_err(|_| wrong())?;
    if name.is_empty() {
        return Err(wrong());
    }
    let length = unit(name, number).ok_or_else(wrong)?;
    Limit::rolling(emails, length).map_err(|error| error.to_string())
}

/// A ramp: `5+2` (five, then two more each day), `10x150%`, or a table `10,20,40`.
pub(crate) fn ramp(text: &str) -> Result<Ramp, String> {
    let wrong = || format!("`{text}` is not a ramp; write 5+2, 10x150% or 10,20,40");
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| wrong());
    if let Some((start, step)) = text.split_once('+') {
        return Ok(Ramp::step(number(start)?, number(step)?));
    }
    if let Some((start, percent)) = text.split_once('x') {
        let percent = percent.trim().strip_suffix('%').ok_or_else(wrong)?;
        let ramp = Ramp::factor(number(start)?, number(percent)?);
        return ramp.map_err(|error| error.to_string());
    }
    let rows = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    Ramp::table(rows).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<T: std::fmt::Debug>(read: Result<T, String>) -> String {
        read.map_or_else(|error| error, |value| format!("{value:?}"))
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        for (text, ms) in
            [("10", 600_000), ("90s", 90_000), ("2h", 7_200_000), ("0", 0), ("31d", 2_678_400_000)]
        {
            assert_eq!(spacing(text), Ok(Span::milliseconds(ms)), "{text}");
        }
        for address in ["0.0.0.0:1", "[::1]:8025", "localhost:0", "mail-1.acme.example:8025"] {
            assert_eq!(listen(address).as_deref(), Ok(address));
        }
        for (text, emails, length) in [
            ("30/1m", 30, Span::minutes(1)),
            ("100/h", 100, Span::hours(1)),
            ("500/24h", 500, Span::days(1)),
            ("3/7d", 3, Span::days(7)),
        ] {
            assert_eq!(limit(text), Ok(Limit::rolling(emails, length).unwrap()), "{text}");
        }
        for (text, second_day) in [("5+2", 7), ("10x150%", 15), ("10,20,40", 20), ("3", 3)] {
            assert_eq!(ramp(text).map(|ramp| ramp.allowance(1)), Ok(second_day), "{text}");
        }
        for (text, numbers) in
            [("mon-fri", "01234"), ("sat,mon", "05"), ("Friday-mon", "0456"), ("wed", "2")]
        {
            let read = days(text).unwrap();
            let read: String = read.0.iter().map(ToString::to_string).collect();
            assert_eq!(read, numbers, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_quoted() {
        for (error, quoted) in [
            (shown(spacing("ten")), "`ten`"),
            (shown(spacing("5y")), "`5y`"),
            (shown(spacing("32d")), "31 d"),
            (shown(positive("4294967296")), "from 1 to 4294967295"),
            (shown(whole::<u64>(0..=9)("1.5")), "from 0 to 9"),
            (shown(listen(":8025")), "`:8025`"),
            (shown(limit("30")), "`30`"),
            (shown(limit("30/60")), "`30/60`"),
            (shown(limit("5/90d")), "90 d"),
            (shown(ramp("5x50%")), "50 percent"),
            (shown(ramp("")), "``"),
            (shown(days("mon-noday")), "`mon-noday`"),
            (shown(window("09:00")), "`09:00`"),
            (shown(window("9-5")), "`9`"),
            (shown(window("09:00-09:00")), "empty"),
            (shown(date("25.12.2026")), "`25.12.2026`"),
            (shown(zone("Mars")), "`Mars`"),
            (shown(instant("now")), "`now`"),
        ] {
            assert!(error.contains(quoted), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
