//! The command line as a user meets it: what it prints, where, and how it ends.
#![cfg(feature = "cli")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use mailrota::Timestamp;
use serde_json::{Value, json};

use crate::golden;

const ACCOUNTS: &str = "examples/data/smartlead-accounts.json";
const INSTANTLY: &str = "examples/data/instantly-accounts.json";
/// A Monday.
const START: &str = "2026-11-23T09:00:00Z";

/// Runs the program with arguments that are written as on a command line.
fn run(line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailrota"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR");
    command.args(line.split_whitespace()).output().unwrap()
}

/// What a run that ends so prints.
fn printed(line: &str, code: i32) -> String {
    let output = run(line);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.as_str()), (Some(code), ""), "{line}");
    String::from_utf8(output.stdout).unwrap()
}

fn plan(file: &str, options: &str) -> String {
    printed(&format!("plan {file} --start {START} --color never {options}"), 0)
}

fn plan_json(file: &str, options: &str) -> Value {
    serde_json::from_str(&plan(file, &format!("--json {options}"))).unwrap()
}

/// A file of this test's own.
fn scratch(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

fn at(value: &Value) -> u64 {
    u64::try_from(Timestamp::parse(value.as_str().unwrap()).unwrap().unix_ms()).unwrap()
}

#[test]
fn a_plan_reads_as_it_did() {
    golden::check("plan.txt", &plan(ACCOUNTS, "--emails 5000"));
    golden::check("plan_narrow.txt", &plan(INSTANTLY, "--emails 300 --width 80"));
    golden::check("plan.json", &plan(INSTANTLY, "--emails 300 --json"));
    let office = "--zone Europe/Madrid --window 09:00-13:00 --window 14:30-18:00 --days mon-fri \
                  --holiday 2026-11-25 --pace even --jitter 2 --daily-cap 200 --ramp 5+5 \
                  --limit 8/h --emails 1000 --width 120";
    golden::check("plan_office.txt", &plan(ACCOUNTS, office));
}

#[test]
fn a_standing_reads_as_it_did() {
    let options = "--emails 200 --window 09:00-17:00 --color never";
    let line = format!("explain {ACCOUNTS} --start {START} --at 2026-11-23T16:55:00Z {options}");
    golden::check("explain.txt", &printed(&line, 0));
    let answer: Value = serde_json::from_str(&printed(&format!("{line} --json"), 0)).unwrap();
    assert_eq!(answer["sent"], 200);
    let elif = &answer["accounts"][4];
    assert_eq!(
        (&elif["id"], &elif["ready"], &elif["sent"]),
        (&json!(460), &json!(false), &json!(30))
    );
    let block =
        json!({"reason": "daily_cap", "used": 30, "max": 30, "until": "2026-11-24T00:00:00Z"});
    assert_eq!(elif["blocks"], json!([block]));
}

#[test]
fn the_example_list_is_attached_as_it_should_be() {
    let plan = plan_json(ACCOUNTS, "--emails 50");
    let codes = |noted: &str| {
        let noted = plan[noted].as_array().unwrap().iter().map(|one| {
            let codes = one["findings"].as_array().unwrap().iter();
            let codes: Vec<_> = codes.map(|finding| finding["code"].as_str().unwrap()).collect();
            format!("{} {}", one["id"], codes.join("+"))
        });
        noted.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        codes("refused"),
        "470 warmup_reputation_too_low, 471 warmup_reputation_too_low, 472 smtp_failed, \
         473 imap_failed, 474 suspended, 475 reputation_unknown, 476 warmup_blocked"
    );
    assert_eq!(codes("warnings"), "477 no_daily_capacity");
}

/// Options that bring every kind of limit into a plan, alone and together.
const KINDS: [&str; 8] = [
    "--emails 900",
    "--emails 900 --zone America/St_Johns --window 22:00-02:00",
    "--emails 400 --window 09:00-17:00 --days mon,thu --holiday 2026-11-26 --jitter 90s",
    "--emails 400 --daily-cap 60 --spacing 0",
    "--emails 400 --new-leads 90 --window 08:00-12:00",
    "--emails 400 --ramp 2+1 --pace even",
    "--emails 600 --limit 5/h --limit 100/7d",
    "--emails 300 --account-cap 7 --limit 1/2m --daily-cap 45 --zone Asia/Kolkata",
];

/// An account that may send does, so something holds it for every second in which it does not.
#[test]
fn all_time_is_held_by_something() {
    for options in KINDS {
        let plan = plan_json(ACCOUNTS, options);
        let length = (at(&plan["finished_at"]) - at(&plan["start"])) / 1_000;
        for account in plan["accounts"].as_array().unwrap() {
            let held = account["held"].as_array().unwrap();
            let sum: u64 = held.iter().map(|held| held["seconds"].as_u64().unwrap()).sum();
            // Each length is rounded down to a second.
            let least = length.saturating_sub(held.len() as u64);
            assert!((least..=length).contains(&sum), "{options}: {sum} of {length}: {account}");
        }
    }
}

#[test]
fn sums_agree_and_a_plan_repeats() {
    for options in KINDS {
        let plan = plan_json(ACCOUNTS, options);
        let sum = |list: &str, field: &str| -> u64 {
            let list = plan[list].as_array().unwrap();
            list.iter().map(|one| one[field].as_u64().unwrap()).sum()
        };
        let emails = plan["emails"].as_u64().unwrap();
        assert_eq!((sum("accounts", "sent"), sum("days", "emails")), (emails, emails), "{options}");
        assert_eq!(plan_json(ACCOUNTS, options), plan, "{options}");
        for cost in plan["costs"].as_array().unwrap() {
            let saved = at(&plan["finished_at"]) - at(&cost["finished_at"]);
            assert_eq!(cost["saves_seconds"], saved / 1_000, "{options}: {cost}");
        }
    }
}

#[test]
fn the_dearest_limit_is_the_one_that_binds() {
    for (options, dearest) in [
        ("--emails 2000", "daily_caps"),
        ("--emails 2000 --daily-cap 40", "campaign_caps"),
        ("--emails 2000 --account-cap 1000 --spacing 30", "spacing"),
        ("--emails 500 --account-cap 1000 --spacing 1 --days tue --window 09:00-09:30", "windows"),
        ("--emails 500 --limit 3/24h", "rolling_limits"),
        ("--emails 900 --ramp 1+1", "ramp"),
    ] {
        let plan = plan_json(ACCOUNTS, options);
        assert_eq!(plan["costs_most"], dearest, "{options}: {}", plan["costs"]);
    }
}

#[test]
fn what_can_never_go_is_told() {
    for (options, sent, told) in [
        ("--account-cap 0", 0, "0 of 1,000 emails can go; the daily cap is used up (9 accounts)."),
        ("--new-leads 0", 0, "the campaign's cap of new leads is used up"),
        ("--limit 0/1h", 0, "the limit per hour is used up (9 accounts)"),
    ] {
        let line = format!("plan {ACCOUNTS} --start {START} {options}");
        let text = printed(&line, 1).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Never finished: ") && text.contains(told), "{options}: {text}");
        let plan: Value = serde_json::from_str(&printed(&format!("{line} --json"), 1)).unwrap();
        assert_eq!(
            (&plan["sent"], &plan["finished_at"]),
            (&json!(sent), &Value::Null),
            "{options}"
        );
    }
}

#[test]
fn a_plan_ends_with_the_last_year() {
    for (start, emails, sent) in
        [("9999-12-31T23:59:00Z", 20, 7), ("9999-12-31T23:59:59.999Z", 20, 0), (START, 9, 9)]
    {
        let line = format!("plan {ACCOUNTS} --start {start} --emails {emails} --width 120");
        let text = printed(&line, i32::from(sent < emails));
        let told = format!("{sent} of {emails} emails can go; the rest would go after the year");
        assert_eq!(text.contains(&told), sent < emails, "{text}");
    }
}

#[test]
fn bad_input_is_one_line_and_code_2() {
    let empty = scratch("empty.json", "[]");
    let empty = empty.to_str().unwrap();
    for (line, told) in [
        ("", "give a command, such as plan, serve or log; see mailrota --help"),
        ("plan", "the following required arguments were not provided: <ACCOUNTS>"),
        ("expain x", "unrecognized subcommand 'expain'"),
        ("plan none.json", "cannot read none.json: No such file or directory"),
        ("plan src", "cannot read src: Is a directory"),
        ("plan LICENSE-MIT", "LICENSE-MIT: line 1 column 1 is not JSON"),
        (&format!("plan {empty}"), "empty.json: the list has no accounts"),
        ("plan A --emails 0", "'0' for '--emails <N>': give a whole number from 1 to 2000000"),
        ("plan A --emails many", "'many' for '--emails <N>': give a whole number from 1 to 2000"),
        ("plan A --emails -1", "'-1' for '--emails <N>': give a whole number from 1 to 2000000"),
        ("explain A --emails -1", "'-1' for '--emails <N>': give a whole number from 0 to 2000"),
        ("plan A --top -1", "'-1' for '--top <N>': give a whole number from 0"),
        ("plan A --width wide", "'wide' for '--width <N>': give a whole number from 60 to 400"),
        ("explain A --width 59", "'59' for '--width <N>': give a whole number from 60 to 400"),
        ("replay x --at 2026-11-23T09:00:00Z --width 401", "give a whole number from 60 to 400"),
        ("plan A --daily-cap -1", "'-1' for '--daily-cap <N>': give a whole number from 0 to 429"),
        ("plan A --zone Mars", "`Mars` is not an IANA time zone; write it as Europe/Madrid"),
        ("plan A --start monday", "`monday` is not an instant; write it as 2026-11-20T09:00:00Z"),
        ("plan A --start 2026-11-23", "`2026-11-23` is not an instant"),
        ("plan A --window 9-17", "`9` is not a time of day; write it as 09:00"),
        ("plan A --window 09:00", "`09:00` is not a range; write 09:00-17:00"),
        ("plan A --window 24:00-01:00", "minute 1440 is not in the day; start at 00:00 to 23:59 ("),
        ("plan A --days someday", "`someday` are not days; write mon-fri, or mon,wed,sat"),
        ("plan A --holiday 2026-02-30", "`2026-02-30` is not a date; write it as 2026-12-25"),
        ("plan A --spacing soon", "`soon` is not a length of time; write 10 (minutes), 90s"),
        ("plan A --spacing 40d", "for '--spacing <SPAN>': `40d` is too long; give at most 31 d"),
        ("plan A --jitter 99999999999999d", "`99999999999999d` is too long; give at most 31 d"),
        ("plan A --spacing -1", "'-1' for '--spacing <SPAN>': `-1` is not a length of time"),
        ("plan A --limit 30", "`30` is not a rolling limit; write 30/1m, 100/h or 500/24h"),
        ("plan A --limit 1/40d", "a window of 40 d is out of range; give 1 s to 31 d"),
        ("plan A --ramp up", "`up` is not a ramp; write 5+2, 10x150% or 10,20,40"),
        ("plan A --pace slow", "'slow' for '--pace <PACE>' [possible values: asap, even]"),
        ("plan A --windw 1", "unexpected argument '--windw' found; a similar argument exists"),
        ("plan A --json x.json", "unexpected argument 'x.json' found"),
        ("plan A --emails 1 --html none/x.html", "cannot write none/x.html: No such file"),
        ("plan A --emails 1 --svg - --json", "only one of --html, --svg and --json can go to the"),
        ("explain A --at 2026-01-01T00:00:00Z", "--at 2026-01-01T00:00:00Z is before the start"),
        ("explain A --at 2029-01-01T00:00:00Z", "is more than 400 d after the start"),
        ("serve --rate 0", "'0' for '--rate <N>': give a whole number from 1 to 4294967295"),
        ("serve --burst x", "'x' for '--burst <N>': give a whole number from 1 to 4294967295"),
        ("serve --connections -1", "'-1' for '--connections <N>': give a whole number from 1"),
        ("serve --listen 8025", "`8025` is not an address with a port; write 127.0.0.1:8025"),
        ("serve --listen ::1", "`::1` is not an address with a port; write 127.0.0.1:8025, [::1]"),
        ("serve --listen a:99999", "`a:99999` is not an address with a port"),
        ("serve --listen no.such.invalid:1", "cannot listen on no.such.invalid:1: "),
    ] {
        let mut line = line.replace(" A ", &format!(" {ACCOUNTS} "));
        if line.contains(ACCOUNTS) && !line.contains("--start") {
            line.push_str(" --start ");
            line.push_str(START);
        }
        let output = run(&line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {stderr}");
        assert!(output.stdout.is_empty(), "{line}");
        assert_eq!(stderr.matches('\n').count(), 1, "{line}: {stderr}");
        assert!(stderr.starts_with("mailrota: ") && stderr.contains(told), "{line}: {stderr}");
    }
}

#[test]
fn each_wrong_field_of_a_list_has_a_line() {
    let output = run("plan tests/it/golden/import_wrong.json");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let wrong = include_str!("golden/import_wrong.txt");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr.lines().count(), wrong.lines().count());
    for (told, wrong) in stderr.lines().zip(wrong.lines()) {
        assert_eq!(told, format!("mailrota: tests/it/golden/import_wrong.json: {wrong}"));
    }
}

#[test]
fn foreign_text_stays_text() {
    let script = "\"<script>alert(1)</script>\"@x.example";
    let words = "<img src=x onerror=alert(2)>\u{1b}[2J & \u{202e}gnorw";
    let account = |id: u64, address: &str, works: bool| {
        json!({"id": id, "from_email": address, "message_per_day": 5, "is_smtp_success": works,
               "is_imap_success": true, "smtp_failure_error": words,
               "warmup_details": {"warmup_reputation": 99}})
    };
    let list = json!([account(1, script, true), account(2, "b@x.example", false)]);
    let list = scratch("foreign.json", &list.to_string());
    let list = list.to_str().unwrap();
    let text = plan(list, "--emails 5 --width 120");
    assert!(text.contains(script) && text.contains("<img src=x onerror=alert(2)>\u{fffd}[2J &"));
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    for option in ["--html=-", "--svg=-"] {
        let page = plan(list, &format!("--emails 5 {option}"));
        for tag in ["<script", "<img", "\u{1b}", "\u{202e}"] {
            assert!(!page.contains(tag), "{option}: {tag} in {page}");
        }
        assert!(page.contains("&quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;@x.example"));
    }
    let page = plan(list, "--emails 5 --html=-");
    assert!(page.contains("&lt;img src=x onerror=alert(2)&gt;"));
    let raw = plan_json(list, "--emails 5");
    assert_eq!(raw["accounts"][0]["address"], script);
}

/// The page fetches nothing and runs nothing; its tags and those of the picture are in pairs.
#[test]
fn pages_stand_alone() {
    for option in ["--html=-", "--svg=-"] {
        let page = plan(ACCOUNTS, &format!("--emails 900 {option}"));
        for foreign in ["<script", "<link", "url(", "src=", "href=", "@import"] {
            assert!(!page.contains(foreign), "{option}: {foreign}");
        }
        for tag in ["svg", "g", "style", "text", "title", "table", "section", "main", "dl", "ol"] {
            let opened = [" ", ">"].map(|end| page.matches(&format!("<{tag}{end}")).count());
            let closed = page.matches(&format!("</{tag}>")).count();
            assert_eq!(opened.iter().sum::<usize>(), closed, "{option}: {tag}");
        }
    }
}

#[test]
fn lines_fit_the_width() {
    let long = format!("{}@{}.example", "a".repeat(60), "b".repeat(100));
    let list = json!([{"id": 1, "from_email": long, "message_per_day": 5, "is_smtp_success": false,
                       "is_imap_success": true, "smtp_failure_error": "w ".repeat(300),
                       "warmup_details": {"warmup_reputation": 9}},
                      {"id": 2, "from_email": format!("c{long}"), "message_per_day": 5000,
                       "is_smtp_success": true, "is_imap_success": true,
                       "warmup_details": {"warmup_reputation": 90}}]);
    let list = scratch("long.json", &list.to_string());
    for file in [ACCOUNTS, INSTANTLY, list.to_str().unwrap()] {
        for width in [60, 76, 80, 96, 100, 160] {
            for options in ["--emails 800", "--emails 90 --window 09:00-17:00 --top 3"] {
                let text = plan(file, &format!("{options} --width {width}"));
                let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
                assert!(widest.chars().count() <= width, "{file} in {width}: {widest}");
            }
        }
    }
}

#[test]
fn colours_and_streams_are_as_asked() {
    let coloured = |options: &str| {
        let line = format!("plan {ACCOUNTS} --start {START} --emails 10 {options}");
        printed(&line, 0).contains('\u{1b}')
    };
    assert!(!coloured(""));
    assert!(!coloured("--color never"));
    assert!(coloured("--color always"));
    let file = scratch("plan.json", "");
    let text = plan(ACCOUNTS, &format!("--emails 10 --json={}", file.display()));
    assert!(text.starts_with("A plan for 10 emails"));
    let written: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(written, plan_json(ACCOUNTS, "--emails 10"));
}

#[test]
fn help_tells_how_it_ends() {
    for (line, words) in
        [("--help", "plan"), ("plan --help", "Exit code: 0"), ("explain -h", "--at")]
    {
        assert!(printed(line, 0).contains(words), "{line}");
    }
    assert!(printed("--version", 0).starts_with("mailrota "));
}
