//! What is taken while others decide: prepared in pieces, and answered, together with its
//! documents, once all of it is durable and not before.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use mailrota::{
    Account, AccountId, Batch, Campaign, CampaignId, ClockError, DurableEngine, DurableError, Head,
    Journal, JournalError, LeadId, Mark, MemoryDisk, MemoryJournal, Options, OwnerId, Reader,
    Recovery, Request, Ticket,
};

use crate::world::monday;

/// What a journal is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Append,
    Part,
    /// So many-th piece of a batch.
    Prepare(u32),
}

/// A journal in memory that follows a script, and holds the committer to the order of its calls.
struct Scripted {
    inner: MemoryJournal,
    prepared: Vec<Mark>,
    pieces: u32,
    script: Box<dyn FnMut(Asked) -> Result<(), JournalError> + Send>,
}

impl Scripted {
    fn open(
        disk: &MemoryDisk,
        script: impl FnMut(Asked) -> Result<(), JournalError> + Send + 'static,
    ) -> Self {
        let (prepared, script) = (Vec::new(), Box::new(script));
        Self { inner: MemoryJournal::open(disk).unwrap(), prepared, pieces: 0, script }
    }

    fn begins(&self, batch: &Batch) -> bool {
        let marks: Vec<_> = batch.iter().map(|(mark, _)| mark).collect();
        marks.starts_with(&self.prepared)
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Journal for Scripted {
    fn place(&self) -> &str {
        self.inner.place()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        self.inner.reader()
    }

    fn witnessed(&self) -> Option<Mark> {
        self.inner.witnessed()
    }

    fn make_durable(&mut self) -> Result<(), JournalError> {
        assert!(self.prepared.is_empty());
        self.inner.make_durable()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), JournalError> {
        assert!(self.begins(batch) && batch.len() > self.prepared.len(), "another batch");
        assert!(batch.documents().is_empty(), "documents before they are all there");
        self.prepared.clear();
        self.pieces += 1;
        (self.script)(Asked::Prepare(self.pieces))?;
        self.inner.prepare(batch)?;
        self.prepared.extend(batch.iter().map(|(mark, _)| mark));
        Ok(())
    }

    fn append(&mut self, batch: &Batch) -> Result<(), JournalError> {
        assert!(self.begins(batch), "another batch");
        self.prepared.clear();
        self.pieces = 0;
        (self.script)(Asked::Append)?;
        self.inner.append(batch)
    }

    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError> {
        assert!(self.prepared.is_empty());
        (self.script)(Asked::Part)?;
        self.inner.put_part(snapshot, part, text)
    }

    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError> {
        assert!(self.prepared.is_empty());
        self.inner.finish_snapshot(head)
    }

    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError> {
        assert!(self.prepared.is_empty());
        self.inner.forget_facts(until, most)
    }

    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError> {
        assert!(self.prepared.is_empty());
        self.inner.forget_snapshot(snapshot, most)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        assert!(self.prepared.is_empty());
        self.inner.close()
    }
}

/// An engine of which each batch waits for a permit before it is written.
struct Stage {
    /// Goes before the engine, which ends once nothing is held.
    permits: Sender<()>,
    asked: Receiver<Asked>,
    /// Whether pieces need a permit too.
    holds: Arc<AtomicBool>,
    engine: DurableEngine,
    disk: MemoryDisk,
}

type Confirmed = Ticket<(), ClockError>;

impl Stage {
    fn new() -> Self {
        let (disk, holds) = (MemoryDisk::new(), Arc::new(AtomicBool::new(false)));
        let ((tell, asked), (permits, permitted)) = (mpsc::channel(), mpsc::channel());
        let holding = Arc::clone(&holds);
        let journal = Scripted::open(&disk, move |what| {
            let _ = tell.send(what);
            let is_held = match what {
                Asked::Append => true,
                Asked::Part => false,
                Asked::Prepare(_) => holding.load(Ordering::Relaxed),
            };
            // Nobody who permits is left when the stage is over.
            let _ = is_held.then(|| permitted.recv());
            Ok(())
        });
        let options = Options::default();
        let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
        Self { permits, asked, holds, engine, disk }
    }

    fn permit(&self) {
        self.permits.send(()).unwrap();
    }

    /// What the journal is asked for next.
    fn next(&self) -> Asked {
        self.asked.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn reach(&self, what: Asked) {
        while self.next() != what {}
    }

    fn confirm(&self) -> Confirmed {
        self.engine.asynchronous().confirm_clock(monday())
    }

    fn put(&self, text: &str) -> Confirmed {
        self.engine.asynchronous().step(|step| {
            step.put("name", "1", text.to_owned());
            step.confirm_clock(monday())
        })
    }

    /// So many callers are about to be answered by a slow write; if they are more than a few, it is
    /// waited for those who come next.
    fn after(&self, callers: usize) -> Vec<Confirmed> {
        // What was asked for before.
        while self.asked.try_recv().is_ok() {}
        let mut calls = vec![self.confirm()];
        self.reach(Asked::Append);
        calls.extend((0..callers).map(|_| self.confirm()));
        self.permit();
        self.reach(Asked::Append);
        thread::sleep(Duration::from_millis(10));
        calls
    }
}

/// > It waits for the facts that it saw.
#[test]
fn an_answer_waits_for_facts_that_are_taken_and_not_written() {
    let stage = Stage::new();
    for round in 0..20 {
        let calls = stage.after(8);
        let first = stage.confirm();
        stage.permit();
        stage.reach(Asked::Prepare(1));
        // While it is waited for others, as far as this thread is in time for that.
        let ticks: Vec<_> = (0..4)
            .map(|_| {
                thread::sleep(Duration::from_micros(100));
                let mut tick = stage.engine.asynchronous().tick(monday());
                let mut context = Context::from_waker(Waker::noop());
                assert!(Pin::new(&mut tick).poll(&mut context).is_pending(), "round {round}");
                tick
            })
            .collect();
        stage.permit();
        calls.into_iter().chain([first]).chain(ticks).for_each(|call| call.wait().unwrap());
    }
}

#[test]
fn the_newest_of_documents_in_several_pieces_is_the_one_that_is_noted() {
    let stage = Stage::new();
    let mut together = 0;
    for round in 0..50 {
        let calls = stage.after(8);
        let older = stage.put(&format!("older {round}"));
        stage.permit();
        stage.reach(Asked::Prepare(1));
        let newest = format!("newest {round}");
        let newer = stage.put(&newest);
        // Else this thread was too late, and it is in the next batch.
        let is_together = stage.next() == Asked::Prepare(2);
        together += u32::from(is_together);
        stage.permit();
        if !is_together {
            stage.permit();
        }
        calls.into_iter().chain([older, newer]).for_each(|call| call.wait().unwrap());
        let journal = MemoryJournal::open(&stage.disk.crash()).unwrap();
        let opened = DurableEngine::with_journal(Box::new(journal), &Options::default(), monday());
        let opened = opened.unwrap_or_else(|error| panic!("round {round}: {error}"));
        let name = opened.look(|_, documents| documents.get("name", "1").map(str::to_owned));
        assert_eq!(name, Some(newest));
        if together == 3 {
            break;
        }
    }
    assert!(together > 0, "two pieces never came together");
}

/// > Long work never blocks readers, nor do they block it.
#[test]
fn a_batch_that_is_taken_does_not_wait_for_whoever_asks() {
    for callers in [1, 8] {
        let stage = Stage::new();
        let calls = stage.after(callers);
        stage.holds.store(true, Ordering::Relaxed);
        let call = stage.confirm();
        let (tell, told) = mpsc::channel();
        let waits = thread::spawn(move || tell.send(call.wait()));
        stage.permit();
        stage.reach(Asked::Prepare(1));
        let answer = stage.engine.look(|_, _| {
            stage.permit();
            stage.permit();
            told.recv_timeout(Duration::from_secs(20))
        });
        assert_eq!(answer, Ok(Ok(())), "after {callers}");
        waits.join().unwrap().unwrap();
        for call in calls {
            call.wait().unwrap();
        }
    }
}

/// How many storms there are.
const STORMS: u64 = 12;

/// A draw of many threads from one stream.
fn draw(stream: &AtomicU64, below: u64) -> u64 {
    let step = |n: u64| n.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    let drawn = stream.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(step(n)));
    (drawn.unwrap() >> 33) % below
}

/// A journal of uneven speed that has no room now and then, once it is told so.
fn uneven(disk: &MemoryDisk, seed: u64, armed: &Arc<AtomicBool>) -> Scripted {
    let (stream, armed) = (AtomicU64::new(seed), Arc::clone(armed));
    let panics = seed % 3 == 2;
    Scripted::open(disk, move |what| {
        let is_armed = armed.load(Ordering::Relaxed);
        let refused = match what {
            Asked::Append => {
                let pause = if draw(&stream, 2) == 0 { 100 } else { 6_000 };
                thread::sleep(Duration::from_micros(pause));
                draw(&stream, 30) == 0
            }
            Asked::Part => draw(&stream, 4) == 0,
            Asked::Prepare(_) => {
                thread::sleep(Duration::from_micros(draw(&stream, 4) * 70));
                let drawn = draw(&stream, 240);
                assert!(!(is_armed && panics && drawn == 6), "a journal that a test breaks");
                drawn < 6
            }
        };
        if is_armed && refused {
            Err(JournalError::Full { place: "memory".to_owned() })
        } else {
            Ok(())
        }
    })
}

fn storm(seed: u64) {
    let (disk, armed) = (MemoryDisk::new(), Arc::new(AtomicBool::new(false)));
    let journal = uneven(&disk, seed, &armed);
    let options = Options::default().snapshot_every(50);
    let engine = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
    let ids: Vec<_> = (0..4).map(AccountId).collect();
    for id in &ids {
        let account = Account::new(*id, OwnerId(1), "ana@acme.example").daily_cap(1_000_000);
        engine.add_account(account, monday()).unwrap();
    }
    engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), monday()).unwrap();
    engine.attach(CampaignId(1), &ids, monday()).unwrap();
    armed.store(true, Ordering::Relaxed);
    let told = Mutex::new(BTreeSet::new());
    let is_there = |key: &str| {
        let quoted = format!("\"{key}\"");
        disk.durable().iter().any(|record| record.text.contains(&quoted))
    };
    let work = |thread: u64| {
        for n in 0..25 {
            // Two threads use the same keys, so that one sees facts of the other.
            let lead = thread / 2 * 1_000 + n;
            if n % 4 == 3 {
                let _ = engine.step(|step| {
                    step.put("name", &(thread % 3).to_string(), lead.to_string());
                    step.tick(monday())
                });
                continue;
            }
            let key = format!("key {lead}");
            let request = Request::new_lead(LeadId(lead)).key(key.clone());
            match engine.reserve(CampaignId(1), &request, monday()) {
                Ok(_) => {
                    assert!(is_there(&key), "seed {seed}: {key} was answered and is not there");
                    told.lock().unwrap().insert(key);
                }
                Err(DurableError::Store(_)) => {}
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
    };
    thread::scope(|scope| {
        for n in 0..24 {
            let work = &work;
            scope.spawn(move || work(n));
        }
    });
    armed.store(false, Ordering::Relaxed);
    if engine.tick(monday()).is_ok() {
        let journal = MemoryJournal::open(&disk.crash()).unwrap();
        let options = Options::default().recovery(Recovery::Keep);
        let opened = DurableEngine::with_journal(Box::new(journal), &options, monday()).unwrap();
        assert!(engine.snapshot() == opened.snapshot(), "seed {seed}: memory is not the disk");
    }
    // Also after a panic, what was answered is there.
    let journal = MemoryJournal::open(&disk.crash()).unwrap();
    DurableEngine::with_journal(Box::new(journal), &Options::default(), monday()).unwrap();
    for key in told.into_inner().unwrap() {
        assert!(is_there(&key), "seed {seed}: {key} is gone");
    }
    let _ = engine.close();
}

/// Many callers, a journal of uneven speed that has no room now and then and may panic, snapshots
/// meanwhile: what is answered is there, and memory is what is on the disk.
#[test]
fn whatever_happens_while_it_is_gathered_what_was_answered_is_there() {
    (0..STORMS).for_each(storm);
}
