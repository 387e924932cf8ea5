//! The one thread that writes: takes what all callers have queued, writes it in one step, and wakes
//! them.
//!
//! Serialises outside the engine's lock, so that calls are decided while others are written.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, SendError, Sender};
use std::thread;
use std::time::Duration;

use crate::rotation::{Engine, Watch};
use crate::store::committing::gathering::Gathering;
use crate::store::committing::queue::Queue;
use crate::store::committing::room::{self, LOOKED_EVERY};
use crate::store::committing::shared::Shared;
use crate::store::committing::ticket::Slot;
use crate::store::error::{JournalError, StoreError};
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::{self, Document, Documents, Note};
use crate::store::journal::seam::{Batch, Journal};
use crate::store::loading::load;
use crate::store::observer::Written;

/// Up to how many callers the committer wakes by itself; for more it would be kept from writing.
const WOKEN_HERE: usize = 2;

/// Who writes.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    journal: Box<dyn Journal>,
    /// The last durable fact.
    end: Mark,
    /// The last fact of the batch that is being made.
    ahead: Mark,
    /// The last fact when a snapshot was taken, or tried.
    attempted: u64,
    batch: Batch,
    scratch: Vec<u8>,
    queue: Queue,
    /// Who waits to be told whether there is room.
    asking: Vec<Arc<Slot>>,
    /// Where those go that are to be woken; this thread goes on meanwhile.
    wakes: Sender<Vec<Arc<Slot>>>,
    /// How much there was no room for.
    room: usize,
    gathering: Gathering,
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("end", &self.end).finish_non_exhaustive()
    }
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, journal: Box<dyn Journal>, ends: (u64, Mark)) -> Self {
        let (batch, scratch, queue, asking) = Default::default();
        let (attempted, end) = ends;
        let (wakes, woken) = mpsc::channel();
        // If there is no thread to be had, they are woken by this one.
        let thread = thread::Builder::new().name("mailrota-wake".to_owned());
        let _ = thread.spawn(move || wake(&woken));
        Self {
            shared,
            journal,
            end,
            ahead: end,
            attempted,
            batch,
            scratch,
            queue,
            asking,
            wakes,
            room: 0,
            gathering: Gathering::default(),
        }
    }

    /// Writes until the store is closed or fails.
    pub(crate) fn run(mut self) {
        loop {
            let go_on = match self.take() {
                Taken::Closing => break,
                Taken::Facts => self.commit() && self.work(),
                Taken::Failed(error) => self.fail(error),
                Taken::Paused(asked) => {
                    if !asked && !self.shared.tasked.load(Ordering::Acquire) {
                        thread::park_timeout(LOOKED_EVERY);
                    }
                    self.work() && self.look_for_room()
                }
                Taken::Nothing => {
                    if !self.shared.tasked.load(Ordering::Acquire) {
                        thread::park();
                    }
                    self.work()
                }
            };
            if !go_on {
                return;
            }
        }
        // What was confirmed is durable without it.
        let _ = self.journal.close();
    }

    /// Takes over what is queued, and what comes while that is prepared.
    fn take(&mut self) -> Taken {
        self.batch.clear();
        self.ahead = self.end;
        self.gathering.begin();
        loop {
            let taken = self.queue.waiters.len();
            let is_waiting = || self.gathering.wants(taken).is_some();
            let mut memory = if taken == 0 {
                self.shared.write()
            } else if let Some(memory) = self.shared.write_while(is_waiting) {
                memory
            } else {
                // Those who were taken do not wait for a long question.
                return Taken::Facts;
            };
            memory.wanted = usize::MAX;
            if !memory.queue.waiters.is_empty() {
                memory.idle = false;
                self.queue.append(&mut memory.queue);
                drop(memory);
                if let Err(error) = self.prepare() {
                    return Taken::Failed(error);
                }
                if self.gathering.is_over() {
                    return Taken::Facts;
                }
                continue;
            }
            let more = self.gathering.wants(taken).filter(|_| memory.refusal.is_none());
            if let Some(more) = more {
                (memory.idle, memory.wanted) = (taken == 0, more.callers);
                drop(memory);
                thread::park_timeout(more.within);
                continue;
            }
            if taken > 0 {
                return Taken::Facts;
            }
            self.gathering.rest();
            if memory.refusal.is_some() {
                return Taken::Closing;
            }
            if memory.paused.is_some() {
                return Taken::Paused(!memory.asking.is_empty());
            }
            (memory.idle, memory.wanted) = (true, 1);
            return Taken::Nothing;
        }
    }

    /// Turns what was taken into texts, and lets the journal begin with them.
    fn prepare(&mut self) -> Result<(), JournalError> {
        let texts = self.batch.len();
        if self.queue.events.len() == texts {
            return Ok(());
        }
        for event in &self.queue.events[texts..] {
            let pushed = self.batch.add(self.ahead, event, &mut self.scratch);
            self.ahead = pushed.map_err(|error| self.no_text(&error))?;
        }
        self.journal.prepare(&self.batch)
    }

    fn no_text(&self, error: &io::Error) -> JournalError {
        JournalError::Io { place: self.shared.place.clone(), problem: error.to_string() }
    }

    /// Writes what was taken and wakes who waits for it. Whether to go on.
    fn commit(&mut self) -> bool {
        self.gathering.write();
        let wrote = match self.append() {
            Ok(wrote) => wrote,
            Err(error) => return self.fail(error),
        };
        let took = self.gathering.end(self.queue.waiters.len());
        self.tell(wrote.then_some(took));
        self.queue.events.clear();
        self.queue.documents.clear();
        self.queue.notices.clear();
        if self.queue.waiters.len() <= WOKEN_HERE {
            self.queue.waiters.drain(..).for_each(|waiter| waiter.tell(Ok(())));
            return true;
        }
        let waiters = std::mem::take(&mut self.queue.waiters);
        if let Err(SendError(waiters)) = self.wakes.send(waiters) {
            tell(&waiters);
        }
        true
    }

    /// Tells the observer before those who wait, so that what they were answered is known there.
    fn tell(&self, took: Option<Duration>) {
        let Some(observer) = self.shared.observer.get() else { return };
        let Queue { events, notices, waiters, .. } = &self.queue;
        let written = Written { events, notices, calls: waiters.len(), took };
        // One that panics is no reason to stop writing.
        drop(catch_unwind(AssertUnwindSafe(|| observer.written(&written))));
    }

    /// Writes what was taken, if there is anything to write.
    fn append(&mut self) -> Result<bool, JournalError> {
        if self.queue.events.is_empty() && self.queue.documents.is_empty() {
            return Ok(false);
        }
        if !self.queue.documents.is_empty() {
            let note = Note { documents: self.queue.sum };
            let pushed = self.batch.add(self.ahead, &note, &mut self.scratch);
            self.ahead = pushed.map_err(|error| self.no_text(&error))?;
        }
        self.batch.put_documents(&mut self.queue.documents);
        self.journal.append(&self.batch)?;
        self.end = self.ahead;
        if self.is_due() {
            // Also if it comes to nothing: then another is tried after as many facts.
            self.attempted = self.end.sequence;
            self.shared.due.store(true, Ordering::Release);
            self.shared.wake_keeper();
        }
        Ok(true)
    }

    /// Takes memory back to what is durable, or refuses all further calls. Whether to go on.
    ///
    /// Whoever asks a question meanwhile is answered from what was decided.
    fn fail(&mut self, error: JournalError) -> bool {
        let documents = self.batch.documents().iter().chain(&self.queue.documents);
        self.room = self.batch.bytes() + documents.map(size).sum::<usize>();
        let mut memory = self.shared.write();
        self.queue.waiters.append(&mut std::mem::take(&mut memory.queue).waiters);
        self.shared.pause(&mut memory, Some(error.clone()));
        drop(memory);
        let back = if error.is_passing() { self.go_back() } else { Err(error.clone()) };
        let went_back = back.is_ok();
        // What was noticed and not written did not happen.
        let engine = back.as_ref().ok().map(|(engine, ..)| engine);
        let anew = self.shared.observer.get().and(engine).map(Watch::new);
        let mut memory = self.shared.write();
        let gone = match back {
            Ok((engine, documents, lacking)) => {
                self.shared.pause(&mut memory, lacking);
                memory.watch = match memory.watch.take() {
                    Some(_) => anew.or_else(|| Some(Watch::new(&engine))),
                    None => None,
                };
                let engine = std::mem::replace(&mut memory.engine, engine);
                Some((engine, std::mem::replace(&mut memory.documents, documents)))
            }
            Err(stop) => {
                self.shared.pause(&mut memory, None);
                memory.refusal = Some(StoreError::Stopped(stop));
                None
            }
        };
        let asking = std::mem::take(&mut memory.asking);
        drop(memory);
        self.queue.events.clear();
        self.queue.documents.clear();
        self.queue.notices.clear();
        let outcome = StoreError::Journal(error);
        self.queue.waiters.drain(..).for_each(|waiter| waiter.tell(Err(outcome.clone())));
        tell(&asking);
        // A large one takes a while, for which nobody has to wait.
        drop(gone);
        went_back
    }

    /// What is durable, and why there is no room yet if there is none.
    fn go_back(&mut self) -> Result<(Engine, Documents, Option<JournalError>), JournalError> {
        let (mut loaded, documents) = self.reload()?;
        loaded.engine.record_events();
        self.end = loaded.end;
        let lacking = room::lacking(&mut *self.journal, self.room)?;
        Ok((loaded.engine, documents, lacking))
    }

    /// Tries whether there is room again, and tells those who asked. Whether to go on.
    fn look_for_room(&mut self) -> bool {
        self.asking.append(&mut self.shared.write().asking);
        let lacking = room::lacking(&mut *self.journal, self.room);
        let failed = match lacking {
            Ok(lacking) => {
                let mut memory = self.shared.write();
                if lacking.is_none() {
                    // Nobody looks again, so those who came meanwhile are told as well.
                    self.asking.append(&mut memory.asking);
                }
                self.shared.pause(&mut memory, lacking);
                None
            }
            Err(error) => Some(error),
        };
        let go_on = failed.is_none_or(|error| self.fail(error));
        tell(&std::mem::take(&mut self.asking));
        go_on
    }

    fn reload(&self) -> Result<(load::Loaded, Documents), JournalError> {
        let place = &self.shared.place;
        let mut reader = self.journal.reader()?;
        let loaded = load::load(place, &mut *reader)?;
        let documents = documents::read(place, reader.documents()?.0)?;
        let noted = loaded.as_ref().and_then(|loaded| loaded.documents);
        if let Some(problem) = documents.sum().differs(noted) {
            return Err(JournalError::damaged(place, None, problem));
        }
        let loaded = loaded.filter(|loaded| loaded.end == self.end);
        let loaded = loaded
            .ok_or_else(|| JournalError::damaged(place, None, "it does not end where it did"))?;
        Ok((loaded, documents))
    }

    /// Whether so much was written since the newest snapshot that another is worth its size.
    fn is_due(&self) -> bool {
        let facts = self.end.sequence - self.attempted;
        let bytes = facts * (self.batch.bytes() / self.batch.len().max(1)) as u64;
        let newest_bytes = self.shared.newest_bytes.load(Ordering::Acquire);
        facts >= self.shared.snapshot_every && bytes >= newest_bytes
    }

    /// Does one piece of background work, if there is any. Whether to go on.
    fn work(&mut self) -> bool {
        if !self.shared.tasked.load(Ordering::Acquire) {
            return true;
        }
        let mut tasks = self.shared.tasks();
        let task = tasks.as_mut().and_then(VecDeque::pop_front);
        let left = tasks.as_ref().is_some_and(|tasks| !tasks.is_empty());
        self.shared.tasked.store(left, Ordering::Release);
        drop(tasks);
        let Some(error) = task.and_then(|task| task(&mut *self.journal)) else { return true };
        // What has no room now is asked for again another time.
        error.is_passing() || self.fail(error)
    }
}

impl Drop for Committer {
    /// Nobody is left waiting, however this thread ends.
    fn drop(&mut self) {
        let mut memory = self.shared.write();
        let refusal = memory.refusal.get_or_insert(StoreError::Panicked).clone();
        self.queue.waiters.append(&mut std::mem::take(&mut memory.queue).waiters);
        self.asking.append(&mut memory.asking);
        drop(memory);
        // First those who wait for work, on whom somebody may wait who is told below.
        *self.shared.tasks() = None;
        self.shared.wake_keeper();
        tell(&self.asking);
        self.queue.waiters.drain(..).for_each(|waiter| waiter.tell(Err(refusal.clone())));
    }
}

/// Wakes whoever is sent, until there is nobody who sends.
fn wake(woken: &Receiver<Vec<Arc<Slot>>>) {
    while let Ok(waiters) = woken.recv() {
        tell(&waiters);
    }
}

/// How many bytes of a document are written.
fn size(document: &Document) -> usize {
    let Document { kind, id, text, .. } = document;
    kind.len() + id.len() + text.as_ref().map_or(0, String::len)
}

fn tell(waiters: &[Arc<Slot>]) {
    for waiter in waiters {
        waiter.tell(Ok(()));
    }
}

enum Taken {
    Closing,
    Facts,
    /// What was taken cannot be written.
    Failed(JournalError),
    Nothing,
    /// For lack of room; whether somebody asks for it.
    Paused(bool),
}
