//! The page for people: what is served at `/`, and that what it shows needs a key. How it looks and
//! behaves in a browser is tested by `.ci/page`.

use serde_json::Value;

use crate::http_world::{Answer, World};

/// The files of the page and what each is.
const FILES: [(&str, &str); 7] = [
    ("/", "text/html; charset=utf-8"),
    ("/watch/page.css", "text/css; charset=utf-8"),
    ("/watch/icon.svg", "image/svg+xml"),
    ("/watch/main.js", "text/javascript; charset=utf-8"),
    ("/watch/view.js", "text/javascript; charset=utf-8"),
    ("/watch/chart.js", "text/javascript; charset=utf-8"),
    ("/watch/words.js", "text/javascript; charset=utf-8"),
];

const WATCH: &str = "/api/v1/rotation/campaigns/1/watch";

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers[name].to_str().unwrap()
}

fn page(world: &World, path: &str) -> Answer {
    world.ask_as(None, "GET", path, "", &[])
}

#[test]
fn the_page_needs_no_key_and_may_do_nothing_but_ask_here() {
    let world = World::new();
    for (path, kind) in FILES {
        let answer = page(&world, path);
        assert_eq!((answer.status, header(&answer, "content-type")), (200, kind), "{path}");
        let policy = header(&answer, "content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|part| part == rule), "{path}: {rule} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    }
}

/// What the policy forbids is not tried, and no text becomes markup.
#[test]
fn the_files_name_nothing_outside_and_write_no_markup() {
    let world = World::new();
    for (path, _) in FILES {
        let text = page(&world, path).body;
        // The name of the language of pictures is no address that is asked.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for word in [
            "//cdn",
            "http:",
            "https:",
            "url(",
            "@import",
            "eval(",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "localStorage",
            "document.cookie",
            "api_key",
            " style=",
            "onclick",
            "onload",
            "javascript:",
        ] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
    let html = page(&world, "/").body;
    let named = html.split(['"']).filter(|part| part.starts_with("watch/"));
    let named: Vec<String> = named.map(|part| format!("/{part}")).collect();
    assert!(named.len() >= 3);
    let served = |path: &String| FILES.iter().any(|(file, _)| file == path);
    assert!(named.iter().all(served), "{named:?}");
}

#[test]
fn what_is_watched_needs_the_key_of_its_owner() {
    let world = World::new();
    world.set_up(1);
    assert_eq!(world.ask_as(None, "GET", WATCH, "", &[]).status, 401);
    assert_eq!(world.ask_as(Some("mr_1_wrong"), "GET", WATCH, "", &[]).status, 401);
    let other = world.ask_as(Some(&world.keys[1]), "GET", WATCH, "", &[]);
    assert_eq!(other.status, 404);
    assert_eq!(world.ask("GET", WATCH, "").status, 200);
    assert_eq!(world.ask("GET", "/api/v1/rotation/campaigns/2/watch", "").status, 404);
    assert_eq!(world.ask("GET", &format!("{WATCH}?limit=1001"), "").status, 422);
}

/// Reserves for a lead, and says what became of it unless it is left out.
fn send(world: &World, lead: u64, outcome: Option<&str>) {
    let path = "/api/v1/rotation/campaigns/1/reservations";
    let answer = world.ask("POST", path, &format!(r#"{{"lead_id":{lead}}}"#)).json();
    let id = answer["reservation"]["id"].as_u64().unwrap();
    if let Some(outcome) = outcome {
        let path = format!("/api/v1/rotation/reservations/{id}/settle");
        let body = format!(r#"{{"outcome":"{outcome}"}}"#);
        assert_eq!(world.ask("POST", &path, &body).status, 200);
    }
}

fn sum(list: &Value, name: &str) -> u64 {
    list.as_array().unwrap().iter().map(|item| item[name].as_u64().unwrap_or(0)).sum()
}

#[test]
fn a_campaign_is_watched_with_shares_hours_and_the_next_sends() {
    let mut world = World::new();
    world.set_up(3);
    for lead in 0..6 {
        send(&world, lead, Some("sent"));
    }
    world.pass(chrono::TimeDelta::hours(2));
    send(&world, 7, Some("deferred"));
    send(&world, 8, Some("rejected"));
    send(&world, 9, None);
    let suspended = world.ask("PUT", "/api/v1/email-accounts/suspend/3", "");
    assert_eq!(suspended.status, 200);
    let watch = world.ask("GET", WATCH, "").json();
    assert_eq!((&watch["status"], &watch["timezone"]), (&"ACTIVE".into(), &"UTC".into()));
    let day = &watch["day"];
    assert_eq!((day["sent"].as_u64(), day["reserved"].as_u64()), (Some(7), Some(1)));
    let hours = day["hours"].as_array().unwrap();
    assert_eq!((hours.len(), &hours[9]["sent"], &hours[11]["sent"]), (24, &6.into(), &1.into()));
    // Two accounts are left that can send, with a cap of 50 each.
    let accounts = &watch["accounts"];
    let room: u64 = sum(accounts, "headroom") - accounts[2]["headroom"].as_u64().unwrap();
    assert_eq!((sum(&day["hours"], "planned"), &day["planned_until"]), (room, &day["ends_at"]));
    assert_eq!(sum(accounts, "campaign_sent"), 7);
    assert_eq!(sum(accounts, "campaign_reserved"), 1);
    assert_eq!(accounts[0]["share_asked"], 500_000);
    assert_eq!(
        (&accounts[2]["share_asked"], &accounts[2]["ready_at"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(accounts[2]["reasons"][0]["code"], "sender_suspended");
    let got = sum(accounts, "share_got");
    assert!((999_997..=1_000_000).contains(&got), "{got}");
    let next = watch["next"].as_array().unwrap();
    assert_eq!((next.len(), &next[0]["at"]), (20, &watch["at"]));
    assert!(next.iter().all(|email| email["email_account_id"] != 3), "{next:?}");
    // The same as the calls for one thing each.
    let preview = world.ask("GET", "/api/v1/rotation/campaigns/1/preview?n=20", "").json();
    for (email, planned) in next.iter().zip(preview["emails"].as_array().unwrap()) {
        assert_eq!(
            (&email["at"], &email["email_account_id"]),
            (&planned["at"], &planned["email_account_id"])
        );
    }
    let usage = world.ask("GET", "/api/v1/rotation/usage", "").json();
    for (account, standing) in accounts.as_array().unwrap().iter().zip(usage.as_array().unwrap()) {
        for name in ["sent", "reserved", "headroom", "allowance", "weight", "ready", "reasons"] {
            assert_eq!(account[name], standing[name], "{name}");
        }
    }
    let part = world.ask("GET", &format!("{WATCH}?offset=1&limit=1"), "").json();
    assert_eq!((&part["accounts_total"], &part["accounts"][0]), (&3.into(), &accounts[1]));
    assert_eq!(part["accounts"].as_array().unwrap().len(), 1);
}
