//! Accounts as they are shown, sent back: what somebody read and wrote again changes nothing.

use chrono::{TimeDelta, Weekday};
use mailrota::{
    Account, AccountId, Limit, Link, OwnerId, Provider, Reputation, Schedule, Span, Timestamp,
    Warmup, Zone,
};
use serde_json::{Value, json};

use crate::http_world::{World, account_body};
use crate::world::monday;

const SAVE: &str = "/api/v1/email-accounts/save";

fn path(id: u64) -> String {
    format!("/api/v1/email-accounts/{id}")
}

/// The account as the engine has it.
fn known(world: &World, id: u64) -> Account {
    world.engine().look(|engine, _| engine.account(AccountId(id)).unwrap().clone())
}

fn post(world: &World, path: &str, body: &Value) {
    let answer = world.ask("POST", path, &body.to_string());
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
}

/// Sends back what is shown.
fn send_back(world: &World, id: u64) {
    let shown = world.ask("GET", &path(id), "").json();
    post(world, &path(id), &shown);
    let mut again = world.ask("GET", &path(id), "").json();
    again["updated_at"] = shown["updated_at"].clone();
    assert_eq!(again, shown);
}

/// Open at all times, and written down as a week of ranges.
fn all_day_all_week() -> Schedule {
    let days = (0..7).map(|day| Weekday::try_from(day).unwrap());
    days.fold(Schedule::closed(), |schedule, day| schedule.open(day, "00:00", "24:00").unwrap())
}

#[test]
fn what_is_shown_and_sent_back_changes_no_fact() {
    let world = World::new();
    let started = "2026-08-01T09:00:00.125Z";
    let changes = [
        json!({}),
        json!({"warmup_reputation": null}),
        json!({"warmup_enabled": true}),
        json!({"warmup_details": {"warmup_created_at": started, "warmup_reputation": "91%"}}),
        json!({"warmup_details": {"is_warmup_blocked": true, "blocked_reason": "spam"}}),
        json!({"warmup_details": {"is_warmup_blocked": true, "warmup_created_at": started}}),
        json!({"is_smtp_success": false, "smtp_failure_error": "535 no", "is_suspended": true}),
        json!({"smtp_host": "smtp.zoho.eu", "timezone": "Europe/Madrid", "weight": 7}),
        json!({"type": "GMAIL", "time_to_wait_in_mins": 12}),
        json!({"rotation": {"limits": [{"emails": 30, "length": "1m"}], "jitter": "2m",
            "ramp": {"factor": {"start": 10, "percent": 150}}, "pace": "even",
            "schedule": {"windows": [{"days": [5], "start_hour": "22:00", "end_hour": "06:30"}],
                "holidays": ["2026-12-25"]}, "warmup_mail": "separate"}}),
        json!({"rotation": {"ramp": {"table": [1, 2, 3]}, "schedule": {"windows": []}}}),
    ];
    for (id, change) in (1..).zip(&changes) {
        let mut body: Value = serde_json::from_str(&account_body(id)).unwrap();
        if change.get("warmup_details").is_some() {
            body.as_object_mut().unwrap().remove("warmup_reputation");
        }
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        post(&world, SAVE, &body);
        let before = known(&world, id);
        send_back(&world, id);
        assert_eq!(known(&world, id), before, "{change}");
        // The same with a reputation that has a date.
        let feedback = format!("/api/v1/rotation/email-accounts/{id}/feedback");
        post(&world, &feedback, &json!({"reputation": 92}));
        let before = known(&world, id);
        assert!(before.reputation.unwrap().measured_at.is_some());
        send_back(&world, id);
        assert_eq!(known(&world, id), before, "{change} with a date");
    }
    // What another program may have set, and no call can.
    let at = Timestamp::try_from(monday()).unwrap();
    let account = |id| Account::new(AccountId(id), OwnerId(1), "b@acme.example");
    let odd = Limit::rolling(0, Span::milliseconds(1_001)).unwrap();
    let others = [
        account(101).warmup(Warmup::started(at).blocked(" spam ")).provider(Provider::Zoho),
        account(102).warmup(Warmup::default().blocked("")).provider(Provider::Ses),
        account(103).warmup(Warmup::default()).reputation(Reputation::FULL, at),
        account(105).schedule(all_day_all_week()).limit(odd).jitter(Span::milliseconds(1)),
        account(106).spacing(Span::minutes(10)),
        account(107).spacing(Span::seconds(90)),
        account(104).reputation_unknown().zone("Asia/Kolkata".parse::<Zone>().unwrap()),
    ];
    for before in others {
        let id = before.id.0;
        world.engine().add_account(before.clone(), monday()).unwrap();
        send_back(&world, id);
        assert_eq!(known(&world, id), before);
        post(&world, &path(id), &json!({}));
        assert_eq!(known(&world, id), before);
    }
    post(&world, &path(107), &json!({"time_to_wait_in_mins": 3}));
    assert_eq!(known(&world, 107).spacing, Span::minutes(3));
}

#[test]
fn a_part_of_a_warm_up_leaves_the_rest_as_it_is() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(&account_body(1)).unwrap();
    let started = "2026-09-01T00:00:00Z";
    body["warmup_details"] =
        json!({"warmup_created_at": started, "is_warmup_blocked": true, "blocked_reason": "spam"});
    post(&world, SAVE, &body);
    let at = Timestamp::parse(started).unwrap();
    let blocked = Warmup::started(at).blocked("spam");
    assert_eq!(known(&world, 1).warmup, Some(blocked.clone()));
    post(&world, &path(1), &json!({"warmup_details": {"warmup_reputation": "91%"}}));
    assert_eq!(known(&world, 1).warmup, Some(blocked), "a reputation lifts no block");
    assert_eq!(known(&world, 1).reputation.unwrap().value.value(), 91);
    post(&world, &path(1), &json!({"warmupDetails": {"isWarmupBlocked": false}}));
    assert_eq!(known(&world, 1).warmup, Some(Warmup::started(at)));
}

#[test]
fn a_reputation_that_is_sent_back_grows_stale_all_the_same() {
    let mut world = World::new();
    post(&world, SAVE, &serde_json::from_str(&account_body(1)).unwrap());
    post(&world, "/api/v1/rotation/email-accounts/1/feedback", &json!({"reputation": 92}));
    assert_eq!(world.ask("POST", "/api/v1/campaigns/create", "{}").status, 200);
    world.pass(TimeDelta::days(8));
    let attach = |world: &World| {
        world.ask("POST", "/api/v1/campaigns/1/email-accounts", r#"{"email_account_ids":[1]}"#)
    };
    let refused = attach(&world);
    assert_eq!(refused.json()["details"][0]["reasons"][0]["code"], "reputation_stale");
    send_back(&world, 1);
    assert_eq!(attach(&world).told(), refused.told());
    // Another value is news, and so is the same one if it is reported as measured.
    post(&world, &path(1), &json!({"warmup_reputation": 93}));
    assert_eq!(attach(&world).status, 200);
    post(&world, "/api/v1/rotation/email-accounts/1/feedback", &json!({"reputation": 93}));
    let dated = known(&world, 1).reputation.unwrap();
    assert_eq!(dated.measured_at, Some(Timestamp::try_from(world.now).unwrap()));
    assert_eq!(known(&world, 1).connection.smtp, Link::Verified);
}

#[test]
fn a_mailbox_that_was_deleted_and_comes_back_has_sent_what_it_sent() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(&account_body(1)).unwrap();
    for n in [1, 2] {
        post(&world, SAVE, &serde_json::from_str(&account_body(n)).unwrap());
    }
    post(&world, "/api/v1/rotation/email-accounts/1/feedback", &json!({"sent_elsewhere": 40}));
    let sent = |id: u64| {
        let path = format!("/api/v1/rotation/email-accounts/{id}/standing");
        world.ask("GET", &path, "").json()["sent"].clone()
    };
    // What a list says of the day counts only as far as it is more than what is known.
    for (listed, counted) in [(0, 40), (30, 40), (45, 45)] {
        assert_eq!(world.ask("DELETE", &path(1), "").status, 200);
        assert_eq!(world.ask("GET", &path(1), "").status, 404);
        body["from_email"] = json!("A1@ACME.example");
        body["daily_sent_count"] = json!(listed);
        let saved = world.ask("POST", SAVE, &body.to_string());
        assert_eq!((saved.status, &saved.json()["emailAccountId"]), (200, &json!(1)));
        assert_eq!(sent(1), counted);
    }
    // Somebody else's mailbox is another account.
    let others = world.ask_as(Some(&world.keys[1]), "POST", SAVE, &account_body(2), &[]);
    assert_eq!(others.json()["emailAccountId"], 3);
    assert_eq!(world.ask("DELETE", &path(1), "").status, 200);
    let others = world.ask_as(Some(&world.keys[1]), "POST", SAVE, &account_body(1), &[]);
    assert_eq!(others.json()["emailAccountId"], 4);
}
