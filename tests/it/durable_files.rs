//! Stores in files that were damaged, cut off, of another format, or somebody else's: refused, or
//! read as they were, and never believed.

use std::fs;
use std::path::Path;
use std::thread;

use chrono::TimeDelta;
use mailrota::{
    AccountId, DurableEngine, Filter, History, JournalError, LeadId, Options, Outcome, Snapshot,
    Span, StoreError,
};
use rusqlite::Connection;

use crate::durable_world::{Folder, open, reserve, set_up};
use crate::world::monday;

/// What a store must give: the engine's state, and the documents.
#[derive(Clone, Debug, PartialEq)]
struct State(Snapshot, Vec<(String, String)>);

impl State {
    fn of(engine: &DurableEngine) -> Self {
        let names = engine.look(|_, documents| {
            let names = documents.of_kind("name");
            names.map(|(id, text)| (id.to_owned(), text.to_owned())).collect()
        });
        Self(engine.snapshot(), names)
    }
}

fn put(engine: &DurableEngine, id: &str, text: Option<&str>) {
    let put = engine.step(|step| {
        match text {
            Some(text) => step.put("name", id, text.to_owned()),
            None => step.remove("name", id),
        }
        Ok::<(), ()>(())
    });
    put.unwrap();
}

/// The files of a store that is not closed, and one that is, each with the state it must give.
fn stores() -> Vec<(Folder, State)> {
    let open_one = Folder::new();
    // In the smallest pages there are, so that little of the files is empty.
    let small = Connection::open(open_one.store()).unwrap();
    small.execute_batch("pragma page_size = 512; vacuum").unwrap();
    drop(small);
    let engine = open(&open_one).unwrap();
    set_up(&engine, 3);
    put(&engine, "1", Some("Ana"));
    put(&engine, "2", Some("Ben"));
    for lead in 0..8 {
        reserve(&engine, lead);
        if lead == 5 {
            put(&engine, "2", Some("Bea"));
            put(&engine, "3", Some("Eva"));
            put(&engine, "1", None);
        }
        if lead == 3 {
            engine.compact().unwrap();
        }
    }
    let left = copy(&open_one);
    let state = State::of(&engine);
    engine.close().unwrap();
    vec![(left, state.clone()), (open_one, state)]
}

fn copy(folder: &Folder) -> Folder {
    let copy = Folder::new();
    for name in ["store.db", "store.db-wal", "store.db-lock"] {
        let from = folder.0.join(name);
        if from.exists() {
            fs::copy(from, copy.0.join(name)).unwrap();
        }
    }
    copy
}

fn options() -> Options {
    Options::default().snapshot_every(1_000_000)
}

/// Opens a store that something happened to; it is refused or gives the state that it had.
fn refused_or_harmless(folder: &Folder, state: &State, case: &str) -> bool {
    match DurableEngine::open(folder.store(), &options(), monday()) {
        Ok(engine) => {
            assert_eq!(&State::of(&engine), state, "{case}: believed");
            false
        }
        Err(StoreError::Journal(error)) => {
            assert!(!error.is_passing(), "{case}: {error}");
            assert!(error.to_string().contains("store.db"), "{case}: {error}");
            true
        }
        Err(error) => panic!("{case}: {error}"),
    }
}

/// Which of so many cases are tried: all if asked for, else so many spread over them.
fn chosen(cases: usize, few: usize) -> impl Iterator<Item = usize> {
    let all = std::env::var_os("MAILROTA_ALL_FLIPS").is_some();
    let step = if all { 1 } else { (cases / few).max(1) };
    // A step that is odd comes by every bit of a byte.
    (0..cases).step_by(step | 1)
}

/// > Nothing acknowledged is lost: damage is refused, never believed.
#[test]
fn a_flipped_bit_is_refused_or_harmless() {
    for (folder, state) in stores() {
        let mut refused = 0;
        for name in ["store.db", "store.db-wal", "store.db-lock"] {
            let Ok(bytes) = fs::read(folder.0.join(name)) else { continue };
            let bits: Vec<usize> = chosen(bytes.len() * 8, 150).collect();
            println!("{} of {} bits of {name}", bits.len(), bytes.len() * 8);
            let flip = |bits: &[usize]| {
                let flips = bits.iter().filter(|bit| {
                    let (copy, mut bytes) = (copy(&folder), bytes.clone());
                    bytes[*bit / 8] ^= 1 << (*bit % 8);
                    fs::write(copy.0.join(name), bytes).unwrap();
                    refused_or_harmless(&copy, &state, &format!("{name}, bit {bit}"))
                });
                flips.count()
            };
            let flip = &flip;
            let share = bits.len().div_ceil(thread::available_parallelism().unwrap().get()).max(1);
            refused += thread::scope(|scope| {
                let all: Vec<_> =
                    bits.chunks(share).map(|bits| scope.spawn(move || flip(bits))).collect();
                all.into_iter().map(|flips| flips.join().unwrap()).sum::<usize>()
            });
        }
        println!("{refused} refused");
        assert!(refused > 30, "only {refused} refused; the test sees nothing");
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused_or_harmless() {
    for (folder, state) in stores() {
        for name in ["store.db", "store.db-wal", "store.db-lock"] {
            let Ok(bytes) = fs::read(folder.0.join(name)) else { continue };
            for length in chosen(bytes.len(), 60) {
                let copy = copy(&folder);
                fs::write(copy.0.join(name), &bytes[..length]).unwrap();
                let case = format!("{name} with {length} of {} bytes", bytes.len());
                refused_or_harmless(&copy, &state, &case);
            }
            let copy = copy(&folder);
            fs::remove_file(copy.0.join(name)).unwrap();
            let refused = refused_or_harmless(&copy, &state, &format!("no {name}"));
            // An empty log says nothing, and without the note nobody knows of more.
            let says = !bytes.is_empty() && name != "store.db-lock";
            assert_eq!(refused, says, "no {name}");
        }
    }
}

/// A fact changed behind everybody's back: refused, with its number, and repaired up to it.
#[test]
fn a_changed_fact_is_named_and_dropped_only_on_demand() {
    let (folder, _) = stores().pop().unwrap();
    let connection = Connection::open(folder.store()).unwrap();
    let last: i64 =
        connection.query_row("select max(sequence) from fact", [], |r| r.get(0)).unwrap();
    let sql = "update fact set event = replace(event, '2026', '2027') where sequence = ?1";
    connection.execute(sql, [last - 1]).unwrap();
    drop(connection);
    let error = open(&folder).unwrap_err();
    let StoreError::Journal(JournalError::Damaged { sequence, .. }) = &error else {
        panic!("{error}")
    };
    let last = last.cast_unsigned();
    assert_eq!(*sequence, Some(last - 1), "{error}");
    let said = error.to_string();
    assert!(said.contains("mailrota repair") && said.contains("store.db"), "{said}");

    let report = mailrota::check(folder.store()).unwrap();
    assert_eq!((report.end.sequence, report.dropped, report.missing), (last - 2, 2, 0), "{report}");
    assert!(report.to_string().contains("2 facts after that would be dropped"), "{report}");
    assert!(matches!(open(&folder), Err(StoreError::Journal(_))), "looking mends nothing");
    let damaged = fs::read(folder.store()).unwrap();
    assert_eq!(mailrota::repair(folder.store()).unwrap(), report);
    assert_eq!(fs::read(folder.0.join("store.db-damaged")).unwrap(), damaged);
    assert!(mailrota::check(folder.store()).unwrap().is_sound());
    let engine = open(&folder).unwrap();
    // The last two grants are forgotten.
    let sent = |id| engine.standing(AccountId(id), monday()).unwrap().reserved;
    assert_eq!((1..=3).map(sent).sum::<u32>(), 6);
}

/// An older snapshot and the facts since are as good as the newest one.
#[test]
fn a_damaged_snapshot_is_refused_and_repaired_without_loss() {
    let (folder, state) = stores().pop().unwrap();
    let connection = Connection::open(folder.store()).unwrap();
    let sql = "update part set text = replace(text, 'acme', 'umca') || ' ' \
               where snapshot = (select max(sequence) from snapshot)";
    connection.execute(sql, []).unwrap();
    drop(connection);
    assert!(matches!(
        open(&folder),
        Err(StoreError::Journal(JournalError::Damaged { sequence: None, .. }))
    ));
    let report = mailrota::repair(folder.store()).unwrap();
    assert_eq!((report.dropped, report.missing, report.snapshot), (0, 0, Some(0)), "{report}");
    assert_eq!(State::of(&open(&folder).unwrap()), state);
}

/// A document whose row is sound, and which is not the one that was written, or is not there: the
/// store is refused, and kept as it is only on demand.
#[test]
fn a_document_that_is_lost_or_an_old_one_is_noticed() {
    for sql in [
        "delete from document where id = '3'",
        "delete from document",
        "update document set (text, crc) = ('Ben', (select crc from old)) where id = '2'",
        "insert into document select 'name', '1', crc, text from older",
    ] {
        let (folder, state) = stores().pop().unwrap();
        let connection = Connection::open(folder.store()).unwrap();
        // What was there once, with its own check.
        let other = Folder::new();
        let engine = open(&other).unwrap();
        put(&engine, "1", Some("Ana"));
        put(&engine, "2", Some("Ben"));
        drop(engine);
        let path = other.store().display().to_string();
        connection.execute("attach ?1 as other", [path]).unwrap();
        let once = "create temp view old as select crc from other.document where id = '2';
                    create temp view older as select crc, text from other.document where id = '1'";
        connection.execute_batch(once).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
        drop(connection);
        let error = open(&folder).unwrap_err();
        assert!(error.to_string().contains("its documents are not those"), "{sql}: {error}");
        let report = mailrota::check(folder.store()).unwrap();
        assert!(report.problems.len() == 1 && report.dropped == 0, "{sql}: {report}");
        assert!(report.to_string().contains("its documents are not those"), "{sql}: {report}");
        mailrota::repair(folder.store()).unwrap();
        assert!(mailrota::check(folder.store()).unwrap().is_sound(), "{sql}");
        let found = State::of(&open(&folder).unwrap());
        assert_eq!(found.0, state.0, "{sql}");
        assert_ne!(found.1, state.1, "{sql}");
    }
}

/// Looking into a store while somebody writes documents finds nothing wrong.
#[test]
fn a_store_in_use_has_the_documents_that_it_notes() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..300 {
                put(&engine, &(n % 7).to_string(), (n % 5 > 0).then_some("Ana"));
            }
        });
        while !writer.is_finished() {
            let report = mailrota::check(folder.store()).unwrap();
            assert!(report.is_sound(), "{report}");
        }
    });
}

#[test]
fn another_format_or_another_program_is_refused() {
    let (folder, _) = stores().pop().unwrap();
    let set = |sql: &str| Connection::open(folder.store()).unwrap().execute_batch(sql).unwrap();
    set("pragma user_version = 3");
    let newer = open(&folder).unwrap_err();
    assert!(
        matches!(newer, StoreError::Journal(JournalError::Newer { found: 3, known: 2, .. })),
        "{newer}"
    );
    set("pragma user_version = 2; pragma application_id = 7");
    let foreign = open(&folder).unwrap_err();
    assert!(matches!(foreign, StoreError::Journal(JournalError::NotAStore { .. })), "{foreign}");
    let folder = Folder::new();
    fs::write(folder.store(), "Dear Ana, ".repeat(1_000)).unwrap();
    let text = open(&folder).unwrap_err();
    assert!(matches!(text, StoreError::Journal(JournalError::NotAStore { .. })), "{text}");
}

/// A store keeps its size while facts come and go, and starts from the newest snapshot.
#[test]
fn space_is_bounded_and_the_past_is_there_as_long_as_said() {
    let folder = Folder::new();
    let options = Options::default().history(Span::hours(1)).snapshot_every(50);
    let engine = DurableEngine::open(folder.store(), &options, monday()).unwrap();
    set_up(&engine, 2);
    let mut now = monday();
    let mut seen = Vec::new();
    for lead in 0..300 {
        now += TimeDelta::minutes(1);
        let request = mailrota::Request::new_lead(LeadId(lead));
        let pick = engine.reserve(mailrota::CampaignId(1), &request, now).unwrap();
        engine.settle(pick.reserved().unwrap().id, Outcome::Sent, now).unwrap();
        seen.push((now, engine.snapshot()));
        if lead % 25 == 24 {
            engine.compact().unwrap();
        }
    }
    assert_eq!(engine.trouble(), None);
    let count = |table: &str| -> i64 {
        let connection = Connection::open(folder.store()).unwrap();
        connection.query_row(&format!("select count(*) from {table}"), [], |r| r.get(0)).unwrap()
    };
    assert!(count("fact") < 250 && count("snapshot") < 7, "{} facts", count("fact"));
    let mut history = History::open(folder.store()).unwrap();
    for (at, state) in seen.iter().rev().take(60) {
        assert_eq!(&history.engine_at(*at).unwrap().snapshot(), state, "{at}");
    }
    let old = history.engine_at(monday()).unwrap_err();
    assert!(matches!(old, StoreError::Forgotten { begins_at: Some(_) }), "{old}");
    let mut about = 0;
    let filter = Filter::new().lead(LeadId(290));
    let kept = history.facts(&filter, |_, _, _| {
        about += 1;
        true
    });
    assert_eq!((kept, about), (Ok(()), 2), "granted and settled");
    drop(engine);
    assert_eq!(DurableEngine::open(folder.store(), &options, now).unwrap().snapshot(), seen[299].1);
    let size = Path::new(&folder.store()).metadata().unwrap().len();
    assert!(size < 2_000_000, "{size}");
}
