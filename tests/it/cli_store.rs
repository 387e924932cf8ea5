//! The commands that look into a store, as a user meets them: over a sound one, a damaged one,
//! none, and something else.
#![cfg(feature = "cli")]

use std::fs;
use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, LeadId, Options, Outcome, OwnerId,
    Request, ReservationId, Span, Weight,
};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::durable_world::Folder;
use crate::golden;
use crate::world::monday;

const CAMPAIGN: CampaignId = CampaignId(7);

/// Runs the program beside the store, with arguments as on a command line.
fn run(folder: &Folder, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailrota"));
    command.current_dir(&folder.0).env_remove("NO_COLOR");
    command.args(line.split_whitespace()).output().unwrap()
}

/// What a run that ends so prints.
fn printed(folder: &Folder, line: &str, code: i32) -> String {
    let output = run(folder, line);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.as_str()), (Some(code), ""), "{line}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of a run that cannot be done.
fn refused(folder: &Folder, line: &str) -> String {
    let output = run(folder, line);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}: {told}");
    assert_eq!(told.matches('\n').count(), 1, "{line}: {told}");
    told
}

fn minute(minutes: i64) -> DateTime<Utc> {
    monday() + TimeDelta::minutes(minutes)
}

/// A morning of three accounts and one campaign, in a file that was closed.
fn morning() -> Folder {
    let folder = Folder::new();
    let engine = DurableEngine::open(folder.store(), &Options::default(), monday()).unwrap();
    let account = |id, address| Account::new(AccountId(id), OwnerId(1), address);
    for account in [
        account(1, "ana@acme.example").daily_cap(3).weight(Weight::new(2).unwrap()),
        account(2, "ben@acme.example").daily_cap(40).spacing(Span::minutes(5)),
        account(3, "eva@acme.example").daily_cap(40),
    ] {
        engine.add_account(account, monday()).unwrap();
    }
    engine.add_campaign(Campaign::new(CAMPAIGN, OwnerId(1)).daily_cap(100), monday()).unwrap();
    let all = [AccountId(1), AccountId(2), AccountId(3)];
    engine.attach(CAMPAIGN, &all, monday()).unwrap();
    let reserve = |request: Request, at: i64| {
        let pick = engine.reserve(CAMPAIGN, &request, minute(at)).unwrap();
        pick.reserved().cloned().unwrap()
    };
    for (lead, at) in [(9001, 1), (9002, 2), (9003, 3), (9004, 4)] {
        let request = Request::new_lead(LeadId(lead)).key(format!("c7/{lead}/1"));
        let reservation = reserve(request, at);
        engine.begin(reservation.id, minute(at)).unwrap();
        let outcome = if lead == 9003 { Outcome::Deferred } else { Outcome::Sent };
        engine.settle(reservation.id, outcome, minute(at)).unwrap();
    }
    engine.hold_account(AccountId(3), Some(minute(60)), minute(5)).unwrap();
    let follow_up = reserve(Request::follow_up(LeadId(9001)), 6);
    engine.cancel(follow_up.id, minute(6)).unwrap();
    // Foreign text, which must not move the cursor.
    reserve(Request::new_lead(LeadId(9005)).key("\u{1b}[2J"), 7);
    engine.tick(minute(240)).unwrap();
    engine.close().unwrap();
    folder
}

fn change(folder: &Folder, sql: &str) {
    let connection = Connection::open(folder.store()).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn a_log_reads_as_it_did() {
    let folder = morning();
    let all = printed(&folder, "log store.db", 0);
    golden::check("store_log.txt", &all);
    // What only names a reservation is found by what that was granted for, and says so.
    golden::check("store_log_account.txt", &printed(&folder, "log store.db --account 3", 0));
    let lapsed = printed(&folder, "log store.db --campaign 7 --lead 9005 --account 2", 0);
    assert!(
        lapsed.contains("reservation 5 (lead 9005 of campaign 7, account 2) lapsed"),
        "{lapsed}"
    );
    let facts = |options: &str| {
        let text = printed(&folder, &format!("log store.db --json {options}"), 0);
        let facts = text.lines().map(|line| serde_json::from_str(line).unwrap());
        facts.collect::<Vec<Value>>()
    };
    assert_eq!(facts("").len(), all.lines().count());
    let begun = json!({"accounts": [2], "campaign": 7, "lead": 9001});
    assert_eq!(facts("")[7]["about"], begun);
    for (n, fact) in facts("").iter().enumerate() {
        assert_eq!(fact["sequence"], json!(n + 1));
        assert!(fact["at"].is_string() && fact["fact"].is_object() | fact["fact"].is_string());
    }
    // Granted, begun, settled; then the follow-up, granted and given back.
    assert_eq!(facts("--lead 9001").len(), 5);
    assert_eq!(facts("--lead 9001 --from 2026-11-23T09:06:00Z").len(), 2);
    assert_eq!(facts("--lead 9001 --to 2026-11-23T09:06:00Z").len(), 3);
    assert_eq!(facts("--lead 9001 --campaign 8"), Vec::<Value>::new());
    let held = facts("--account 3 --from 2026-11-23T09:05:00Z --to 2026-11-23T09:05:01Z");
    assert_eq!(held[0]["fact"]["account_held"]["account"], 3);
}

#[test]
fn the_past_reads_as_it_did() {
    let folder = morning();
    let at = "replay store.db --at 2026-11-23T09:06:30Z";
    golden::check("store_past.txt", &printed(&folder, at, 0));
    golden::check("store_grant.txt", &printed(&folder, "replay store.db --reservation 2", 0));
    let follow_up = printed(&folder, "replay store.db --reservation 4", 0);
    golden::check("store_follow_up.txt", &follow_up);
    let text = printed(&folder, &format!("{at} --reservation 5 --json"), 0);
    let answer: Value = serde_json::from_str(&text).unwrap();
    let ben = &answer["past"]["accounts"][1];
    assert_eq!((&ben["id"], &ben["left"]), (&json!(2), &json!(39)), "{ben}");
    let last = &answer["reservation"];
    assert_eq!(last["by"], "turn");
    assert_eq!(last["this_version_picks"], last["granted"]["account"]);
    let held = last["candidates"].as_array().unwrap().iter().find(|one| one["id"] == 3).unwrap();
    assert_eq!(
        held["blocks"],
        json!([{"reason": "provider_hold", "used": null, "max": null,
                "until": "2026-11-23T10:00:00Z"}])
    );
    assert!(last["later"][0]["fact"]["lapsed"].is_object(), "{last}");
}

/// What the store says of every grant is what the engine answers when it is asked again.
#[test]
fn every_old_pick_is_explained_by_the_pick_itself() {
    let folder = Folder::new();
    let engine = DurableEngine::open(folder.store(), &Options::default(), monday()).unwrap();
    for id in 1..=7 {
        let account = Account::new(AccountId(id), OwnerId(1), "a@b.example").daily_cap(9);
        let account = account.weight(Weight::new(u8::try_from(id).unwrap()).unwrap());
        engine.add_account(account.spacing(Span::minutes(id % 3)), monday()).unwrap();
    }
    engine.add_campaign(Campaign::new(CAMPAIGN, OwnerId(1)), monday()).unwrap();
    let all: Vec<_> = (1..=7).map(AccountId).collect();
    engine.attach(CAMPAIGN, &all, monday()).unwrap();
    let mut granted = Vec::new();
    for lead in 0..50 {
        let now = minute(i64::try_from(lead).unwrap() / 2);
        let pick = engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(lead)), now).unwrap();
        let Some(reservation) = pick.reserved() else { continue };
        engine.settle(reservation.id, Outcome::Sent, now).unwrap();
        granted.push((reservation.id, reservation.account));
        if lead == 20 {
            engine.compact().unwrap();
        }
    }
    assert!(granted.len() > 40, "{}", granted.len());
    for (ReservationId(id), account) in granted.into_iter().step_by(6) {
        let line = format!("replay store.db --json --reservation {id}");
        let answer: Value = serde_json::from_str(&printed(&folder, &line, 0)).unwrap();
        let why = &answer["reservation"];
        assert_eq!(why["this_version_picks"], account.0, "{id}: {why}");
        for (n, one) in why["candidates"].as_array().unwrap().iter().enumerate() {
            let is_ready = one["blocks"].as_array().unwrap().is_empty();
            let turn = if is_ready { json!(n + 1) } else { Value::Null };
            assert_eq!(one["turn"], turn, "{id}: {why}");
        }
    }
}

/// Also where the caller calls it the first email.
#[test]
fn an_email_to_a_lead_that_was_written_to_is_not_told_to_be_a_turn() {
    let folder = morning();
    let engine = DurableEngine::open(folder.store(), &Options::default(), minute(300)).unwrap();
    for (lead, by) in [(9001, "lead"), (9100, "turn")] {
        let request = Request::new_lead(LeadId(lead));
        let pick = engine.reserve(CAMPAIGN, &request, minute(301)).unwrap();
        let reservation = pick.reserved().unwrap().id;
        let line = format!("replay store.db --json --reservation {reservation}");
        let answer: Value = serde_json::from_str(&printed(&folder, &line, 0)).unwrap();
        assert_eq!(answer["reservation"]["by"], by, "{lead}");
    }
}

#[test]
fn a_sound_store_is_called_so() {
    let folder = morning();
    let checked = printed(&folder, "check store.db", 0);
    assert!(checked.starts_with("store.db: sound from fact 1 to "), "{checked}");
    let repaired = printed(&folder, "repair store.db --yes", 0);
    assert_eq!(repaired, format!("{checked}store.db: nothing to repair\n"));
    assert!(!folder.0.join("store.db-damaged").exists());
}

#[test]
fn damage_is_told_before_anything_is_dropped() {
    let folder = morning();
    change(&folder, "update fact set event = replace(event, '2026', '2027') where sequence = 20");
    let before = fs::read(folder.store()).unwrap();
    golden::check("store_damaged.txt", &printed(&folder, "check store.db", 1));
    golden::check("store_repair.txt", &printed(&folder, "repair store.db", 1));
    assert_eq!(fs::read(folder.store()).unwrap(), before, "looking changes nothing");
    assert!(!folder.0.join("store.db-damaged").exists());
    // What is proven is shown, and then why no more is.
    let log = run(&folder, "log store.db");
    let told = String::from_utf8(log.stderr).unwrap();
    assert_eq!((log.status.code(), log.stdout.split(|b| *b == b'\n').count()), (Some(2), 20));
    assert!(told.starts_with("mailrota: store.db is damaged at fact 20: "), "{told}");
    let told = refused(&folder, "replay store.db --at 2026-11-23T12:00:00Z");
    assert!(told.contains("mailrota check store.db"), "{told}");

    golden::check("store_repaired.txt", &printed(&folder, "repair store.db --yes", 0));
    assert_eq!(fs::read(folder.0.join("store.db-damaged")).unwrap(), before);
    assert_eq!(printed(&folder, "check store.db", 0), "store.db: sound from fact 1 to 19\n");
    assert_eq!(printed(&folder, "log store.db", 0).lines().count(), 19);
}

#[cfg(unix)]
#[test]
fn a_repair_through_a_link_says_where_the_old_file_is() {
    let (folder, link) = (morning(), Folder::new());
    change(&folder, "update fact set event = replace(event, '2026', '2027') where sequence = 20");
    std::os::unix::fs::symlink(folder.store(), link.store()).unwrap();
    let told = printed(&link, "repair store.db --yes", 0);
    let kept = fs::canonicalize(&folder.0).unwrap().join("store.db-damaged");
    assert!(told.ends_with(&format!("the old file is kept as {}\n", kept.display())), "{told}");
    assert!(kept.exists());
    assert_eq!(printed(&folder, "check store.db", 0), "store.db: sound from fact 1 to 19\n");
}

#[test]
fn a_store_that_nothing_is_left_of_needs_a_backup() {
    let folder = morning();
    change(&folder, "update part set text = 'x'");
    let output = run(&folder, "repair store.db --yes");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = "mailrota: store.db has nothing to begin a repair with; restore a backup\n";
    assert_eq!(told, said);
    printed(&folder, "check store.db", 1);
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let folder = Folder::new();
    fs::write(folder.0.join("letter.txt"), "Dear Ana, ".repeat(1_000)).unwrap();
    fs::write(folder.0.join("empty.db"), "").unwrap();
    Connection::open(folder.0.join("other.db"))
        .unwrap()
        .execute_batch("create table a (b)")
        .unwrap();
    let at = "--at 2026-11-23T12:00:00Z";
    for command in ["check", "repair", "repair --yes", "log", &format!("replay {at}")] {
        for (file, said) in [
            ("none.db", "cannot read none.db: No such file or directory"),
            (".", "cannot read .: is a directory"),
            ("letter.txt", "letter.txt is no store of mailrota: "),
            ("empty.db", "empty.db is no store of mailrota: "),
            ("other.db", "other.db is no store of mailrota: its application id is 0x00000000"),
        ] {
            let told = refused(&folder, &format!("{command} {file}"));
            assert!(told.starts_with(&format!("mailrota: {said}")), "{command}: {told}");
            assert!(told.contains("; give "), "{command}: {told}");
        }
    }
    let mut left: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["empty.db", "letter.txt", "other.db"]);
}

#[test]
fn a_question_that_has_no_answer_says_what_has() {
    let folder = morning();
    for (line, said) in [
        ("replay store.db --reservation 99", "no kept fact grants reservation 99; mailrota log"),
        ("replay store.db --at 2030-01-01T00:00:00Z", "is too long after the last call, at 2026"),
        ("replay store.db", "were not provided: <--at <INSTANT>|--reservation <N>>"),
        ("log store.db --account ana", "'ana' for '--account <N>'"),
        ("log store.db --from today", "`today` is not an instant; write it as"),
        (
            "log store.db --from 2026-11-23T12:00:00Z --to 2026-11-23T12:00:00Z",
            "--to 2026-11-23T12:00:00Z is not after --from 2026-11-23T12:00:00Z; give a later one",
        ),
    ] {
        let told = refused(&folder, line);
        assert!(told.contains(said), "{line}: {told}");
    }
    // Before everything there was nothing.
    let early = printed(&folder, "replay store.db --at 2020-01-01T00:00:00Z", 0);
    assert!(early.starts_with("0 of 0 accounts ready"), "{early}");
}

/// Whoever looks does not disturb whoever writes, and nobody repairs what is in use.
#[test]
fn a_store_in_use_can_be_looked_at() {
    let folder = morning();
    let engine = DurableEngine::open(folder.store(), &Options::default(), minute(300)).unwrap();
    let pick = engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(9100)), minute(301)).unwrap();
    assert!(pick.reserved().is_some());
    printed(&folder, "check store.db", 0);
    assert!(printed(&folder, "log store.db --lead 9100", 0).contains("lead 9100"));
    change(&folder, "update fact set crc = 1 where sequence = 20");
    let output = run(&folder, "repair store.db --yes");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.starts_with("mailrota: store.db is open for writing elsewhere"), "{told}");
    drop(engine);
}

#[test]
fn help_tells_how_each_ends() {
    let folder = Folder::new();
    for command in ["check", "repair", "log", "replay"] {
        let help = printed(&folder, &format!("{command} --help"), 0);
        assert!(help.contains("Exit code: 0 ") && help.contains("Example"), "{help}");
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{help}");
    }
}
