//! The life of a service: what is there after a restart, what a full disk and a clock answer, how a
//! limit and a stop are told, and that no secret is kept.

use std::num::NonZeroU32;

use chrono::TimeDelta;
use mailrota::http::{Service, Settings, revoke_key};
use mailrota::{Clock, Fault, Timestamp};
use serde_json::{Value, json};

use crate::http_world::{World, account_body, settings};
use crate::world::monday;

const SAVE: &str = "/api/v1/email-accounts/save";
const RESERVE: &str = "/api/v1/rotation/campaigns/1/reservations";

/// Every list and every view, as one text.
fn everything(world: &World) -> String {
    let paths = [
        "/email-accounts?fetch_campaigns=true",
        "/campaigns",
        "/campaigns/1/email-accounts?include_tags=true",
        "/campaigns/1/mailbox-statistics",
        "/rotation/usage",
        "/rotation/campaigns/1/explain",
        "/rotation/campaigns/1/preview?n=20",
        "/rotation/campaigns/1/forecast?emails=200",
        "/rotation/reservations/0",
        "/rotation/reservations/1",
    ];
    let answers = paths.map(|path| {
        let answer = world.ask("GET", &format!("/api/v1{path}"), "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    });
    answers.join("\n")
}

#[test]
fn a_restart_keeps_everything() {
    let world = World::new();
    world.set_up(3);
    let schedule = json!({"timezone": "Europe/Madrid", "days_of_the_week": [0, 1, 5],
        "start_hour": "09:30", "end_hour": "18:00", "min_time_btw_emails": 3,
        "max_new_leads_per_day": 40});
    assert_eq!(world.ask("POST", "/api/v1/campaigns/1", &schedule.to_string()).status, 200);
    let settings = json!({"name": "Spring", "follow_up_percentage": 40, "track_settings": []});
    let set = world.ask("POST", "/api/v1/campaigns/1/settings", &settings.to_string());
    assert_eq!(set.status, 200);
    let change = json!({"from_name": "Ana", "tags": ["warm", {"id": 3, "name": "eu"}],
        "smtp_host": "smtp.gmail.com", "smtp_port": 587, "timezone": "Asia/Kolkata"});
    assert_eq!(world.ask("POST", "/api/v1/email-accounts/1", &change.to_string()).status, 200);
    for lead in 0..2 {
        let body = json!({"lead_id": lead, "key": format!("lead {lead}")}).to_string();
        assert_eq!(world.ask("POST", RESERVE, &body).json()["answer"], "reserved");
    }
    let settle = "/api/v1/rotation/reservations/0/settle";
    assert_eq!(world.ask("POST", settle, r#"{"outcome":"sent"}"#).status, 200);
    let before = everything(&world);
    let mut world = world.crashed();
    assert_eq!(everything(&world), before);
    // The key finds the reservation of the life before, and numbers go on.
    let again = world.ask("POST", RESERVE, r#"{"lead_id":1,"key":"lead 1"}"#).json();
    assert_eq!((&again["answer"], &again["reservation"]["id"]), (&json!("reserved"), &json!(1)));
    let saved = world.ask("POST", SAVE, &account_body(4)).json();
    assert_eq!(saved["emailAccountId"], 4);
    world.pass(TimeDelta::minutes(11));
    let lapsed = world.ask("GET", "/api/v1/rotation/reservations/1", "").json();
    assert_eq!(lapsed["state"], "lapsed");
}

#[test]
fn passwords_are_kept_nowhere_and_shown_nowhere() {
    let world = World::new();
    let mut body: Value = serde_json::from_str(&account_body(1)).unwrap();
    for name in ["password", "imap_password", "smtpPassword", "user_password"] {
        body[name] = json!("hunter2");
    }
    body["warmup_details"] = json!({"password": "hunter2", "warmup_reputation": 95});
    body["tags"] = json!([{"id": 1, "password": "hunter2"}]);
    let body = body.to_string();
    let saved = world.ask("POST", SAVE, &body);
    assert_eq!(saved.status, 200, "{}", saved.body);
    let wrong = world.ask("POST", SAVE, &body.replace("50", "-50"));
    assert_eq!(wrong.status, 422);
    let shown = world.ask("GET", "/api/v1/email-accounts/1", "");
    let documents = world.engine().look(|_, documents| format!("{documents:?}"));
    let facts = format!("{:?}", world.disk.durable());
    for text in [&saved.body, &wrong.body, &shown.body, &documents, &facts] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_store_that_cannot_write_answers_503_and_later_goes_on() {
    let world = World::new();
    world.set_up(1);
    let before = everything_listed(&world);
    world.disk.fail_writes(Some(Fault::Full));
    for (path, body) in [(SAVE, account_body(2)), (RESERVE, r#"{"lead_id":1}"#.to_owned())] {
        let answer = world.ask("POST", path, &body);
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.json()["code"], "store");
        assert!(answer.headers.contains_key("retry-after"));
        assert!(!answer.body.contains("memory"), "the place of the store is told");
    }
    world.make_room();
    assert_eq!(everything_listed(&world), before, "something of a refused call stayed");
    let saved = world.ask("POST", SAVE, &account_body(2));
    assert_eq!(saved.json()["emailAccountId"], 2);
    assert_eq!(world.ask("POST", RESERVE, r#"{"lead_id":1}"#).status, 200);
}

fn everything_listed(world: &World) -> String {
    world.ask("GET", "/api/v1/email-accounts", "").body
        + &world.ask("GET", "/api/v1/campaigns", "").body
}

#[test]
fn a_limit_is_told_with_when_to_go_on_and_holds_for_one_key() {
    let calls = |n| NonZeroU32::new(n).unwrap();
    let mut world = World::with(Settings::default().burst(calls(3)).per_minute(calls(6)));
    for _ in 0..3 {
        assert_eq!(world.ask("GET", "/api/v1/campaigns", "").status, 200);
    }
    let refused = world.ask("GET", "/api/v1/campaigns", "");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.json()["error"]["retry_after"], 10);
    let header = |name: &str| refused.headers[name].to_str().unwrap();
    let reset = (monday() + TimeDelta::seconds(10)).timestamp().to_string();
    assert_eq!(
        ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
            .map(header),
        ["10", "3", "0", reset.as_str()]
    );
    let other = Some(world.keys[1].as_str());
    assert_eq!(world.ask_as(other, "GET", "/api/v1/campaigns", "", &[]).status, 200);
    world.pass(TimeDelta::seconds(10));
    assert_eq!(world.ask("GET", "/api/v1/campaigns", "").status, 200);
}

#[test]
fn a_revoked_key_opens_nothing() {
    let world = World::new();
    assert_eq!(world.ask("GET", "/api/v1/campaigns", "").status, 200);
    revoke_key(world.engine(), 1, world.now).unwrap();
    let refused = world.ask("GET", "/api/v1/campaigns", "");
    assert_eq!(refused.told(), (401, r#"{"message":"Invalid API Key"}"#));
}

#[test]
fn a_service_that_starts_or_stops_says_so() {
    let world = World::new();
    assert_eq!(world.ask("GET", "/readyz", "").told(), (200, r#"{"status":"ok"}"#));
    world.service.stop();
    let refused = world.ask("GET", "/api/v1/campaigns", "");
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("stopping")));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(world.ask("GET", "/readyz", "").told(), (503, r#"{"status":"stopping"}"#));
    assert_eq!(world.ask("GET", "/healthz", "").told(), (200, r#"{"status":"ok"}"#));

    let world = World::serving(Service::new(settings(), Clock::by_hand(monday())));
    let refused = world.ask("GET", "/api/v1/campaigns", "");
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("starting")));
    assert_eq!(world.ask("GET", "/readyz", "").told(), (503, r#"{"status":"starting"}"#));
}

#[test]
fn a_clock_that_steps_back_is_asked_of_the_latest_instant_that_was_seen() {
    let mut world = World::new();
    world.set_up(1);
    assert_eq!(world.ask("POST", RESERVE, r#"{"lead_id":1}"#).json()["answer"], "reserved");
    let seen = world.now;
    world.pass(-TimeDelta::hours(1));
    let explained = world.ask("GET", "/api/v1/rotation/campaigns/1/explain", "");
    assert_eq!(explained.status, 200, "{}", explained.body);
    let at = Timestamp::try_from(seen).unwrap().to_string();
    assert_eq!(explained.json()["at"], json!(at));
    world.pass(TimeDelta::days(500));
    let refused = world.ask("GET", "/api/v1/rotation/campaigns/1/explain", "");
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("clock")));
}

#[test]
fn a_clock_that_is_far_ahead_is_refused_and_changes_nothing() {
    let mut world = World::new();
    world.set_up(1);
    world.pass(TimeDelta::days(500));
    let refused = world.ask("POST", RESERVE, r#"{"lead_id":1}"#);
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("clock")));
    world.pass(-TimeDelta::days(500));
    assert_eq!(world.ask("POST", RESERVE, r#"{"lead_id":1}"#).json()["answer"], "reserved");
}

#[test]
fn every_answer_has_a_request_id_and_takes_one_over_that_is_fit() {
    let world = World::new();
    let ask = |headers: &[(&str, &str)]| {
        let answer = world.ask_as(None, "GET", "/api/v1/nothing", "", headers);
        answer.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    let (first, second) = (ask(&[]), ask(&[]));
    assert_ne!(first, second);
    assert_eq!(ask(&[("x-request-id", "mine-7")]), "mine-7");
    let long = "x".repeat(65);
    for unfit in ["", "two words", &long] {
        assert_ne!(ask(&[("x-request-id", unfit)]), unfit);
    }
}

#[test]
fn a_campaigns_gap_and_an_accounts_own_hold_together_as_the_longer() {
    let world = World::new();
    world.set_up(2);
    let spacing = |id: u64| {
        let account = world.engine().account(mailrota::AccountId(id)).unwrap();
        account.spacing.as_ms() / 60_000
    };
    let post = |path: &str, body: &str| {
        let answer = world.ask("POST", &format!("/api/v1{path}"), body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    };
    post("/email-accounts/2", r#"{"time_to_wait_in_mins":9}"#);
    assert_eq!([spacing(1), spacing(2)], [0, 9]);
    post("/campaigns/1/settings", r#"{"min_time_btwn_emails":5}"#);
    assert_eq!([spacing(1), spacing(2)], [5, 9]);
    post("/campaigns/create", "{}");
    post("/campaigns/2/settings", r#"{"min_time_between_emails":12}"#);
    post("/campaigns/2/email-accounts", r#"{"email_account_ids":[1,2]}"#);
    assert_eq!([spacing(1), spacing(2)], [5, 9], "a draft sends nothing");
    post("/campaigns/2/status", r#"{"status":"START"}"#);
    assert_eq!([spacing(1), spacing(2)], [12, 12]);
    post("/campaigns/2/status", r#"{"status":"PAUSED"}"#);
    assert_eq!([spacing(1), spacing(2)], [5, 9]);
    post("/campaigns/2/status", r#"{"status":"START"}"#);
    let answer =
        world.ask("DELETE", "/api/v1/campaigns/2/email-accounts", r#"{"email_account_ids":[1]}"#);
    assert_eq!(answer.status, 200);
    assert_eq!([spacing(1), spacing(2)], [5, 12]);
    post("/campaigns/2/status", r#"{"status":"STOPPED"}"#);
    assert_eq!([spacing(1), spacing(2)], [5, 9]);
    assert_eq!(world.ask("DELETE", "/api/v1/campaigns/2", "").status, 200);
    assert_eq!([spacing(1), spacing(2)], [5, 9]);
    // What is shown is what the account asks for itself, so that saving it again changes nothing.
    let shown = world.ask("GET", "/api/v1/email-accounts/1", "").json();
    assert_eq!(shown["minTimeToWaitInMins"], 0);
}
