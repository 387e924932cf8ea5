//! What the service counts: the text obeys its form, the counters move, and no owner shows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::http_world::{World, settings};

const RESERVE: &str = "/api/v1/rotation/campaigns/1/reservations";

/// Every sample of the text by its name and labels, after the text was held against the rules of
/// its form: each family is described once, before its samples, which stand together. Of a value
/// only what is before the point is looked at.
fn samples(world: &World) -> BTreeMap<String, u64> {
    let answer = world.ask_as(None, "GET", "/metrics", "", &[]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let form = answer.headers["content-type"].to_str().unwrap();
    assert!(form.starts_with("application/openmetrics-text; version=1.0.0"), "{form}");
    let text = answer.body.strip_suffix("# EOF\n").expect("it ends with # EOF");
    let (mut families, mut found) = (BTreeMap::new(), BTreeMap::new());
    let mut family = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                assert!(!families.contains_key(name) && !help.is_empty(), "{line}");
                name.clone_into(&mut family);
            }
            ["#", "TYPE", name, kind] => {
                assert_eq!(name, family, "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                families.insert(name.to_owned(), kind.to_owned());
            }
            ["#", "UNIT", name, unit] => {
                assert!(name == family && name.ends_with(&format!("_{unit}")), "{line}");
            }
            _ => {
                let (series, value) = line.rsplit_once(' ').expect(line);
                let name = series.split('{').next().unwrap();
                let suffixes: &[&str] = match families[&family].as_str() {
                    "counter" => &["_total"],
                    "histogram" => &["_bucket", "_count", "_sum"],
                    _ => &[""],
                };
                let is_own = |suffix: &&str| name == format!("{family}{suffix}");
                assert!(suffixes.iter().any(is_own), "{line} in {family}");
                labels(series);
                value.parse::<f64>().expect(line);
                let whole = value.split('.').next().unwrap();
                let value = whole.parse().expect(line);
                assert_eq!(found.insert(series.to_owned(), value), None, "{line} twice");
            }
        }
    }
    assert!(families.len() >= 13, "{families:?}");
    found
}

/// The names of a series' labels.
fn labels(series: &str) -> BTreeSet<String> {
    let Some((_, labels)) = series.split_once('{') else { return BTreeSet::new() };
    let labels = labels.strip_suffix('}').expect(series);
    let names = labels.split("\",").map(|label| {
        let (name, value) = label.split_once("=\"").expect(series);
        assert!(!value.trim_end_matches('"').contains('"'), "{series}");
        name.to_owned()
    });
    names.collect()
}

fn reserve(world: &World, body: &str) -> Option<u64> {
    world.ask("POST", RESERVE, body).json()["reservation"]["id"].as_u64()
}

fn end(world: &World, id: u64, how: &str, body: &str) {
    let path = format!("/api/v1/rotation/reservations/{id}/{how}");
    assert_eq!(world.ask("POST", &path, body).status, 200);
}

#[test]
fn turns_calls_and_writes_are_counted() {
    let mut world = World::new();
    world.set_up(2);
    let before = samples(&world);
    assert_eq!(before["mailrota_reserved_total"], 0);
    assert_eq!(before["mailrota_headroom"], 100);
    for (lead, outcome) in (0..4).zip(["sent", "sent", "deferred", "unknown"]) {
        let id = reserve(&world, &format!(r#"{{"lead_id":{lead}}}"#)).unwrap();
        end(&world, id, "settle", &format!(r#"{{"outcome":"{outcome}"}}"#));
    }
    let id = reserve(&world, r#"{"lead_id":10}"#).unwrap();
    end(&world, id, "cancel", "");
    reserve(&world, r#"{"lead_id":11}"#).unwrap();
    world.pass(TimeDelta::hours(2));
    // A call that takes the clock in finds that one lapsed.
    world.ask("PUT", "/api/v1/email-accounts/suspend/1", "");
    assert_eq!(reserve(&world, r#"{"lead_id":12,"email_account_id":1}"#), None);
    world.ask("DELETE", "/api/v1/email-accounts/unsuspend/1", "");
    let report = r#"{"sent_elsewhere":50}"#;
    for id in [1, 2] {
        let path = format!("/api/v1/rotation/email-accounts/{id}/feedback");
        assert_eq!(world.ask("POST", &path, report).status, 200);
    }
    assert_eq!(reserve(&world, r#"{"lead_id":13}"#), None);
    assert_eq!(world.ask("GET", "/api/v1/nowhere/at/all", "").status, 404);
    let after = samples(&world);
    for (series, expected) in [
        ("mailrota_reserved_total", 6),
        ("mailrota_settled_total{outcome=\"sent\"}", 2),
        ("mailrota_settled_total{outcome=\"deferred\"}", 1),
        ("mailrota_settled_total{outcome=\"unknown\"}", 1),
        ("mailrota_cancelled_total", 1),
        ("mailrota_lapsed_total", 1),
        ("mailrota_unavailable_total", 1),
        ("mailrota_waits_total{reason=\"daily_cap\"}", 1),
        ("mailrota_headroom", 0),
        ("mailrota_event_streams", 0),
    ] {
        let found = after.get(series);
        assert_eq!(found, Some(&expected), "{series}");
    }
    let settle = "/api/v1/rotation/reservations/{reservation_id}/settle";
    let calls = format!(
        "mailrota_http_requests_total{{method=\"POST\",route=\"{settle}\",status=\"200\"}}"
    );
    assert_eq!(after[&calls], 4);
    let took = format!("mailrota_http_request_seconds_count{{route=\"{settle}\"}}");
    assert_eq!(after[&took], 4);
    let lost = "mailrota_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"}";
    assert_eq!(after[lost], 1);
    let writes = |samples: &BTreeMap<String, u64>| samples["mailrota_sync_seconds_count"];
    assert!(writes(&after) >= writes(&before) + 13, "{} writes", writes(&after));
    assert_eq!(after["mailrota_batch_facts_count"], writes(&after));
    assert!(after["mailrota_batch_calls_sum"] >= writes(&after));
}

/// Labels come from a list that is known beforehand, and no path, id or key is in one.
#[test]
fn no_label_grows_with_what_callers_send() {
    let world = World::new();
    world.set_up(1);
    samples(&world);
    let names = |samples: &BTreeMap<String, u64>| samples.keys().cloned().collect::<BTreeSet<_>>();
    for n in [3_u64, 77_777] {
        for path in ["/api/v1/campaigns/77777", "/77777", "/api/v1/email-accounts/77777?x=77777"] {
            world.ask("GET", &path.replace("77777", &n.to_string()), "");
            world.ask("BREW", &path.replace("77777", &n.to_string()), "");
        }
    }
    let once = names(&samples(&world));
    for n in 0..50 {
        world.ask("GET", &format!("/api/v1/campaigns/{n}77777"), "");
        world.ask("GET", &format!("/{n}77777"), "");
        world.ask(&format!("BREW{n}"), "/77777", "");
    }
    assert_eq!(names(&samples(&world)), once);
    let allowed = ["le", "method", "outcome", "reason", "route", "status"];
    for series in &once {
        assert!(labels(series).iter().all(|name| allowed.contains(&name.as_str())), "{series}");
        assert!(!series.contains("77777") && !series.contains("acme"), "{series}");
    }
}

#[test]
fn metrics_may_be_off() {
    let world = World::with(settings().metrics(false));
    world.set_up(1);
    assert_eq!(world.ask_as(None, "GET", "/metrics", "", &[]).status, 404);
}
