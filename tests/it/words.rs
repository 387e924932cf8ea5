//! The face in words: one line is one command, and what follows `|` is its answer.
//!
//! ```text
//! account 1 cap=2 spacing=5m     | ok
//! attach 1 1                     | changed 1
//! reserve 1 new 7                | r0 from 1 until 2026-11-23T09:10:00Z
//! ```
//!
//! A line that begins with `|` goes on with the answer above it; `#` says why. Together the tables
//! meet every reason, every finding and every error of the crate. `UPDATE_GOLDEN=1` writes the
//! answers anew, to be read before they are kept.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mailrota::Reason;

use crate::words_runner::Runner;

macro_rules! tables {
    ($($name:ident)*) => {
        const TABLES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check(stringify!($name)); })*
    };
}

tables! {
    accounts
    attach
    begin
    campaigns
    clock
    detach
    keys
    leads
    limits
    ramps
    reasons
    reserve
    settings
    settle
    shards
    snapshot
}

fn path(table: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/words/{table}.txt"))
}

/// Commands with their expected answers; what is no command stands as it is.
enum Line {
    Text(String),
    Command(String, Vec<String>),
}

fn parse(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let (command, answer) = match line.split_once('|') {
            Some((command, answer)) => (command.trim(), Some(answer.trim().to_owned())),
            None => (line.trim(), None),
        };
        match lines.last_mut() {
            _ if command.starts_with('#') => lines.push(Line::Text(line.to_owned())),
            Some(Line::Command(_, answers)) if command.is_empty() && answer.is_some() => {
                answers.extend(answer);
            }
            _ if command.is_empty() => lines.push(Line::Text(String::new())),
            _ => lines.push(Line::Command(command.to_owned(), answer.into_iter().collect())),
        }
    }
    lines
}

/// Runs a table and returns it with the answers that came, and the codes among them.
fn run(table: &str, text: &str) -> (String, BTreeSet<String>) {
    let lines = parse(text);
    let width = |line: &Line| match line {
        Line::Command(command, _) => command.len(),
        Line::Text(_) => 0,
    };
    let width = lines.iter().map(width).max().unwrap();
    let mut runner = Runner::new();
    let mut now = String::new();
    for line in &lines {
        match line {
            Line::Text(text) => writeln!(now, "{text}").unwrap(),
            Line::Command(command, _) => {
                let answers = runner.run(command);
                let first = answers.first().map_or("", String::as_str);
                let line = if first.is_empty() {
                    command.clone()
                } else {
                    format!("{command:width$} | {first}")
                };
                writeln!(now, "{line}").unwrap();
                for answer in answers.iter().skip(1) {
                    writeln!(now, "{:width$} | {answer}", "").unwrap();
                }
            }
        }
    }
    runner.check_history();
    assert!(!runner.codes.is_empty(), "{table}: nothing was ever refused or held");
    (now, runner.codes)
}

/// The one door: every answer of a table is the one that stands in it.
fn check(table: &str) {
    let text = fs::read_to_string(path(table)).unwrap();
    let (now, _) = run(table, &text);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path(table), now).unwrap();
        return;
    }
    for (n, (expected, now)) in text.lines().zip(now.lines()).enumerate() {
        assert_eq!(now, expected, "tests/it/words/{table}.txt:{}", n + 1);
    }
    assert_eq!(now.lines().count(), text.lines().count(), "{table}: answers are missing");
}

/// The codes of all errors and findings, as the sources declare them.
fn declared(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What disks and strangers' files do wrong has tables of its own.
            if !["http", "import", "store"].iter().any(|floor| path.ends_with(floor)) {
                declared(&path, codes);
            }
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut inside: Option<String> = None;
        for line in text.lines() {
            let name =
                |rest: &str| rest.split([' ', '(', ',', '{', ';']).next().unwrap().to_owned();
            if let Some(found) = line.strip_prefix("pub enum ").map(name) {
                inside = Some(found).filter(|n| n.ends_with("Error") || n == "Finding");
            } else if let Some(found) = line.strip_prefix("pub struct ").map(name) {
                codes.extend(Some(found).filter(|n| n.ends_with("Error")));
            } else if line == "}" {
                inside = None;
            }
            let variant = line.strip_prefix("    ").filter(|v| v.starts_with(char::is_uppercase));
            if let (Some(inside), Some(variant)) = (&inside, variant.map(name)) {
                let variant = if inside == "Finding" { snake(&variant) } else { variant };
                codes.insert(format!("{inside}.{variant}"));
            }
        }
    }
}

fn snake(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[test]
fn every_code_is_in_a_table() {
    let mut codes: BTreeSet<String> =
        Reason::ALL.iter().map(|reason| format!("Reason.{}", reason.code())).collect();
    declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut codes);
    for known in ["AccountError.LastSender", "AmountError", "Finding.smtp_failed", "Reason.holiday"]
    {
        assert!(codes.contains(known), "{known} was not found in the sources");
    }
    for table in TABLES {
        let text = fs::read_to_string(path(table)).unwrap();
        for met in run(table, &text).1 {
            codes.remove(&met);
        }
    }
    assert!(codes.is_empty(), "no table meets these; add a line for each: {codes:#?}");
}
