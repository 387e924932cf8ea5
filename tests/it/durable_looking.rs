//! Looking at a store while somebody writes it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mailrota::{
    Document, DurableEngine, Filter, Head, History, Journal, JournalError, LeadId, MemoryDisk,
    MemoryJournal, Options, Reader, Record, Span, inspect,
};

use crate::durable_world::{Folder, reserve, set_up};
use crate::world::monday;

/// A reader beside which a fact is written right after the documents were read.
#[derive(Debug)]
struct Beside(Box<dyn Reader>, DurableEngine);

impl Reader for Beside {
    fn snapshots(&mut self) -> Result<Vec<Head>, JournalError> {
        self.0.snapshots()
    }

    fn unfinished(&mut self) -> Result<Vec<u64>, JournalError> {
        self.0.unfinished()
    }

    fn part(&mut self, snapshot: u64, part: u32) -> Result<Option<String>, JournalError> {
        self.0.part(snapshot, part)
    }

    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, JournalError> {
        self.0.records(after, most)
    }

    fn documents(&mut self) -> Result<(Vec<Document>, u64), JournalError> {
        let documents = self.0.documents();
        self.1.confirm_clock(monday()).unwrap();
        documents
    }
}

#[test]
fn what_is_written_meanwhile_is_not_said_to_be_lost() {
    let journal = MemoryJournal::open(&MemoryDisk::new()).unwrap();
    let reader = journal.reader().unwrap();
    let options = Options::default();
    let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
    engine.confirm_clock(monday()).unwrap();
    let report = inspect("live", &mut Beside(reader, engine), None).unwrap();
    assert!(report.is_sound() && report.dropped == 0 && report.missing == 0, "{report}");
}

#[test]
fn a_store_is_sound_while_its_old_facts_are_let_go() {
    let folder = Folder::new();
    let options = Options::default().history(Span::ZERO);
    let engine = DurableEngine::open(folder.store(), &options, monday()).unwrap();
    set_up(&engine, 200);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for lead in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                reserve(&engine, lead);
                engine.compact().unwrap();
            }
        });
        let mut history = History::open(folder.store()).unwrap();
        for look in 0..60 {
            let report = mailrota::check(folder.store()).unwrap();
            let was = history.engine_at(monday());
            let facts = history.facts(&Filter::new(), |_, _, _| true);
            if !report.is_sound() || was.is_err() || facts.is_err() {
                done.store(true, Ordering::Relaxed);
                panic!("look {look}: {report}, {was:?}, {facts:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    engine.close().unwrap();
}

/// > Hands out each kept fact; those that are let go meanwhile are passed over.
#[test]
fn facts_that_are_let_go_between_pages_are_passed_over() {
    let folder = Folder::new();
    let options = Options::default().history(Span::ZERO);
    let engine = DurableEngine::open(folder.store(), &options, monday()).unwrap();
    set_up(&engine, 10);
    let calls = engine.asynchronous();
    let many: Vec<_> = (0..6_000).map(|_| calls.confirm_clock(monday())).collect();
    for call in many {
        call.wait().unwrap();
    }
    let mut history = History::open(folder.store()).unwrap();
    let (mut handed, mut last) = (Vec::new(), None);
    let facts = history.facts(&Filter::new(), |sequence, _, about| {
        if handed.is_empty() {
            let id = reserve(&engine, 1).id;
            engine.compact().unwrap();
            engine.cancel(id, monday()).unwrap();
        }
        handed.push(sequence);
        last = about.lead;
        true
    });
    assert_eq!(facts, Ok(()));
    let gaps = handed.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert!(handed.is_sorted() && gaps == 1, "{gaps} gaps");
    // The last one cancels a reservation that was granted in what is passed over.
    assert_eq!(last, Some(LeadId(1)));
    engine.close().unwrap();
}
