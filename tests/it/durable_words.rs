//! Every error of a store, in words: what happened, where, and what its reader can do.

use mailrota::{ClockError, Config, JournalError, Span, StoreError, Timestamp};

use crate::golden;

fn errors() -> Vec<StoreError> {
    let at = |text| Timestamp::parse(text).unwrap();
    let place = || "/var/lib/mailrota.db".to_owned();
    let problem = || "input/output error".to_owned();
    let clock = ClockError::TooFarAhead {
        now: at("2031-01-01T00:00:00Z"),
        seen: at("2026-11-23T09:00:00Z"),
        leap_max: Span::days(400),
    };
    let config = Config::default().lead_memory(Span::ZERO).unwrap_err();
    let journal = [
        JournalError::Busy { place: place() },
        JournalError::Damaged {
            place: place(),
            sequence: Some(7),
            problem: "it was changed".into(),
        },
        JournalError::Damaged { place: place(), sequence: None, problem: "it was cut off".into() },
        JournalError::Full { place: place() },
        JournalError::Io { place: place(), problem: problem() },
        JournalError::Locked { place: place() },
        JournalError::Newer { place: place(), found: 9, known: 1 },
        JournalError::NotAStore { place: place(), problem: "another program made it".into() },
        JournalError::SyncFailed { place: place(), problem: problem() },
    ];
    let others = [
        StoreError::Clock(clock),
        StoreError::Closed,
        StoreError::Config(config),
        StoreError::Forgotten { begins_at: Some(at("2026-11-01T00:00:00Z")) },
        StoreError::Forgotten { begins_at: None },
        StoreError::OtherConfig {
            place: place(),
            differs: vec!["seed is 1 there, and 2 was asked for".to_owned()],
        },
        StoreError::Panicked,
        StoreError::Stopped(JournalError::SyncFailed { place: place(), problem: problem() }),
    ];
    journal.into_iter().map(StoreError::Journal).chain(others).collect()
}

#[test]
fn every_error_of_a_store_says_what_to_do() {
    let lines: Vec<String> = errors().iter().map(|error| format!("{error}\n")).collect();
    golden::check("durable_words.txt", &lines.concat());
}
