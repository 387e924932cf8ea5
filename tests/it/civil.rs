//! Civil time: days of 23, 24 and 25 hours, hours that do not exist or exist twice, dates left out,
//! and accounts that move between zones.
//!
//! Everything is asked of the engine as a service would, minute by minute where a rule could slip.
//! Instants are written in UTC; the zone's own clock stands beside them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc, Weekday};
use mailrota::{
    Account, AccountId, Campaign, CivilDay, Engine, LeadId, Limit, Outcome, Pace, Pick, Ramp,
    Reason, Request, Reservation, Schedule, Span, Timestamp, Zone,
};

use crate::world::{CAMPAIGN, OWNER, minutes, t};

const ANA: AccountId = AccountId(1);

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn ana() -> Account {
    Account::new(ANA, OWNER, "ana@acme.example")
}

fn campaign() -> Campaign {
    Campaign::new(CAMPAIGN, OWNER)
}

fn open(day: Weekday, start: &str, end: &str) -> Schedule {
    Schedule::closed().open(day, start, end).unwrap()
}

/// One account in one campaign since `from`.
fn service(account: Account, campaign: Campaign, from: DateTime<Utc>) -> Engine {
    let mut engine = Engine::new(mailrota::Config::default());
    let id = account.id;
    engine.add_account(account, from).unwrap();
    engine.add_campaign(campaign, from).unwrap();
    engine.attach(CAMPAIGN, &[id], from).unwrap();
    engine
}

fn reserve(engine: &mut Engine, lead: u64, now: DateTime<Utc>) -> Pick {
    engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(lead)), now).unwrap()
}

fn granted(engine: &mut Engine, lead: u64, now: DateTime<Utc>) -> Reservation {
    let pick = reserve(engine, lead, now);
    pick.reserved().unwrap_or_else(|| panic!("at {now}: {pick:?}")).clone()
}

/// Sends whatever may go, as soon as it may, up to `to`. The answer to each wait is tried at its
/// instant and one millisecond before.
fn send_all(engine: &mut Engine, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let (mut now, mut sent) = (from, Vec::new());
    while now < to {
        match reserve(engine, sent.len() as u64, now) {
            Pick::Reserved(reservation) => {
                engine.settle(reservation.id, Outcome::Sent, now).unwrap();
                sent.push(now);
            }
            Pick::Wait(wait) => {
                let just_before = wait.until() - TimeDelta::milliseconds(1);
                let early = reserve(&mut engine.clone(), 0, just_before);
                assert_eq!(early.until(), Some(wait.until()), "just before {}", wait.until());
                let then = reserve(&mut engine.clone(), 0, wait.until());
                assert!(then.reserved().is_some(), "at {}", wait.until());
                now = wait.until();
            }
            Pick::Ended(_) | Pick::Unavailable(_) => break,
        }
    }
    sent
}

/// Sends per instant, for tables.
fn bursts(sent: &[DateTime<Utc>]) -> Vec<(String, usize)> {
    let mut bursts: BTreeMap<DateTime<Utc>, usize> = BTreeMap::new();
    for at in sent {
        *bursts.entry(*at).or_default() += 1;
    }
    let text = |at: DateTime<Utc>| at.format("%m-%dT%H:%M").to_string();
    bursts.into_iter().map(|(at, n)| (text(at), n)).collect()
}

/// The daily cap goes out at the first instant of each date, whatever that instant is, and nothing
/// more before the next date begins.
fn check_days(name: &str, from: &str, starts: &[&str]) {
    let (from, first, last) = (t(from), t(starts[0]), t(starts[starts.len() - 1]));
    let mut engine = service(ana().daily_cap(3).zone(zone(name)), campaign(), from);
    let sent = send_all(&mut engine, from, last + minutes(1));
    assert_eq!(&sent[..3], [from; 3], "{name}");
    let expected: Vec<_> = starts.iter().flat_map(|start| [t(start); 3]).collect();
    assert_eq!(&sent[3..], expected, "{name} from {first}");
}

#[test]
fn the_cap_comes_back_with_the_first_instant_of_the_date() {
    // The 29th has 23 hours: midnight is at UTC+1 before it and at UTC+2 after it.
    check_days(
        "Europe/Madrid",
        "2026-03-28T12:00:00Z",
        &["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"],
    );
    // The 25th has 25 hours.
    check_days(
        "Europe/Madrid",
        "2026-10-24T12:00:00Z",
        &["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"],
    );
    check_days(
        "America/New_York",
        "2026-03-07T12:00:00Z",
        &["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
    );
    check_days(
        "America/New_York",
        "2026-10-31T12:00:00Z",
        &["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
    );
    // Midnight of September 6 does not exist: 23:59:59 is followed by 01:00.
    check_days(
        "America/Santiago",
        "2026-09-05T12:00:00Z",
        &["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"],
    );
    // April 4 ends at its second midnight: at the first the clock goes back to 23:00.
    check_days(
        "America/Santiago",
        "2026-04-04T12:00:00Z",
        &["2026-04-05T04:00:00Z", "2026-04-06T04:00:00Z"],
    );
    // Half an hour, both ways.
    check_days(
        "Australia/Lord_Howe",
        "2026-10-03T00:00:00Z",
        &["2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"],
    );
    check_days(
        "Australia/Lord_Howe",
        "2026-04-04T00:00:00Z",
        &["2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"],
    );
    // No changes, and half an hour from UTC.
    check_days(
        "Asia/Kolkata",
        "2026-03-28T12:00:00Z",
        &["2026-03-28T18:30:00Z", "2026-03-29T18:30:00Z"],
    );
    // December 30 was left out: the 29th is followed by the 31st, 24 hours long each.
    check_days(
        "Pacific/Apia",
        "2011-12-29T12:00:00Z",
        &["2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
    );
}

#[test]
fn the_calendar_has_its_leap_days_and_years_end() {
    for (from, starts) in [
        ("2028-02-28T12:00:00Z", ["2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"]),
        ("2100-02-28T12:00:00Z", ["2100-03-01T00:00:00Z", "2100-03-02T00:00:00Z"]),
        ("2026-12-31T12:00:00Z", ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]),
    ] {
        check_days("UTC", from, &starts);
    }
    assert_eq!(CivilDay::new(2100, 2, 29), None);
}

/// When a window was open, in one zone: from the first to the last minute that granted something.
fn check_window(name: &str, schedule: &Schedule, from: &str, hours: i64, pieces: &[(&str, &str)]) {
    let account = ana().zone(zone(name)).daily_cap(1_000_000).schedule(schedule.clone());
    let of_account = service(account, campaign(), t(from));
    let account = ana().daily_cap(1_000_000);
    let campaign = campaign().zone(zone(name)).schedule(schedule.clone());
    let of_campaign = service(account, campaign, t(from));
    for mut engine in [of_account, of_campaign] {
        let mut found: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for now in (0..hours * 60).map(|minute| t(from) + minutes(minute)) {
            if let Pick::Reserved(reservation) = reserve(&mut engine, 0, now) {
                engine.settle(reservation.id, Outcome::Sent, now).unwrap();
                match found.last_mut() {
                    Some((_, end)) if *end == now => *end = now + minutes(1),
                    _ => found.push((now, now + minutes(1))),
                }
            }
        }
        let expected: Vec<_> = pieces.iter().map(|(from, to)| (t(from), t(to))).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_window_opens_once_whatever_the_clocks_do() {
    // 02:30 does not exist: open from 03:00, which is the same instant, to 04:00.
    check_window(
        "Europe/Madrid",
        &open(Weekday::Sun, "02:30", "04:00"),
        "2026-03-28T20:00:00Z",
        30,
        &[("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")],
    );
    // In the gap as a whole: not open on that Sunday.
    check_window(
        "Europe/Madrid",
        &open(Weekday::Sun, "02:10", "02:50"),
        "2026-03-28T20:00:00Z",
        30,
        &[],
    );
    // 02:30 exists twice: open from the first, once, to 04:00, for two and a half hours.
    check_window(
        "Europe/Madrid",
        &open(Weekday::Sun, "02:30", "04:00"),
        "2026-10-24T20:00:00Z",
        30,
        &[("2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z")],
    );
    // An end that exists twice closes at the first.
    check_window(
        "Europe/Madrid",
        &open(Weekday::Sun, "01:00", "02:30"),
        "2026-10-24T20:00:00Z",
        30,
        &[("2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z")],
    );
    // The day begins at 01:00 and no window is longer for it.
    check_window(
        "America/Santiago",
        &open(Weekday::Sun, "00:00", "02:00"),
        "2026-09-05T20:00:00Z",
        30,
        &[("2026-09-06T04:00:00Z", "2026-09-06T05:00:00Z")],
    );
    // Over the midnight that does not exist.
    check_window(
        "America/Santiago",
        &open(Weekday::Sat, "23:00", "02:00"),
        "2026-09-05T20:00:00Z",
        30,
        &[("2026-09-06T03:00:00Z", "2026-09-06T05:00:00Z")],
    );
    check_window(
        "Australia/Lord_Howe",
        &open(Weekday::Sun, "02:15", "03:00"),
        "2026-10-03T08:00:00Z",
        20,
        &[("2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z")],
    );
    check_window(
        "America/New_York",
        &open(Weekday::Sun, "01:30", "01:45"),
        "2026-11-01T00:00:00Z",
        30,
        &[("2026-11-01T05:30:00Z", "2026-11-01T05:45:00Z")],
    );
    check_window(
        "Asia/Kolkata",
        &open(Weekday::Sun, "09:00", "09:30"),
        "2026-03-28T20:00:00Z",
        30,
        &[("2026-03-29T03:30:00Z", "2026-03-29T04:00:00Z")],
    );
}

#[test]
fn a_holiday_is_as_long_as_its_date() {
    let day = |text: &str| text.parse::<CivilDay>().unwrap();
    check_window(
        "Europe/Madrid",
        &Schedule::always().holiday(day("2026-10-25")),
        "2026-10-24T20:00:00Z",
        30,
        &[
            ("2026-10-24T20:00:00Z", "2026-10-24T22:00:00Z"),
            ("2026-10-25T23:00:00Z", "2026-10-26T02:00:00Z"),
        ],
    );
    // A window over midnight is cut by the holiday of either date.
    let nights = open(Weekday::Thu, "22:00", "02:00").open(Weekday::Fri, "22:00", "02:00").unwrap();
    check_window(
        "UTC",
        &nights.holiday(day("2026-12-25")),
        "2026-12-24T12:00:00Z",
        48,
        &[
            ("2026-12-24T22:00:00Z", "2026-12-25T00:00:00Z"),
            ("2026-12-26T00:00:00Z", "2026-12-26T02:00:00Z"),
        ],
    );
}

/// Nothing opens after it for as far as anybody looks: a thousand holidays, or the end of time.
#[test]
fn the_last_opening_of_all_closes() {
    let first: CivilDay = "2026-11-24".parse().unwrap();
    let mondays = open(Weekday::Mon, "09:00", "17:00");
    check_window(
        "UTC",
        &(0..1_000).fold(mondays, |schedule, days| schedule.holiday(first.plus_days(days))),
        "2026-11-23T08:00:00Z",
        30,
        &[("2026-11-23T09:00:00Z", "2026-11-23T17:00:00Z")],
    );
    let fridays = open(Weekday::Fri, "09:00", "17:00");
    let at = |text| Timestamp::parse(text).unwrap();
    let last = (true, Some(at("9999-12-31T17:00:00Z")));
    assert_eq!(fridays.at(Zone::UTC, at("9999-12-31T12:00:00Z")), last);
    assert_eq!(fridays.at(Zone::UTC, at("9999-12-31T17:00:00Z")), (false, None));
}

#[test]
fn windows_of_two_zones_must_both_be_open() {
    // Nine to five in Madrid and in New York meet from 15:00 to 17:00 in Madrid; in the weeks
    // between the two changes of clocks, from 14:00.
    let office = Schedule::working_days("09:00", "17:00").unwrap();
    for (from, opens, closes) in [
        ("2026-03-03T00:00:00Z", "2026-03-03T14:00:00Z", "2026-03-03T16:00:00Z"),
        ("2026-03-10T00:00:00Z", "2026-03-10T13:00:00Z", "2026-03-10T16:00:00Z"),
        ("2026-03-31T00:00:00Z", "2026-03-31T13:00:00Z", "2026-03-31T15:00:00Z"),
    ] {
        let account = ana().zone(zone("Europe/Madrid")).schedule(office.clone());
        let campaign = campaign().zone(zone("America/New_York")).schedule(office.clone());
        let mut engine = service(account.limit(Limit::per_hour(1)), campaign, t(from));
        let sent = send_all(&mut engine, t(from), t(from) + minutes(24 * 60));
        assert_eq!(sent.first(), Some(&t(opens)));
        let hours = (t(closes) - t(opens)).num_hours();
        assert_eq!(sent.len(), usize::try_from(hours).unwrap(), "{sent:?}");
    }
}

#[test]
fn an_even_pace_fills_a_day_of_any_length() {
    for (name, from, hours) in [
        ("Europe/Madrid", "2026-03-28T23:00:00Z", 23),
        ("Europe/Madrid", "2026-10-24T22:00:00Z", 25),
        ("America/Santiago", "2026-09-06T04:00:00Z", 23),
        ("Asia/Kolkata", "2026-03-28T18:30:00Z", 24),
    ] {
        // One email an hour, if the day's own length is counted.
        let account = ana().zone(zone(name)).pace(Pace::Even).daily_cap(hours);
        let mut engine = service(account, campaign(), t(from));
        let end = t(from) + TimeDelta::hours(hours.into());
        let sent = send_all(&mut engine, t(from), end);
        let expected: Vec<_> =
            (0..hours).map(|hour| t(from) + TimeDelta::hours(hour.into())).collect();
        assert_eq!(sent, expected, "{name}");
    }
}

#[test]
fn a_reservation_over_midnight_takes_room_on_both_dates_until_it_is_settled() {
    let evening = t("2026-12-31T23:55:00Z");
    for (settled_at, charged, free) in [
        ("2026-12-31T23:59:59Z", "2026-12-31", "2027-01-01T00:00:00Z"),
        ("2027-01-01T00:00:00Z", "2027-01-01", "2027-01-02T00:00:00Z"),
    ] {
        let mut engine = service(ana().daily_cap(1), campaign(), evening);
        let reservation = granted(&mut engine, 1, evening);
        assert_eq!(reservation.ends_at.to_datetime(), t("2027-01-01T00:05:00Z"));
        // Left alone it lapses on the new date.
        let wait = reserve(&mut engine.clone(), 2, evening).until();
        assert_eq!(wait, Some(t("2027-01-02T00:00:00Z")));
        let standing = engine.standing(ANA, t("2027-01-01T00:00:00Z")).unwrap();
        assert_eq!((standing.sent, standing.reserved), (0, 1));
        engine.settle(reservation.id, Outcome::Sent, t(settled_at)).unwrap();
        let day: CivilDay = charged.parse().unwrap();
        let on_day = |at: &str| engine.standing(ANA, t(at)).unwrap();
        let last = on_day("2027-01-01T12:00:00Z");
        assert_eq!(u32::from(day == last.day), last.sent, "settled at {settled_at}");
        assert_eq!(reserve(&mut engine, 2, t(settled_at)).until(), Some(t(free)));
    }
    // At 23:49:59.999 it ends on the same date, at 23:50 on the next.
    for (at, days) in [("2026-12-31T23:49:59.999Z", 1), ("2026-12-31T23:50:00Z", 2)] {
        let mut engine = service(ana().daily_cap(1), campaign(), t(at));
        granted(&mut engine, 1, t(at));
        let until = t("2026-12-31T00:00:00Z") + TimeDelta::days(days);
        assert_eq!(reserve(&mut engine, 2, t(at)).until(), Some(until));
    }
}

#[test]
fn an_email_at_the_edge_of_a_date_leaves_room_for_what_is_due_on_the_next() {
    // Of two emails a day, one at least is for new leads; on the 1st the other is due elsewhere.
    let evening = t("2026-12-31T23:55:00Z");
    let mut engine = service(ana().daily_cap(2), campaign(), evening);
    let new_year = "2027-01-01".parse().unwrap();
    engine.declare_follow_ups(ANA, new_year, 2, evening).unwrap();
    let first = granted(&mut engine, 1, evening);
    let Pick::Wait(wait) = reserve(&mut engine, 2, evening) else { panic!("none is left") };
    assert_eq!(wait.block.map(|block| block.reason), Some(Reason::FollowUpsDue));
    assert_eq!(wait.until(), t("2027-01-02T00:00:00Z"));
    // Sent before midnight, it leaves the next date alone, but not at 23:55: the second would end
    // on it, as the only new lead there.
    engine.settle(first.id, Outcome::Sent, evening).unwrap();
    granted(&mut engine, 2, evening);
    assert_eq!(reserve(&mut engine, 3, evening).until(), Some(t("2027-01-02T00:00:00Z")));
}

#[test]
fn hopping_between_zones_gives_no_second_cap() {
    // Every hour another zone, the most eastern and the most western there are among them.
    let zones = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Madrid", "Asia/Kolkata"];
    let start = t("2026-11-23T00:00:00Z");
    let mut engine = service(ana().daily_cap(2), campaign(), start);
    let mut sent: Vec<DateTime<Utc>> = Vec::new();
    for hour in 0..24 * 10 {
        let now = start + TimeDelta::hours(hour);
        let name = zones[usize::try_from(hour).unwrap() % zones.len()];
        let account = engine.account(ANA).unwrap().clone().zone(zone(name));
        engine.change_account(account, now).unwrap();
        while let Pick::Reserved(reservation) = reserve(&mut engine, sent.len() as u64, now) {
            engine.settle(reservation.id, Outcome::Sent, now).unwrap();
            sent.push(now);
        }
        for name in zones {
            let today = |at: &&DateTime<Utc>| {
                let date = |at: DateTime<Utc>| zone(name).civil_day(at.try_into().unwrap());
                date(**at) == date(now)
            };
            let count = sent.iter().filter(today).count();
            assert!(count <= 2, "{count} on one date of {name} at {now}");
        }
    }
    assert!(sent.len() >= 2, "{:?}", bursts(&sent));
}

#[test]
fn a_zone_that_was_left_counts_for_26_hours() {
    // Full in UTC on the 23rd; in Kiritimati (UTC+14) the 24th begins at 10:00 UTC.
    let start = t("2026-11-23T09:00:00Z");
    let mut engine = service(ana().daily_cap(1), campaign(), start);
    assert_eq!(send_all(&mut engine, start, start + minutes(1)).len(), 1);
    let moved = ana().daily_cap(1).zone(zone("Pacific/Kiritimati"));
    engine.change_account(moved, start).unwrap();
    let Pick::Wait(wait) = reserve(&mut engine, 2, start) else { panic!("two caps") };
    assert_eq!(wait.until(), t("2026-11-24T00:00:00Z"));
    assert_eq!(wait.block.map(|block| block.reason), Some(Reason::FormerZoneCap));
    // The 24th of UTC is full with it until the former zone is forgotten at 11:00.
    let sent = send_all(&mut engine, start, t("2026-11-26T00:00:00Z"));
    let expected = [("11-24T00:00", 1), ("11-24T11:00", 1), ("11-25T10:00", 1)];
    assert_eq!(bursts(&sent), expected.map(|(at, n)| (at.to_owned(), n)));
}

#[test]
fn a_ramp_and_a_rolling_day_go_by_their_own_clocks() {
    // The ramp goes up with the date, which is 23 hours away; the rolling limit frees 24 hours on.
    let start = t("2026-03-28T23:00:00Z");
    let madrid = ana().zone(zone("Europe/Madrid")).daily_cap(50);
    let ramped = madrid.clone().ramp(Ramp::table([1, 2]).unwrap());
    let mut engine = service(ramped, campaign(), start);
    let sent = send_all(&mut engine, start, start + TimeDelta::hours(24));
    assert_eq!(bursts(&sent), [("03-28T23:00".to_owned(), 1), ("03-29T22:00".to_owned(), 2)]);
    let rolling = madrid.limit(Limit::rolling(1, Span::days(1)).unwrap());
    let mut engine = service(rolling, campaign(), start);
    let sent = send_all(&mut engine, start, start + TimeDelta::hours(25));
    assert_eq!(sent, [start, start + TimeDelta::hours(24)]);
}
