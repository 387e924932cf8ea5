//! Calendars of the reference model: what the wall shows, written down for every minute of a year,
//! and the windows that its histories use.
//!
//! A clock set back shows an hour again; the model reads on from where the wall had been, so that a
//! date begins once and an hour that exists twice opens once.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc, Weekday};
use mailrota::{CivilDay, Schedule, Timestamp, Zone};

use crate::model_state::Minute;

pub(crate) const ZONES: [&str; 5] =
    ["UTC", "Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata"];

/// 2026-03-01T00:00Z, and the year from there.
const FIRST: Minute = 29_538_720;
const MINUTES: Minute = 400 * 1_440;

/// Ranges of the day on some days of the week, and closed dates; without ranges always open.
struct Window {
    days: &'static [Weekday],
    ranges: &'static [(u16, u16)],
    closed: &'static [&'static str],
}

const WORKDAYS: &[Weekday] =
    &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
const WEEKEND: &[Weekday] = &[Weekday::Sat, Weekday::Sun];
const NEVER: &[(u16, u16)] = &[];

const WINDOWS: [Window; 8] = [
    Window { days: &[], ranges: &[(0, 1)], closed: &[] },
    Window { days: WORKDAYS, ranges: &[(540, 1_020)], closed: &[] },
    Window { days: WORKDAYS, ranges: &[(1_320, 360)], closed: &[] },
    Window { days: WEEKEND, ranges: &[(150, 240), (1_380, 60)], closed: &[] },
    Window {
        days: WORKDAYS,
        ranges: &[(510, 720), (780, 1_110)],
        closed: &["2026-04-06", "2026-10-26"],
    },
    Window { days: WEEKEND, ranges: &[(120, 150), (600, 660)], closed: &["2026-03-28"] },
    Window { days: &[], ranges: &[(0, 1)], closed: &["2026-03-29", "2026-09-06", "2026-10-25"] },
    Window { days: WORKDAYS, ranges: NEVER, closed: &[] },
];

pub(crate) static SCHEDULES: LazyLock<Vec<Schedule>> = LazyLock::new(|| {
    let schedule = |window: &Window| {
        let mut schedule =
            if window.days.is_empty() { Schedule::always() } else { Schedule::closed() };
        for day in window.days {
            for (start, end) in window.ranges {
                schedule = schedule.open_minutes(*day, *start, *end).unwrap();
            }
        }
        window.closed.iter().fold(schedule, |it, day| it.holiday(day.parse().unwrap()))
    };
    WINDOWS.iter().map(schedule).collect()
});

static CLOSED: LazyLock<Vec<Vec<CivilDay>>> = LazyLock::new(|| {
    let closed = |window: &Window| window.closed.iter().map(|day| day.parse().unwrap()).collect();
    WINDOWS.iter().map(closed).collect()
});

static ZONE_LIST: LazyLock<Vec<Zone>> =
    LazyLock::new(|| ZONES.iter().map(|name| name.parse().unwrap()).collect());

/// The date, its weekday and the minute that a wall shows.
type Wall = (CivilDay, Weekday, u16);

fn show(wall: NaiveDateTime) -> Wall {
    let day = CivilDay::from(wall.date());
    (day, day.weekday(), u16::try_from(wall.hour() * 60 + wall.minute()).unwrap())
}

fn local(zone: Zone, minute: Minute) -> NaiveDateTime {
    zone.local(Timestamp::try_from(at(minute)).unwrap())
}

/// What the wall of each zone shows in each minute.
static WALLS: LazyLock<Vec<Vec<Wall>>> = LazyLock::new(|| {
    let walk = |zone: &Zone| {
        let mut wall = NaiveDateTime::MIN;
        let mut go_on = |minute| {
            wall = wall.max(local(*zone, minute));
            show(wall)
        };
        (FIRST..FIRST + MINUTES).map(&mut go_on).collect()
    };
    ZONE_LIST.iter().map(walk).collect()
});

pub(crate) fn at(minute: Minute) -> DateTime<Utc> {
    DateTime::from_timestamp(minute * 60, 0).unwrap()
}

fn wall(zone: Zone, minute: Minute) -> Wall {
    let row = ZONE_LIST.iter().position(|it| *it == zone).unwrap();
    if let Some(wall) = usize::try_from(minute - FIRST).ok().and_then(|n| WALLS[row].get(n)) {
        return *wall;
    }
    // No clock in these zones is set back by more than an hour.
    let (now, before) = (local(zone, minute), local(zone, minute - 120));
    if now - before == TimeDelta::minutes(120) {
        return show(now);
    }
    show((minute - 120..=minute).map(|at| local(zone, at)).max().unwrap())
}

pub(crate) fn day(zone: Zone, minute: Minute) -> CivilDay {
    wall(zone, minute).0
}

/// Whether the window with that number is open.
pub(crate) fn is_open(number: usize, zone: Zone, minute: Minute) -> bool {
    let window = &WINDOWS[number];
    let (date, weekday, minute) = wall(zone, minute);
    let opens = |day: Weekday| window.days.contains(&day);
    let in_range = |(start, end): &(u16, u16)| {
        if start < end {
            opens(weekday) && (*start..*end).contains(&minute)
        } else {
            (opens(weekday) && minute >= *start) || (opens(weekday.pred()) && minute < *end)
        }
    };
    let always = window.days.is_empty();
    !CLOSED[number].contains(&date) && (always || window.ranges.iter().any(in_range))
}
