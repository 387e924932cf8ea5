//! The durable engine: the engine's own calls, answered once what they rest on is on the disk.
//!
//! A call decides in memory under a short lock and queues its facts; one thread writes the queue of
//! all callers together, then wakes those who waited for it. Here is the handle; how the queue is
//! written is the committer's.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use chrono::{DateTime, Utc};

use crate::rotation::{Engine, Watch};
use crate::store::committing::committer::Committer;
use crate::store::committing::keeper::{Keeper, Stop};
use crate::store::committing::queue::Memory;
use crate::store::committing::shared::Shared;
use crate::store::committing::ticket::{Slot, Ticket};
use crate::store::error::{DurableError, JournalError, StoreError};
use crate::store::journal::seam::Journal;
use crate::store::loading::open;
use crate::store::observer::Observer;
use crate::store::options::Options;
use crate::vocab::Span;

/// An [`Engine`] whose answers survive a crash. Clones are handles to the same one; any thread may
/// use any of them.
///
/// It has the engine's own commands and questions. A command blocks until everything its answer
/// rests on is durable: what it decided itself, and what others decided before it that it has seen.
/// Calls from many threads share one write. [`asynchronous`](Self::asynchronous) has the same calls
/// as futures.
///
/// **Questions** ([`standing`](Self::standing), [`explain`](Self::explain), …) answer at once, also
/// while a write is under way. They see every fact that was answered to anybody, and may see facts
/// that are decided but not yet durable; such a fact is gone again if its write fails.
///
/// **Failures.** When a call's facts cannot be written, the call gets the error and nothing of it
/// stays: if there was [no room](JournalError::Full), the engine goes back to what is durable.
/// Until there is, a call is refused before it decides anything; a blocking one looks first whether
/// there is, for futures that is done four times a second. After any other failure nobody knows
/// what the disk holds; then every call answers [`StoreError::Stopped`] until the store is opened
/// again.
///
/// When the last handle is dropped, what is queued is written, and the threads end.
#[derive(Clone)]
pub struct DurableEngine {
    handle: Arc<Handle>,
}

/// The calls of a [`DurableEngine`] as futures that need no certain runtime.
///
/// A call takes effect when it is made; what it returns is awaited to know that it is durable. See
/// [`Ticket`].
#[derive(Clone)]
pub struct AsyncEngine {
    pub(crate) engine: DurableEngine,
}

/// What all handles share; when it is dropped, the threads end.
struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    history: Span,
}

impl DurableEngine {
    /// Opens a store in any journal; an empty one begins with the configuration of the options.
    ///
    /// # Errors
    /// [`StoreError`]: the journal's own, and [`JournalError::Damaged`] if what it holds is not
    /// proven by its checks.
    pub fn with_journal(
        mut journal: Box<dyn Journal>,
        options: &Options,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let place = journal.place().to_owned();
        let (loaded, documents) = open::open(&mut *journal, options)?;
        let memory = Memory::new(loaded.engine, documents);
        let shared = Arc::new(Shared::new(place, memory, loaded.snapshot.1, options));
        let committer =
            Committer::new(Arc::clone(&shared), journal, (loaded.snapshot.0, loaded.end));
        let keeper = Keeper::new(Arc::clone(&shared), options.history);
        let committer = spawn(&shared.place, "mailrota-commit", move || committer.run())?;
        let _ = shared.committer.set(committer.thread().clone());
        let threads = Mutex::new(vec![committer]);
        let handle = Arc::new(Handle { shared, threads, history: options.history });
        // Made before the second thread is started, so that the first ends if that fails.
        let engine = Self { handle };
        let shared = &engine.handle.shared;
        let keeper = spawn(&shared.place, "mailrota-keep", move || keeper.run())?;
        let _ = shared.keeper.set(keeper.thread().clone());
        engine.handle.threads().push(keeper);
        engine.recover(options, now)?;
        Ok(engine)
    }

    /// Opens the store in an SQLite file, and makes it if there is none.
    ///
    /// # Errors
    /// [`StoreError`], as [`JournalError::Locked`] if somebody else has it open, or
    /// [`StoreError::Clock`] if it was idle for longer than a clock is believed, unless that is
    /// [confirmed](Options::confirm_clock).
    #[cfg(feature = "sqlite")]
    pub fn open(
        path: impl AsRef<std::path::Path>,
        options: &Options,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let journal = crate::store::sqlite::SqliteJournal::open(path.as_ref())?;
        Self::with_journal(Box::new(journal), options, now)
    }

    /// The same calls as futures.
    pub fn asynchronous(&self) -> AsyncEngine {
        AsyncEngine { engine: self.clone() }
    }

    /// Writes what is queued and ends the threads; other handles answer [`StoreError::Closed`] from
    /// then on, but to questions. Repeating it changes nothing; each returns once the store may be
    /// opened again, but for one on a thread of the store itself, as in a waker or an observer:
    /// that cannot wait for its own end.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] if the journal had failed; what was answered is safe all the same.
    pub fn close(&self) -> Result<(), StoreError> {
        self.handle.close()
    }

    /// Takes a snapshot now and lets go facts that are older than the history, as a thread of its
    /// own does from time to time. Others are answered meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be done, [`JournalError::Damaged`] if what was read back is
    /// not what was written.
    pub fn compact(&self) -> Result<(), StoreError> {
        let keeper = Keeper::new(Arc::clone(&self.handle.shared), self.handle.history);
        keeper.keep().map_err(|stop| match stop {
            Stop::Closed => StoreError::Closed,
            Stop::Failed(error) => StoreError::Journal(error),
        })
    }

    /// Why the last snapshot could not be taken, if it could not. Answers are not touched by that,
    /// but the store grows and starts more slowly.
    pub fn trouble(&self) -> Option<JournalError> {
        self.handle.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells an observer what is written from now on. There is one at most: whether it is this one.
    ///
    /// Looks at every account once, with everybody else waiting.
    pub fn observe(&self, observer: Arc<dyn Observer>) -> bool {
        let shared = self.shared();
        let mut memory = shared.write();
        let is_first = shared.observer.set(observer).is_ok();
        if is_first {
            memory.watch = Some(Watch::new(&memory.engine));
        }
        is_first
    }
    fn recover(&self, options: &Options, now: DateTime<Utc>) -> Result<(), StoreError> {
        let recovered = self.submit(|engine| open::recover(engine, options, now));
        recovered.wait().map_err(|error| match error {
            DurableError::Store(error) => error,
            DurableError::Engine(error) => StoreError::Clock(error),
        })
    }

    /// Decides in memory and queues what was decided.
    pub(crate) fn submit<T, E>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, E>,
    ) -> Ticket<T, E> {
        self.submit_all(|memory| work(&mut memory.engine))
    }

    /// The same with everything that is in memory.
    pub(crate) fn submit_all<T, E>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, E>,
    ) -> Ticket<T, E> {
        let Ok(mut memory) = self.handle.shared.memory.write() else {
            return Ticket::refused(StoreError::Panicked);
        };
        if let Some(refusal) = &memory.refusal {
            return Ticket::refused(refusal.clone());
        }
        if let Some(error) = &memory.paused {
            return Ticket::refused(error.clone().into());
        }
        let answer = work(&mut memory);
        let mut events = memory.engine.take_events();
        let Memory { engine, queue, watch, .. } = &mut *memory;
        if let Some(watch) = watch {
            watch.see(engine, &events, &mut queue.notices);
        }
        let nothing_new =
            events.is_empty() && queue.documents.is_empty() && queue.notices.is_empty();
        if nothing_new && memory.idle && memory.queue.events.is_empty() {
            return Ticket::ready(answer);
        }
        let slot = Arc::new(Slot::default());
        memory.queue.waiters.push(Arc::clone(&slot));
        if memory.queue.events.is_empty() {
            memory.queue.events = events;
        } else {
            memory.queue.events.append(&mut events);
        }
        let wake = memory.queue.waiters.len() >= memory.wanted;
        if wake {
            memory.wanted = usize::MAX;
        }
        drop(memory);
        if wake {
            self.handle.shared.wake();
        }
        Ticket::waiting(answer, slot)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    /// The engine in memory, to ask.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Engine) -> T) -> T {
        self.ask_all(|memory| question(&memory.engine))
    }

    pub(crate) fn ask_all<T>(&self, question: impl FnOnce(&Memory) -> T) -> T {
        question(&self.handle.shared.read())
    }
}

impl fmt::Debug for DurableEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.handle.shared.place;
        f.debug_struct("DurableEngine").field("place", place).finish_non_exhaustive()
    }
}

impl fmt::Debug for AsyncEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncEngine").field("engine", &self.engine).finish()
    }
}

impl Handle {
    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut memory = self.shared.write();
        memory.refusal.get_or_insert(StoreError::Closed);
        drop(memory);
        self.shared.wake();
        self.shared.wake_keeper();
        // A waker that is called by the committer may close the store there, or drop the last
        // handle. It cannot wait for itself, nor for the other, which may wait for it.
        if !self.shared.is_own_thread() {
            // Held until they have ended, so that whoever closes it meanwhile waits for that too.
            for thread in self.threads().drain(..) {
                thread.join().map_err(|_| StoreError::Panicked)?;
            }
        }
        match &self.shared.read().refusal {
            None | Some(StoreError::Closed) => Ok(()),
            Some(refusal) => Err(refusal.clone()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.close();
    }
}

fn spawn(
    place: &str,
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, JournalError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| JournalError::Io { place: place.to_owned(), problem: error.to_string() })
}
