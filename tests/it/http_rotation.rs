//! What a caller sets of an account beyond the reference: limits, jitter, ramp, pace, window,
//! holidays and warm-up mail, each of which holds, is shown, and is refused if it is wrong.

use chrono::{TimeDelta, Weekday};
use mailrota::{Account, AccountId, Limit, Pace, Ramp, Schedule, Span, WarmupMail};
use serde_json::{Value, json};

use crate::http_world::{Answer, World, account_body};

const ACCOUNT: &str = "/api/v1/email-accounts/1";
const RESERVE: &str = "/api/v1/rotation/campaigns/1/reservations";

fn known(world: &World) -> Account {
    world.engine().look(|engine, _| engine.account(AccountId(1)).unwrap().clone())
}

fn post(world: &World, path: &str, body: &Value) -> Answer {
    world.ask("POST", path, &body.to_string())
}

fn set(world: &World, rotation: &Value) {
    let answer = post(world, ACCOUNT, &json!({ "rotation": rotation }));
    assert_eq!(answer.status, 200, "{rotation}: {}", answer.body);
}

/// Asks for an account for a new lead, and sends if there is one.
fn send(world: &World, lead: u64) -> Value {
    let answer = post(world, RESERVE, &json!({"lead_id": lead, "key": format!("lead {lead}")}));
    let answer = answer.json();
    if let Some(id) = answer["reservation"]["id"].as_u64() {
        let path = format!("/api/v1/rotation/reservations/{id}/settle");
        assert_eq!(post(world, &path, &json!({"outcome": "sent"})).status, 200);
    }
    answer
}

fn everything() -> Value {
    json!({
        "limits": [{"emails": 2, "length": "1h"}, {"emails": 5, "length": "7d"}],
        "jitter": "90s",
        "ramp": {"step": {"start": 5, "step": 2}},
        "pace": "even",
        "schedule": {
            "windows": [
                {"days": [1, 3], "start_hour": "08:00", "end_hour": "10:30"},
                {"days": [0, 1, 2], "start_hour": "13:00", "end_hour": "24:00"},
            ],
            "holidays": ["2026-12-24", "2026-12-25"],
        },
        "warmup_mail": "separate",
    })
}

#[test]
fn a_limit_that_is_set_over_the_wire_holds() {
    let mut world = World::new();
    world.set_up(1);
    set(&world, &json!({"limits": [{"emails": 2, "length": "1h"}]}));
    for lead in 1..=2 {
        assert_eq!(send(&world, lead)["answer"], "reserved");
    }
    let third = send(&world, 3);
    assert_eq!(
        (&third["answer"], &third["until"]),
        (&json!("wait"), &json!("2026-11-23T10:00:00Z"))
    );
    assert_eq!(third["reasons"][0]["code"], "hour_cap", "{third}");
    world.pass(TimeDelta::hours(1));
    assert_eq!(send(&world, 3)["answer"], "reserved");
    // A window of its own closes it.
    let windows = json!([{"days": [2], "start_hour": "09:00", "end_hour": "17:00"}]);
    set(&world, &json!({"schedule": {"windows": windows, "holidays": ["2026-11-24"]}}));
    assert_eq!(send(&world, 4)["until"], "2026-12-01T09:00:00Z");
}

#[test]
fn all_that_is_set_is_what_the_engine_has_and_what_is_shown() {
    let world = World::new();
    let plain: Value = serde_json::from_str(&account_body(1)).unwrap();
    let mut body = plain.clone();
    body["rotation"] = everything();
    body["weight"] = json!(7);
    assert_eq!(post(&world, "/api/v1/email-accounts/save", &body).status, 200);
    let afternoon = |schedule: Schedule, day| schedule.open(day, "13:00", "24:00").unwrap();
    let schedule = [Weekday::Sun, Weekday::Mon, Weekday::Tue]
        .into_iter()
        .fold(Schedule::closed(), afternoon)
        .open(Weekday::Mon, "08:00", "10:30")
        .and_then(|schedule| schedule.open(Weekday::Wed, "08:00", "10:30"))
        .unwrap()
        .holiday("2026-12-24".parse().unwrap())
        .holiday("2026-12-25".parse().unwrap());
    let account = known(&world);
    let mut bare = account.clone();
    bare.limits.clear();
    let expected = bare
        .limit(Limit::per_hour(2))
        .limit(Limit::per_week(5))
        .jitter(Span::seconds(90))
        .ramp(Ramp::step(5, 2))
        .pace(Pace::Even)
        .schedule(schedule)
        .warmup_mail(WarmupMail::Separate);
    assert_eq!(account, expected);
    let shown = world.ask("GET", ACCOUNT, "").json();
    assert_eq!((&shown["rotation"], &shown["weight"]), (&everything(), &json!(7)));
    // What is not said stays, and what is null is as if it had never been set.
    let world = world.crashed();
    for nothing in [json!({}), json!(null), json!({"schedule": {}})] {
        set(&world, &nothing);
        assert_eq!(known(&world), account, "{nothing}");
    }
    set(&world, &json!({"schedule": {"windows": null}, "ramp": {"table": [10, 20]}}));
    let holidays = account.schedule.holidays().fold(Schedule::always(), Schedule::holiday);
    assert_eq!(known(&world).schedule, holidays);
    assert_eq!(known(&world).ramp, Some(Ramp::table([10, 20]).unwrap()));
    set(&world, &json!({"schedule": {"windows": [], "holidays": null}, "jitter": "1500ms"}));
    assert_eq!(known(&world).schedule, Schedule::closed());
    assert_eq!(world.ask("GET", ACCOUNT, "").json()["rotation"]["jitter"], "1500ms");
    set(&world, &json!({"ramp": {"factor": {"start": 10, "percent": 150}, "step": null}}));
    assert_eq!(known(&world).ramp, Some(Ramp::factor(10, 150).unwrap()));
    let defaults = json!({"limits": null, "jitter": null, "ramp": null, "pace": null,
        "schedule": null, "warmupMail": null});
    set(&world, &defaults);
    let mut fresh = plain;
    fresh["weight"] = json!(7);
    fresh["from_email"] = json!("b@acme.example");
    assert_eq!(post(&world, "/api/v1/email-accounts/save", &fresh).status, 200);
    let mut second = world.engine().look(|engine, _| engine.account(AccountId(2)).unwrap().clone());
    (second.id, second.address) = (AccountId(1), known(&world).address);
    assert_eq!(known(&world), second);
}

/// What is wrong, at which field, and a part of what is said about it.
type Wrong = Vec<(Value, &'static [(&'static str, &'static str)])>;

fn wrong() -> Wrong {
    let mut wrong = wrong_limits();
    wrong.extend(wrong_ramps());
    wrong.extend(wrong_schedules());
    wrong
}

fn wrong_limits() -> Wrong {
    vec![
        (json!(7), &[("rotation", "give an object")]),
        (
            json!({"limit": [], "pacing": null}),
            &[("rotation.limit", "but limits, jitter"), ("rotation.pacing", "no field")],
        ),
        (json!({"limits": {}}), &[("rotation.limits", "give a list of 0 to 16")]),
        (
            json!({"limits": vec![json!({"emails": 1, "length": "1h"}); 17]}),
            &[("rotation.limits", "give a list of 0 to 16")],
        ),
        (
            json!({"limits": [{"emails": 1, "length": "1h"}, 3,
                {"emails": -1, "length": "32d"}, {}]}),
            &[
                ("rotation.limits[1]", "is 3; give an object"),
                ("rotation.limits[2].emails", "is -1; give a whole number"),
                ("rotation.limits[2].length", "from 1s to 31d"),
                ("rotation.limits[3].emails", "is missing"),
                ("rotation.limits[3].length", "is missing"),
            ],
        ),
        (
            json!({"limits": [{"emails": 1, "length": "999ms", "per": "1h"}]}),
            &[
                ("rotation.limits[0].per", "but emails, length"),
                ("rotation.limits[0].length", "from 1s to 31d"),
            ],
        ),
        (
            json!({"limits": [{"max": 1, "length": 3600}]}),
            &[
                ("rotation.limits[0].max", "but emails, length"),
                ("rotation.limits[0].emails", "is missing"),
                ("rotation.limits[0].length", "is 3600; give a length such as 30s"),
            ],
        ),
        (json!({"jitter": 90}), &[("rotation.jitter", "is 90; give a length such as 90s")]),
        (json!({"jitter": ""}), &[("rotation.jitter", "give a length")]),
        (json!({"jitter": "745h"}), &[("rotation.jitter", "at most 31d")]),
        (json!({"jitter": "99999999999999999d"}), &[("rotation.jitter", "at most 31d")]),
        (json!({"jitter": "-1s"}), &[("rotation.jitter", "give a length")]),
    ]
}

fn wrong_ramps() -> Wrong {
    vec![
        (json!({"ramp": "5+2"}), &[("rotation.ramp", "give an object")]),
        (json!({"ramp": {}}), &[("rotation.ramp", "give one of step, factor and table")]),
        (
            json!({"ramp": {"step": {"start": 1, "step": 1}, "table": [1]}}),
            &[("rotation.ramp", "give one of")],
        ),
        (
            json!({"ramp": {"step": {"start": "x", "by": 1}}}),
            &[
                ("rotation.ramp.step.start", "is \"x\"; give a whole number"),
                ("rotation.ramp.step.step", "is missing"),
                ("rotation.ramp.step.by", "but start, step"),
            ],
        ),
        (json!({"ramp": {"step": 5}}), &[("rotation.ramp.step", "give an object")]),
        (
            json!({"ramp": {"factor": {"start": 1, "percent": 99}}}),
            &[("rotation.ramp.factor.percent", "is 99; give a whole number from 100")],
        ),
        (json!({"ramp": {"table": []}}), &[("rotation.ramp.table", "give a list of 1 to 1000")]),
        (json!({"ramp": {"table": [1, -2]}}), &[("rotation.ramp.table[1]", "is -2")]),
        (json!({"ramp": {"table": [1], "last": 2}}), &[("rotation.ramp.last", "but step")]),
    ]
}

fn wrong_schedules() -> Wrong {
    vec![
        (json!({"pace": "slow"}), &[("rotation.pace", "give asap or even")]),
        (json!({"warmup_mail": true}), &[("rotation.warmup_mail", "give counted or separate")]),
        (json!({"schedule": []}), &[("rotation.schedule", "give an object")]),
        (
            json!({"schedule": {"window": "9-5", "windows": 9, "holidays": "2026-12-25"}}),
            &[
                ("rotation.schedule.window", "but windows, holidays"),
                ("rotation.schedule.windows", "give a list"),
                ("rotation.schedule.holidays", "give a list of 0 to 1000"),
            ],
        ),
        (
            json!({"schedule": {"holidays": ["2026-12-25", "2026-02-30", 1]}}),
            &[
                ("rotation.schedule.holidays[1]", "is \"2026-02-30\"; give a date"),
                ("rotation.schedule.holidays[2]", "give a date"),
            ],
        ),
        (
            json!({"schedule": {"windows": [
            {"days": [7], "start_hour": "24:00", "end_hour": "25:00", "tz": "UTC"},
            {"start_hour": "09:00", "end_hour": "09:00"}, {"days": []}, "9"]}}),
            &[
                ("rotation.schedule.windows[0].tz", "but days, start_hour, end_hour"),
                ("rotation.schedule.windows[0].days", "0 for Sunday"),
                ("rotation.schedule.windows[0].start_hour", "before 24:00"),
                ("rotation.schedule.windows[0].end_hour", "up to 24:00"),
                ("rotation.schedule.windows[1].end_hour", "give another than start_hour"),
                ("rotation.schedule.windows[2].days", "0 for Sunday"),
                ("rotation.schedule.windows[2].start_hour", "is missing"),
                ("rotation.schedule.windows[2].end_hour", "is missing"),
                ("rotation.schedule.windows[3]", "give an object"),
            ],
        ),
    ]
}

#[test]
fn each_wrong_value_is_told_with_its_path_and_nothing_is_half_set() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(&account_body(1)).unwrap();
    for (rotation, _) in wrong() {
        body["rotation"] = rotation;
        let saved = post(&world, "/api/v1/email-accounts/save", &body);
        assert_eq!(saved.status, 422, "{body}");
    }
    body["rotation"] = everything();
    assert_eq!(post(&world, "/api/v1/email-accounts/save", &body).status, 200);
    let before = known(&world);
    for (rotation, told) in wrong() {
        let mut body = json!({"max_email_per_day": 3, "weight": 1, "rotation": rotation});
        if let Some(object) = body["rotation"].as_object_mut() {
            object.entry("pace").or_insert(json!("asap"));
        }
        let answer = post(&world, ACCOUNT, &body);
        assert_eq!(answer.status, 422, "{rotation}: {}", answer.body);
        assert_eq!(answer.json()["code"], "invalid");
        let details = answer.json()["details"].as_array().unwrap().clone();
        for (field, part) in told {
            let detail = details.iter().find(|detail| detail["field"] == *field);
            let message = detail.map(|detail| detail["reasons"][0]["message"].to_string());
            let message = message.unwrap_or_default().replace('\\', "");
            assert!(message.contains(part), "{field}: {part}: {}", answer.body);
        }
        assert_eq!(details.len(), told.len(), "{}", answer.body);
        assert_eq!(known(&world), before, "{rotation}");
    }
    // What is wrong elsewhere is told in the same answer.
    let answer = post(&world, ACCOUNT, &json!({"weight": 101, "rotation": {"pace": 1}}));
    assert_eq!(answer.json()["details"].as_array().unwrap().len(), 2, "{}", answer.body);
}

#[test]
fn a_campaigns_cap_for_a_day_is_set_shown_and_lifted() {
    const SETTINGS: &str = "/api/v1/campaigns/1/settings";
    let world = World::new();
    world.set_up(2);
    assert_eq!(post(&world, SETTINGS, &json!({"daily_cap": 1})).status, 200);
    let cap = || world.ask("GET", "/api/v1/campaigns/1", "").json()["daily_cap"].clone();
    assert_eq!(post(&world, SETTINGS, &json!({"name": "Spring"})).status, 200);
    assert_eq!(cap(), 1);
    assert_eq!(send(&world, 1)["answer"], "reserved");
    let second = send(&world, 2);
    assert_eq!(second["reasons"][0]["code"], "campaign_daily_cap", "{second}");
    for wrong in [json!(-1), json!("many"), json!(1.5), json!(4_294_967_296_u64)] {
        let answer = post(&world, SETTINGS, &json!({ "daily_cap": wrong }));
        assert_eq!(answer.json()["details"][0]["field"], "daily_cap", "{}", answer.body);
    }
    assert_eq!(post(&world, SETTINGS, &json!({"daily_cap": null})).status, 200);
    assert_eq!(cap(), Value::Null);
    assert_eq!(send(&world, 2)["answer"], "reserved");
}
