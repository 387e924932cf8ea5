//! The text form of facts, which journals are written in: one line of each, compared with a file.
//!
//! A change of the file is a change of the format.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use mailrota::{
    Account, AccountId, Campaign, CampaignId, CivilDay, Connection, Event, Fact, LeadId, Limit,
    Link, Outcome, OwnerId, Pace, Provider, Ramp, Reputation, ReservationId, Schedule, Span,
    Timestamp, Warmup, Weight,
};
use serde_json::{Value, json};

use crate::golden;

fn at() -> Timestamp {
    Timestamp::parse("2026-11-23T09:00:00.125Z").unwrap()
}

fn day() -> CivilDay {
    "2026-11-23".parse().unwrap()
}

fn account() -> Account {
    let holiday = day().plus_days(32);
    let schedule = Schedule::working_days("09:00", "17:30").unwrap().holiday(holiday);
    Account::new(AccountId(456), OwnerId(1), "ana@acme-mail.example")
        .provider(Provider::Google)
        .connection(Connection::new(Link::Verified, Link::broken("535 no")))
        .suspended(true)
        .reputation(Reputation::new(93).unwrap(), at())
        .warmup(Warmup::started(at()).blocked("spam"))
        .zone("Europe/Madrid".parse().unwrap())
        .daily_cap(40)
        .limit(Limit::per_hour(8))
        .spacing(Span::minutes(10))
        .jitter(Span::seconds(90))
        .weight(Weight::new(2).unwrap())
        .schedule(schedule)
        .ramp(Ramp::step(5, 2))
        .pace(Pace::Even)
}

fn campaign() -> Campaign {
    let mut campaign = Campaign::new(CampaignId(7), OwnerId(1)).zone("UTC".parse().unwrap());
    campaign.schedule = Schedule::working_days("08:00", "20:00").unwrap();
    (campaign.daily_cap, campaign.new_lead_cap) = (Some(500), Some(200));
    campaign
}

/// Nobody but an engine makes a grant; this one is read.
fn granted() -> Fact {
    serde_json::from_value(json!({ "reserved": {
        "reservation": 12,
        "campaign": 7,
        "account": 456,
        "request": {
            "lead": 9_001,
            "kind": "new_lead",
            "account": 456,
            "excluded": [457, 458],
            "key": "campaign-7/lead-9001/step-1",
        },
        "ends_at": at().plus(Span::minutes(10)),
        "number": 31,
        "weight": 7_440,
        "days": [day(), day().plus_days(1)],
        "zone_table": "2025b",
        "pace_until": at().plus(Span::minutes(11)),
        "jumped_to": "79228162514264337593543950336",
        "moved_from": 455,
    }}))
    .unwrap()
}

/// One of each, in the order of their names, all fields filled.
fn facts() -> Vec<Fact> {
    let (account_id, campaign_id) = (AccountId(456), CampaignId(7));
    let (reservation, until) = (ReservationId(12), Some(at().plus(Span::hours(1))));
    let accounts = vec![AccountId(455), AccountId(456)];
    vec![
        Fact::AccountDeleted { account: account_id },
        Fact::AccountHeld { account: account_id, until },
        Fact::AccountSet { account: Box::new(account()), weight: 7_440, day: day() },
        Fact::Attached { campaign: campaign_id, accounts: accounts.clone() },
        Fact::Begun { reservation },
        Fact::CampaignDeleted { campaign: campaign_id },
        Fact::CampaignSet { campaign: campaign() },
        Fact::Cancelled { reservation },
        Fact::ClockConfirmed,
        Fact::Detached { campaign: campaign_id, accounts },
        Fact::DomainHeld { owner: OwnerId(1), domain: "acme-mail.example".to_owned(), until },
        Fact::FollowUpsDeclared { account: account_id, day: day(), due: 14 },
        Fact::Lapsed { reservation, day: day() },
        Fact::LeadBound { campaign: campaign_id, lead: LeadId(9_001), account: account_id },
        Fact::Left { campaign: campaign_id, account: account_id, taker: Some(AccountId(455)) },
        granted(),
        Fact::Returned { campaign: campaign_id, accounts: vec![account_id], present: -(1 << 100) },
        Fact::Settled { reservation, outcome: Outcome::Sent, day: Some(day()) },
        Fact::UsageReported { account: account_id, emails: 3, day: day() },
    ]
}

fn event(fact: &Fact) -> Event {
    let event = json!({ "at": at(), "fact": fact });
    serde_json::from_value(event).unwrap()
}

fn name(fact: &Fact) -> String {
    format!("{fact:?}").split(['(', ' ']).next().unwrap().to_owned()
}

/// The names of all facts, as the source declares them.
fn declared() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rotation/state/event.rs");
    let source = fs::read_to_string(path).unwrap();
    let lines = source.lines().skip_while(|line| *line != "pub enum Fact {");
    let lines = lines.take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.split(['(', ' ', ',']).next().unwrap().to_owned()).collect()
}

#[test]
fn facts_are_written_as_before() {
    let facts = facts();
    assert_eq!(facts.iter().map(name).collect::<Vec<_>>(), declared(), "one of each");
    let mut lines = String::new();
    for fact in &facts {
        let text = format!("{fact:?}");
        assert!(!text.contains("None"), "fill every field: {text}");
        let event = event(fact);
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(event, serde_json::from_str(&line).unwrap(), "{line}");
        assert_eq!(event.fact, *fact);
        writeln!(lines, "{line}").unwrap();
    }
    golden::check("facts.json", &lines);
}

/// What is empty is left out, and what was left out is empty.
#[test]
fn what_is_empty_is_not_written() {
    let lines = [
        r#"{"account_held":{"account":1}}"#,
        r#"{"domain_held":{"owner":1,"domain":"acme.example"}}"#,
        r#"{"left":{"campaign":7,"account":1}}"#,
        r#"{"settled":{"reservation":1,"outcome":"deferred"}}"#,
    ];
    for line in lines {
        let fact: Fact = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&fact).unwrap(), line);
    }
    let mut engine = crate::world::engine([crate::world::account(1)]);
    engine.record_events();
    engine.change_account(crate::world::account(1), crate::world::monday()).unwrap();
    let campaign = Campaign::new(CampaignId(2), OwnerId(1));
    engine.add_campaign(campaign, crate::world::monday()).unwrap();
    crate::world::send(&mut engine, crate::world::CAMPAIGN, 1, crate::world::monday());
    let text = serde_json::to_string(&engine.take_events()).unwrap();
    let nothing = [&Value::Null, &json!([])].map(Value::to_string);
    assert!(!nothing.iter().any(|nothing| text.contains(nothing)), "{text}");
}
