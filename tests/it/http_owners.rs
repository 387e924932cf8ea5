//! Promise 11 over the wire: no owner reaches another's accounts, by id or by error text.
//!
//! Every call that the OpenAPI document describes is made with every id of the other owner, and
//! compared with the same call on a service on which those ids were never given out.

use mailrota::http::openapi;
use serde_json::{Value, json};

use crate::http_world::{Answer, World, account_body};

/// What the second owner has, in both worlds: a campaign and an account of its own, whose numbers
/// are given by the caller.
const FOREIGN_ACCOUNT: u64 = 1;
const FOREIGN_CAMPAIGN: u64 = 1;

/// Two services that differ in nothing but what the first owner has.
struct Worlds {
    with: World,
    without: World,
}

impl Worlds {
    fn new() -> Self {
        let (with, without) = (World::new(), World::new());
        with.set_up(2);
        let reserve = r#"{"lead_id":7}"#;
        let reserved =
            with.ask("POST", "/api/v1/rotation/campaigns/1/reservations", reserve).json();
        assert_eq!(reserved["reservation"]["id"], 0);
        Self { with, without }
    }

    /// The same call of the second owner in both.
    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let ask =
            |world: &World, path: &str| world.ask_as(Some(&world.keys[1]), method, path, body, &[]);
        let (with, without) = (ask(&self.with, path), ask(&self.without, path));
        assert_eq!(with.told(), without.told(), "{method} {path} {body}");
        assert_eq!(with.headers.len(), without.headers.len(), "{method} {path} {body}");
        with
    }
}

/// A body that is sound but for whose things it names.
fn body(path: &str, method: &str) -> Value {
    let ids = json!({"email_account_ids": [FOREIGN_ACCOUNT]});
    match (method, path.rsplit('/').next().unwrap()) {
        (_, "attach" | "detach") | ("delete" | "post", "email-accounts") => ids,
        (_, "status") => json!({"status": "PAUSED"}),
        (_, "schedule") | ("post", "{campaign_id}") => {
            json!({"schedule": {"timezone": "UTC", "days": [1],
            "start_hour": "09:00", "end_hour": "17:00"}})
        }
        (_, "settings") => json!({"name": "Mine now"}),
        (_, "save") => json!({"id": FOREIGN_ACCOUNT, "from_name": "Mine now"}),
        (_, "update-lead-email-account") => json!({"email_account_id": FOREIGN_ACCOUNT,
            "email_campaign_id": FOREIGN_CAMPAIGN, "email_lead_id": 7}),
        (_, "reservations") => json!({"lead_id": 7}),
        (_, "batch") => json!({"requests": [{"lead_id": 7}, {"lead_id": 8}]}),
        (_, "settle") => json!({"outcome": "sent"}),
        (_, "feedback") => json!({"reputation": 10, "sent_elsewhere": 50}),
        (_, "{email_account_id}") => json!({"max_email_per_day": 1}),
        _ => Value::Null,
    }
}

/// > No owner reaches another's accounts, by id or by error text.
#[test]
fn every_call_with_every_foreign_id_answers_as_if_it_were_not_there() {
    let worlds = Worlds::new();
    let before = worlds.with.engine().snapshot();
    let documents = |world: &World| world.engine().look(|_, documents| format!("{documents:?}"));
    let kept = documents(&worlds.with);
    let document: Value = serde_json::from_str(&openapi()).unwrap();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let named = path.contains('{')
                || path.ends_with("/save")
                || path.ends_with("/update-lead-email-account");
            // The stream of events has no end to wait for, and a test of its own.
            let apart = ["/api/v1/rotation/events", "/healthz", "/metrics", "/readyz"];
            if path.ends_with("/create") || apart.contains(&path.as_str()) {
                continue;
            }
            // Reservations are numbered from 0, everything else from 1.
            let path = path.replace("{reservation_id}", "0");
            let path = path.replace("{campaign_id}", &FOREIGN_CAMPAIGN.to_string());
            let filled = path.replace("{email_account_id}", &FOREIGN_ACCOUNT.to_string());
            let body = body(&path, method);
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer = worlds.ask(&method.to_ascii_uppercase(), &filled, &body);
            if named {
                assert_eq!(answer.status, 404, "{method} {filled} {body}: {}", answer.body);
                refused += 1;
            } else {
                assert_eq!(answer.told(), (200, "[]"), "{method} {filled}");
            }
        }
    }
    assert!(refused >= 25, "{refused} calls");
    assert_eq!(worlds.with.engine().snapshot(), before, "something changed");
    assert_eq!(documents(&worlds.with), kept, "something that is kept changed");
}

/// Foreign ids in the bodies of calls about things of one's own.
#[test]
fn foreign_ids_in_bodies_answer_as_if_they_were_not_there() {
    let worlds = Worlds::new();
    // The second owner's own things have other numbers in the two worlds; so each call is compared
    // with the same call naming a number that nobody has.
    let world = &worlds.with;
    let key = Some(world.keys[1].as_str());
    let ask = |method: &str, path: &str, body: &str| world.ask_as(key, method, path, body, &[]);
    let saved = ask("POST", "/api/v1/email-accounts/save", &account_body(3)).json();
    let own_account = saved["emailAccountId"].as_u64().unwrap();
    let created = ask("POST", "/api/v1/campaigns/create", "{}").json();
    let own = created["id"].as_u64().unwrap();
    let before = world.engine().snapshot();
    let pool = format!("/api/v1/campaigns/{own}/email-accounts");
    let calls = [
        ("POST", pool.clone(), r#"{"email_account_ids":[ID]}"#.to_owned()),
        ("POST", pool.clone(), format!(r#"{{"email_account_ids":[{own_account},ID]}}"#)),
        ("DELETE", pool, r#"{"email_account_ids":[ID]}"#.to_owned()),
        (
            "POST",
            format!("/api/v1/rotation/campaigns/{own}/attach"),
            r#"{"email_account_ids":[ID]}"#.to_owned(),
        ),
        (
            "POST",
            format!("/api/v1/rotation/campaigns/{own}/detach"),
            r#"{"email_account_ids":[ID],"mode":"dry_run"}"#.to_owned(),
        ),
        (
            "POST",
            format!("/api/v1/rotation/campaigns/{own}/reservations"),
            r#"{"lead_id":7,"email_account_id":ID}"#.to_owned(),
        ),
        (
            "POST",
            format!("/api/v1/rotation/campaigns/{own}/reservations/batch"),
            r#"{"requests":[{"lead_id":7,"email_account_id":ID}]}"#.to_owned(),
        ),
        (
            "POST",
            "/api/v1/campaigns/update-lead-email-account".to_owned(),
            format!(r#"{{"email_account_id":ID,"email_campaign_id":{own},"email_lead_id":7}}"#),
        ),
        (
            "POST",
            "/api/v1/campaigns/update-lead-email-account".to_owned(),
            format!(
                r#"{{"email_account_id":{own_account},"email_campaign_id":ID,"email_lead_id":7}}"#
            ),
        ),
    ];
    for (method, path, body) in calls {
        let with = |id: &str| ask(method, &path, &body.replace("ID", id));
        let (foreign, missing) = (with("1"), with("999"));
        // Each email of a batch has an answer of its own.
        let status = if path.ends_with("batch") { 200 } else { 404 };
        assert_eq!(foreign.status, status, "{method} {path} {body}: {}", foreign.body);
        let missing = missing.body.replace("999", "1");
        assert_eq!(foreign.body, missing, "{method} {path} {body}");
    }
    assert_eq!(world.engine().snapshot(), before, "something changed");
}
