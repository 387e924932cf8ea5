//! The stream of events: each kind, exactly once, to its owner only; resumed, missed, and ended.

use std::time::Duration;

use chrono::TimeDelta;
use mailrota::http::revoke_key;
use serde_json::{Value, json};

use crate::http_world::{Stream, World, account_body, settings};

const EVENTS: &str = "/api/v1/rotation/events";
const RESERVE: &str = "/api/v1/rotation/campaigns/1/reservations";

/// An event as it was told.
struct Told {
    id: u64,
    name: String,
    data: Value,
}

/// The next event; a comment before it is passed over, and not for ever.
fn event(stream: &mut Stream<'_>) -> Told {
    for _ in 0..2 {
        let text = stream.next().expect("the stream goes on");
        if text.starts_with(':') {
            continue;
        }
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
        };
        let data = serde_json::from_str(&field("data: ")).unwrap();
        return Told { id: field("id: ").parse().unwrap(), name: field("event: "), data };
    }
    panic!("nothing but signs of life");
}

/// The names and the data of as many events, without their instants.
fn events(stream: &mut Stream<'_>, n: usize) -> Vec<(String, Value)> {
    let told = (0..n).map(|_| {
        let Told { name, mut data, .. } = event(stream);
        let fields = data.as_object_mut().unwrap();
        assert!(fields.remove("at").unwrap().as_str().unwrap().ends_with('Z'));
        assert_eq!(fields.remove("event").unwrap(), json!(name));
        (name, data)
    });
    told.collect()
}

/// Has something told, and sees that nothing else was before.
fn nothing_else(world: &World, stream: &mut Stream<'_>) {
    let saved = world.ask("POST", "/api/v1/email-accounts/save", &account_body(900));
    let id = saved.json()["emailAccountId"].as_u64().unwrap();
    let deleted = world.ask("DELETE", &format!("/api/v1/email-accounts/{id}"), "");
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    let (name, data) = events(stream, 1).remove(0);
    assert_eq!((name.as_str(), &data["email_account_id"]), ("account_lost", &json!(id)));
}

fn reserve(world: &World, lead: u64) -> Value {
    world.ask("POST", RESERVE, &format!(r#"{{"lead_id":{lead}}}"#)).json()
}

fn send(world: &World, lead: u64) {
    let id = reserve(world, lead)["reservation"]["id"].as_u64().unwrap();
    let path = format!("/api/v1/rotation/reservations/{id}/settle");
    assert_eq!(world.ask("POST", &path, r#"{"outcome":"sent"}"#).status, 200);
}

#[test]
fn each_kind_is_told_once_and_to_its_owner_only() {
    let mut world = World::new();
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    let mut others = world.listen(&world.keys[1], EVENTS, &[]);
    for lead in 0..50 {
        send(&world, lead);
    }
    let day = "2026-11-23";
    let cap = |used: u64| json!({"email_account_id": 1, "day": day, "used": used, "allowance": 50});
    let expected = [("cap_near".to_owned(), cap(45)), ("cap_reached".to_owned(), cap(50))];
    assert_eq!(events(&mut stream, 2), expected);
    assert_eq!(reserve(&world, 100)["answer"], "wait");
    nothing_else(&world, &mut stream);

    let suspend = "/api/v1/email-accounts/suspend/1";
    for _ in 0..2 {
        assert_eq!(world.ask("PUT", suspend, "").status, 200);
    }
    for _ in 0..3 {
        assert_eq!(reserve(&world, 100)["answer"], "unavailable");
    }
    let reasons = json!(["sender_suspended"]);
    let lost = json!({"email_account_id": 1, "reasons": reasons});
    let starved = json!({"campaign_id": 1, "reasons": reasons});
    let expected = [("account_lost".to_owned(), lost), ("campaign_starved".to_owned(), starved)];
    assert_eq!(events(&mut stream, 2), expected);
    nothing_else(&world, &mut stream);

    let feedback = "/api/v1/rotation/email-accounts/1/feedback";
    for (body, code) in [
        (r#"{"is_smtp_success":false,"is_imap_success":true}"#, "smtp_down"),
        (r#"{"reputation":10}"#, "reputation_low"),
    ] {
        let told = world.ask("POST", feedback, body);
        assert_eq!(told.status, 200, "{}", told.body);
        let (name, data) = events(&mut stream, 1).remove(0);
        assert_eq!(name, "account_lost");
        assert!(data["reasons"].as_array().unwrap().contains(&json!(code)), "{data}");
    }
    nothing_else(&world, &mut stream);

    // Another owner hears what is its own, and nothing of all this.
    let key = Some(world.keys[1].as_str());
    let save = "/api/v1/email-accounts/save";
    let saved = world.ask_as(key, "POST", save, &account_body(7), &[]).json();
    let id = saved["emailAccountId"].as_u64().unwrap();
    let path = format!("/api/v1/email-accounts/{id}");
    assert_eq!(world.ask_as(key, "DELETE", &path, "", &[]).status, 200);
    let lost = json!({"email_account_id": id, "reasons": ["deleted"]});
    assert_eq!(events(&mut others, 1), [("account_lost".to_owned(), lost)]);
    drop((stream, others));
    world.pass(TimeDelta::days(1));
}

#[test]
fn a_request_that_asks_too_much_starves_no_campaign() {
    let world = World::new();
    world.set_up(2);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    assert_eq!(world.ask("PUT", "/api/v1/email-accounts/suspend/1", "").status, 200);
    assert_eq!(event(&mut stream).name, "account_lost");
    for body in [
        r#"{"lead_id":1,"exclude_email_account_ids":[2]}"#,
        r#"{"lead_id":1,"email_account_id":1}"#,
    ] {
        assert_eq!(world.ask("POST", RESERVE, body).json()["answer"], "unavailable", "{body}");
    }
    nothing_else(&world, &mut stream);
    // With a batch it is as with one email, and the same campaign is told once.
    assert_eq!(world.ask("PUT", "/api/v1/email-accounts/suspend/2", "").status, 200);
    let names = events(&mut stream, 2).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names, ["account_lost", "campaign_starved"]);
    let body = r#"{"requests":[{"lead_id":1},{"lead_id":2}]}"#;
    let batch = world.ask("POST", &format!("{RESERVE}/batch"), body).json();
    assert_eq!(batch["answers"][1]["answer"], "unavailable");
    nothing_else(&world, &mut stream);
}

#[test]
fn a_stream_goes_on_after_the_last_event_or_says_what_it_missed() {
    let world = World::new();
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    let toggle = |n: u64| {
        for _ in 0..n {
            world.ask("PUT", "/api/v1/email-accounts/suspend/1", "");
            world.ask("DELETE", "/api/v1/email-accounts/unsuspend/1", "");
        }
    };
    // Each time the account is lost its campaign starves.
    toggle(2);
    let ids: Vec<u64> = (0..4).map(|_| event(&mut stream).id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    drop(stream);
    let after = |id: &str| world.listen(&world.keys[0], EVENTS, &[("last-event-id", id)]);
    let mut resumed = after(&ids[1].to_string());
    assert_eq!([event(&mut resumed).id, event(&mut resumed).id], [ids[2], ids[3]]);
    drop(resumed);
    // Nobody else can resume with it: numbers are an owner's own.
    let mut other = world.listen(&world.keys[1], EVENTS, &[("last-event-id", "12")]);
    assert_eq!(event(&mut other).name, "missed");
    for unknown in ["12", "0", "-3", "abc", "99999999999999999"] {
        let mut resumed = after(unknown);
        let missed = event(&mut resumed);
        assert_eq!((missed.name.as_str(), missed.id), ("missed", ids[0] - 1), "{unknown}");
        assert_eq!(event(&mut resumed).id, ids[0], "{unknown}");
    }
    toggle(510);
    let mut resumed = after(&ids[3].to_string());
    let missed = event(&mut resumed);
    assert_eq!(missed.name, "missed");
    let rest: Vec<u64> = (0..1_000).map(|_| event(&mut resumed).id).collect();
    assert_eq!((rest[0], rest[999]), (missed.id + 1, ids[3] + 1_020));
    drop(resumed);
    // After a restart numbers go on, and what was before is not kept.
    let mut world = world.crashed();
    world.pass(TimeDelta::seconds(1));
    let newest = rest[999];
    let world = world.crashed();
    let id = newest.to_string();
    let mut resumed = world.listen(&world.keys[0], EVENTS, &[("last-event-id", &id)]);
    assert_eq!(event(&mut resumed).name, "missed");
    world.ask("PUT", "/api/v1/email-accounts/suspend/1", "");
    assert!(event(&mut resumed).id > newest);
}

#[test]
fn a_reader_that_falls_behind_is_dropped_and_holds_nobody_up() {
    let world = World::new();
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    assert!(stream.next().unwrap().starts_with(':'));
    for _ in 0..600 {
        assert_eq!(world.ask("PUT", "/api/v1/email-accounts/suspend/1", "").status, 200);
        assert_eq!(world.ask("DELETE", "/api/v1/email-accounts/unsuspend/1", "").status, 200);
    }
    assert_eq!(stream.next(), None);
}

#[test]
fn a_silent_stream_gives_signs_of_life_until_its_key_is_revoked() {
    let world = World::with(settings().heartbeat(Duration::from_millis(20)).streams_max(2));
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    let other = world.listen(&world.keys[0], EVENTS, &[]);
    for _ in 0..3 {
        assert!(stream.next().unwrap().starts_with(':'));
    }
    let refused = world.ask("GET", EVENTS, "");
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(refused.headers["x-ratelimit-limit"], "2");
    drop(other);
    let mut another = world.listen(&world.keys[0], EVENTS, &[]);
    revoke_key(world.engine(), 1, world.now).unwrap();
    let mut left = 0;
    while stream.next().is_some() {
        left += 1;
    }
    assert!(left <= 1, "{left} after the key was revoked");
    while another.next().is_some() {}
    assert_eq!(world.ask("GET", EVENTS, "").status, 401);
}

#[test]
fn a_key_that_was_revoked_hears_nothing_that_was_told_before_either() {
    let world = World::new();
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    assert!(stream.next().unwrap().starts_with(':'));
    assert_eq!(world.ask("PUT", "/api/v1/email-accounts/suspend/1", "").status, 200);
    assert_eq!(event(&mut stream).name, "account_lost");
    revoke_key(world.engine(), 1, world.now).unwrap();
    assert_eq!(stream.next(), None);
}

#[test]
fn a_stream_ends_when_the_service_stops_and_holds_up_no_rest() {
    let world = World::new();
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    assert!(stream.next().unwrap().starts_with(':'));
    world.ask("PUT", "/api/v1/email-accounts/suspend/1", "");
    world.service.stop();
    // What was told before the end arrives.
    assert_eq!(event(&mut stream).name, "account_lost");
    assert_eq!(event(&mut stream).name, "campaign_starved");
    assert_eq!(stream.next(), None);
    assert_eq!(world.ask("GET", EVENTS, "").status, 503);
}

#[test]
fn what_could_not_be_written_is_not_told() {
    let world = World::new();
    world.set_up(1);
    let mut stream = world.listen(&world.keys[0], EVENTS, &[]);
    world.disk.fail_writes(Some(mailrota::Fault::Full));
    let refused = world.ask("PUT", "/api/v1/email-accounts/suspend/1", "");
    assert_eq!(refused.status, 503, "{}", refused.body);
    world.make_room();
    nothing_else(&world, &mut stream);
    // It is told once it happens.
    assert_eq!(world.ask("PUT", "/api/v1/email-accounts/suspend/1", "").status, 200);
    assert_eq!(event(&mut stream).name, "account_lost");
}
