//! The suite that every journal must pass.
//!
//! For whoever writes one: call [`check`] with a way to open an empty store, again and again. It
//! knows the seam and nothing of any journal.

use std::fmt::Debug;
use std::thread::ScopedJoinHandle;

use chrono::{DateTime, Utc};

use crate::policy::{Account, Campaign};
use crate::rotation::{Outcome, Request};
use crate::store::engine::durable::DurableEngine;
use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::Document;
use crate::store::journal::seam::{Batch, Head, Journal, Record};
use crate::store::options::Options;
use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, Span};

/// A rule that a journal breaks, in words.
pub type Broken = String;

/// Opens the same store each time; at the first time it is empty.
pub type Opener<'a> = dyn FnMut() -> Result<Box<dyn Journal>, JournalError> + 'a;

/// Tries every rule of the seam, in a store that is empty and is not used for anything after.
///
/// # Errors
/// The first rule that is broken.
pub fn check(open: &mut Opener<'_>) -> Result<(), Broken> {
    empty(open)?;
    alone(open)?;
    facts(open)?;
    taken(open)?;
    documents(open)?;
    snapshots(open)?;
    forgetting(open)?;
    prepared(open)?;
    Ok(())
}

/// Runs a durable engine on a store that is empty, opens it again and again, and compares.
///
/// # Errors
/// What was answered and is not there.
pub fn check_engine(open: &mut Opener<'_>) -> Result<(), Broken> {
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let options = Options::default().history(Span::minutes(10)).snapshot_every(40);
    let mut before = None;
    for life in 0..6 {
        let engine = DurableEngine::with_journal(said(open())?, &options, now);
        let engine = said(engine)?;
        if let Some(before) = before {
            same("the state after the store was opened again", &engine.snapshot(), &before)?;
        } else {
            said(engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now))?;
        }
        let account = Account::new(AccountId(life), OwnerId(1), "ana@acme.example");
        said(engine.add_account(account.daily_cap(1_000), now))?;
        said(engine.attach(CampaignId(1), &[AccountId(life)], now))?;
        let name = engine.step(|step| {
            step.put("name", &life.to_string(), "Ana".to_owned());
            Ok::<(), Broken>(())
        });
        said(name)?;
        let work = |thread: u64| -> Result<(), Broken> {
            for n in 0..10 {
                let lead = LeadId(life * 10_000 + thread * 100 + n);
                let pick = said(engine.reserve(CampaignId(1), &Request::new_lead(lead), now))?;
                let reservation = pick.reserved().ok_or("nobody is ready")?;
                said(engine.settle(reservation.id, Outcome::Sent, now))?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || work(n))).collect();
            let panicked = |_| Err("a thread panicked".to_owned());
            let mut done = threads.into_iter().map(ScopedJoinHandle::join);
            done.try_for_each(|done| done.unwrap_or_else(panicked))
        })?;
        if life % 2 == 1 {
            said(engine.compact())?;
        }
        // So that nothing is left whose end the next life would note when it is opened.
        before = Some(engine.snapshot());
        said(engine.close())?;
    }
    Ok(())
}

fn empty(open: &mut Opener<'_>) -> Result<(), Broken> {
    let journal = said(open())?;
    let mut reader = said(journal.reader())?;
    same("the snapshots of an empty store", &said(reader.snapshots())?, &Vec::new())?;
    same("the facts of an empty store", &said(reader.records(0, 10))?, &Vec::new())?;
    same("what is unfinished in an empty store", &said(reader.unfinished())?, &Vec::new())?;
    same("a part of no snapshot", &said(reader.part(0, 0))?, &None)
}

fn alone(open: &mut Opener<'_>) -> Result<(), Broken> {
    let journal = said(open())?;
    match open() {
        Err(JournalError::Locked { place }) => same("the place", &*place, journal.place())?,
        other => return Err(format!("a store was opened twice: {other:?}")),
    }
    drop(journal);
    said(open()).map(drop)
}

/// What was appended is read back as it was, by readers from before and after, also when opened
/// again without having been closed.
fn facts(open: &mut Opener<'_>) -> Result<(), Broken> {
    let long = "long ".repeat(200_000);
    let texts = ["{}", "", "'quoted\" \\ %s ?1 \u{0}", "año \u{1f980}\n\r\t", &long, "{\"at\":1}"];
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    let (first, end) = batch(Mark::default(), &texts[..3]);
    let (second, end) = batch(end, &texts[3..]);
    said(journal.append(&first))?;
    same("the facts of one batch", &said(reader.records(0, 100))?.len(), &3)?;
    said(journal.append(&second))?;
    let expected: Vec<Record> = records(&first).chain(records(&second)).collect();
    same("the facts", &said(reader.records(0, 100))?, &expected)?;
    same("a page of facts", &said(reader.records(2, 2))?, &expected[2..4].to_vec())?;
    same("the facts after the last", &said(reader.records(end.sequence, 9))?, &Vec::new())?;
    drop(journal);
    let journal = said(open())?;
    let mut reader = said(journal.reader())?;
    same("the facts when opened again", &said(reader.records(0, 100))?, &expected)?;
    match journal.witnessed() {
        Some(mark) if mark != end => Err(format!("{end:?} was written, and {mark:?} noted")),
        _ => Ok(()),
    }
}

/// A number that is taken is refused, and so is all that comes with it.
fn taken(open: &mut Opener<'_>) -> Result<(), Broken> {
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    let before = said(reader.records(0, 100))?;
    let (twice, _) = batch(Mark::new(5, 0), &["again", "and more"]);
    match journal.append(&twice) {
        Err(error) if !error.is_passing() => {}
        other => return Err(format!("a number that is taken was not refused: {other:?}")),
    }
    drop(journal);
    let journal = said(open())?;
    let mut reader = said(journal.reader())?;
    same("the facts after a refusal", &said(reader.records(0, 100))?, &before)
}

/// A document replaces the one before it, comes with the facts of its batch, and goes when told so.
fn documents(open: &mut Opener<'_>) -> Result<(), Broken> {
    let long = "long ".repeat(200_000);
    let document = |kind: &str, id: &str, text: &str| Document::sealed(kind, id, Some(text));
    let gone = |kind: &str, id: &str| Document::sealed(kind, id, None);
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    let last = said(reader.records(0, 100))?.last().map_or(0, |record| record.mark.sequence);
    same("the documents of a new store", &said(reader.documents())?, &(Vec::new(), last))?;
    let mut with_others = Batch::default();
    let odd = document("año \u{1f980}", "'quoted\" \\ %s ?1 \u{0}", "\n\r\t\u{0}");
    with_others.put_documents(&mut vec![document("b", "2", "old"), document("a", "10", &long)]);
    said(journal.append(&with_others))?;
    let mut alone = Batch::default();
    alone.put_documents(&mut vec![
        document("b", "2", "new"),
        odd.clone(),
        document("b", "3", ""),
        document("b", "4", "for a moment"),
        gone("b", "4"),
        gone("b", "5"),
    ]);
    said(journal.append(&alone))?;
    let expected = vec![
        document("a", "10", &long),
        odd.clone(),
        document("b", "2", "new"),
        document("b", "3", ""),
    ];
    drop(journal);
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    let sorted = |mut documents: Vec<Document>| {
        documents.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
        documents
    };
    let found = sorted(said(reader.documents())?.0);
    same("the documents", &found, &sorted(expected))?;
    // A batch that is refused leaves none of its documents.
    let (mut refused, _) = batch(Mark::new(5, 0), &["again"]);
    refused.put_documents(&mut vec![document("c", "1", "never")]);
    if journal.append(&refused).is_ok() {
        return Err("a number that is taken was not refused".to_owned());
    }
    drop(journal);
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    same("the documents after a refusal", &sorted(said(reader.documents())?.0), &found)?;
    let mut removed = Batch::default();
    removed.put_documents(&mut found.iter().map(|one| gone(&one.kind, &one.id)).collect());
    said(journal.append(&removed))?;
    same("the documents when all are gone", &said(reader.documents())?, &(Vec::new(), last))
}

/// A snapshot is seen when it is finished, and not before.
fn snapshots(open: &mut Opener<'_>) -> Result<(), Broken> {
    let head = |sequence: u64, parts| Head::new(Mark::new(sequence, 7), -5, parts, 1, u32::MAX);
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    said(journal.put_part(4, 0, "not this"))?;
    said(journal.put_part(4, 0, "one\u{0}"))?;
    said(journal.put_part(4, 1, "two"))?;
    said(journal.put_part(2, 0, "left over"))?;
    same("snapshots before one is finished", &said(reader.snapshots())?, &Vec::new())?;
    same("what is unfinished", &said(reader.unfinished())?, &vec![2, 4])?;
    said(journal.finish_snapshot(&head(4, 2)))?;
    drop(journal);
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    said(journal.finish_snapshot(&head(3, 0)))?;
    same("the snapshots", &said(reader.snapshots())?, &vec![head(3, 0), head(4, 2)])?;
    same("what is unfinished still", &said(reader.unfinished())?, &vec![2])?;
    let parts = [said(reader.part(4, 0))?, said(reader.part(4, 1))?, said(reader.part(4, 2))?];
    same("the parts", &parts, &[Some("one\u{0}".to_owned()), Some("two".to_owned()), None])
}

/// What is removed goes in steps, the oldest first, and nothing else goes.
fn forgetting(open: &mut Opener<'_>) -> Result<(), Broken> {
    let mut journal = said(open())?;
    let mut reader = said(journal.reader())?;
    same("the first step", &said(journal.forget_facts(3, 2))?, &2)?;
    same("the second", &said(journal.forget_facts(3, 2))?, &1)?;
    same("the third", &said(journal.forget_facts(3, 2))?, &0)?;
    let left: Vec<u64> = said(reader.records(0, 9))?.iter().map(|r| r.mark.sequence).collect();
    same("the facts that stay", &left, &vec![4, 5, 6])?;
    let mut steps = 0;
    while said(journal.forget_snapshot(4, 1))? > 0 {
        steps += 1;
        let heads = said(reader.snapshots())?.len();
        same("the snapshots while one is removed", &heads, &1)?;
        if steps > 9 {
            return Err("a snapshot is not gone after all of its parts".to_owned());
        }
    }
    same("a part of a snapshot that is gone", &said(reader.part(4, 1))?, &None)?;
    same("the part of another", &said(reader.part(2, 0))?, &Some("left over".to_owned()))?;
    said(journal.close())
}

/// What is only prepared is nowhere, and in a batch that does not begin with it neither.
fn prepared(open: &mut Opener<'_>) -> Result<(), Broken> {
    let mut journal = said(open())?;
    let mut there = said(said(journal.reader())?.records(0, 100))?;
    let end = there.last().map(|record| record.mark).unwrap_or_default();
    let (few, _) = batch(end, &["a", "b"]);
    said(journal.prepare(&few))?;
    let found = said(said(journal.reader())?.records(0, 100))?;
    same("the facts while some are prepared", &found, &there)?;
    drop(journal);
    let mut journal = said(open())?;
    said(journal.prepare(&few))?;
    said(journal.put_part(9, 0, "something else"))?;
    let found = said(said(journal.reader())?.records(0, 100))?;
    same("the facts after something else came", &found, &there)?;
    said(journal.prepare(&few))?;
    let (other, end) = batch(end, &["x", "y"]);
    said(journal.append(&other))?;
    there.extend(records(&other));
    said(journal.prepare(&batch(end, &["c"]).0))?;
    said(journal.prepare(&batch(end, &["c", "d"]).0))?;
    let (whole, end) = batch(end, &["c", "d", "e"]);
    said(journal.append(&whole))?;
    there.extend(records(&whole));
    said(journal.prepare(&batch(end, &["never"]).0))?;
    said(journal.close())?;
    drop(journal);
    let found = said(said(said(open())?.reader())?.records(0, 100))?;
    same("the facts of batches that were prepared", &found, &there)
}

fn batch(after: Mark, texts: &[&str]) -> (Batch, Mark) {
    let mut batch = Batch::default();
    let end = texts.iter().fold(after, |after, text| {
        let mark = after.next(text);
        batch.push(mark, text);
        mark
    });
    (batch, end)
}

fn records(batch: &Batch) -> impl Iterator<Item = Record> {
    batch.iter().map(|(mark, text)| Record { mark, text: text.to_owned() })
}

fn said<T, E: ToString>(outcome: Result<T, E>) -> Result<T, Broken> {
    outcome.map_err(|error| error.to_string())
}

fn same<T: Debug + PartialEq + ?Sized>(what: &str, found: &T, expected: &T) -> Result<(), Broken> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?}, and it should be {expected:?}"))
}
