//! The durable engine: the engine's own calls, answered once what they rest on is on the disk.
//!
//! A call decides in memory under a short lock and queues its facts; one thread writes the queue of
//! all callers together, then wakes those who waited for it. Here are the handle and the queue; how
//! they are written is the committer's.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle, Thread};

use chrono::{DateTime, Utc};

use crate::rotation::{Engine, Event};
use crate::store::chain::Mark;
use crate::store::committer::{Committer, Task};
use crate::store::error::{DurableError, JournalError, StoreError};
use crate::store::journal::Journal;
use crate::store::load::{self, Loaded};
use crate::store::options::{Options, Recovery};
use crate::store::snapshots;
use crate::store::ticket::{Slot, Ticket};

/// An [`Engine`] whose answers survive a crash. Clones are handles to the same one; any thread may
/// use any of them.
///
/// It has the engine's own methods. Each blocks until everything its answer rests on is durable:
/// what it decided itself, and what others decided before it that it has seen. Calls from many
/// threads share one write. [`asynchronous`](Self::asynchronous) has the same calls as futures.
///
/// **Questions** ([`standing`](Self::standing), [`explain`](Self::explain), …) answer at once, also
/// while a write is under way. They see every fact that was answered to anybody, and may see facts
/// that are decided but not yet durable; such a fact is gone again if its write fails.
///
/// **Failures.** When a call's facts cannot be written, the call gets the error and nothing of it
/// stays: if there was [no room](JournalError::Full), the engine goes back to what is durable, and
/// later calls work once there is. After any other failure nobody knows what the disk holds; then
/// every call answers [`StoreError::Stopped`] until the store is opened again.
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
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the handles and the committer share.
pub(crate) struct Shared {
    pub(crate) memory: RwLock<Memory>,
    pub(crate) tasks: Mutex<Vec<Task>>,
    /// Whether there is a task, to be asked without the lock.
    pub(crate) tasked: AtomicBool,
    pub(crate) place: String,
    /// The committer, to wake it.
    pub(crate) committer: OnceLock<Thread>,
}

/// The engine, as far as it has decided, and what is not written yet.
pub(crate) struct Memory {
    pub(crate) engine: Engine,
    pub(crate) queue: Queue,
    /// Whether the committer sleeps, with nothing left to write.
    pub(crate) idle: bool,
    /// Why calls are refused, if they are.
    pub(crate) refusal: Option<StoreError>,
}

/// Facts that are decided and not written, and who waits for them.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) events: Vec<Event>,
    pub(crate) waiters: Vec<Arc<Slot>>,
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
        let mut loaded = begin(&mut *journal, options)?;
        let place = journal.place().to_owned();
        if let Some(witnessed) =
            journal.witnessed().filter(|mark| mark.sequence > loaded.end.sequence)
        {
            let problem = format!(
                "it ends at fact {}, and fact {} was written",
                loaded.end.sequence, witnessed.sequence
            );
            return Err(JournalError::damaged(&place, None, problem).into());
        }
        loaded.engine.record_events();
        let memory =
            Memory { engine: loaded.engine, queue: Queue::default(), idle: false, refusal: None };
        let shared = Arc::new(Shared {
            memory: RwLock::new(memory),
            tasks: Mutex::default(),
            tasked: AtomicBool::new(false),
            place,
            committer: OnceLock::new(),
        });
        let committer = Committer::new(Arc::clone(&shared), journal, loaded.end);
        let thread = thread::Builder::new().name("mailrota-commit".to_owned());
        let thread = thread.spawn(move || committer.run()).map_err(|error| JournalError::Io {
            place: shared.place.clone(),
            problem: error.to_string(),
        })?;
        let _ = shared.committer.set(thread.thread().clone());
        let handle = Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) });
        let engine = Self { handle };
        engine.recover(options.recovery, now)?;
        Ok(engine)
    }

    /// Opens the store in an SQLite file, and makes it if there is none.
    ///
    /// # Errors
    /// [`StoreError`], as [`JournalError::Locked`] if somebody else has it open.
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
    /// then on, but to questions. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] if the journal had failed; what was answered is safe all the same.
    pub fn close(&self) -> Result<(), StoreError> {
        self.handle.close()
    }

    fn recover(&self, recovery: Recovery, now: DateTime<Utc>) -> Result<(), StoreError> {
        let recovered = self.submit(|engine| match recovery {
            Recovery::GiveBackUnbegun => engine.give_back_unbegun(now).map(drop),
            Recovery::Keep => engine.tick(now),
        });
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
        let Ok(mut memory) = self.handle.shared.memory.write() else {
            return Ticket::refused(StoreError::Panicked);
        };
        if let Some(refusal) = &memory.refusal {
            return Ticket::refused(refusal.clone());
        }
        let answer = work(&mut memory.engine);
        let mut events = memory.engine.take_events();
        if events.is_empty() && memory.idle {
            return Ticket::ready(answer);
        }
        let slot = Arc::new(Slot::default());
        memory.queue.waiters.push(Arc::clone(&slot));
        if memory.queue.events.is_empty() {
            memory.queue.events = events;
        } else {
            memory.queue.events.append(&mut events);
        }
        let wake = std::mem::take(&mut memory.idle);
        drop(memory);
        if wake {
            self.handle.shared.wake();
        }
        Ticket::waiting(answer, slot)
    }

    /// The engine in memory, to ask.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Engine) -> T) -> T {
        question(&self.handle.shared.read().engine)
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
    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) -> Result<(), StoreError> {
        {
            let mut memory = self.shared.write();
            memory.refusal.get_or_insert(StoreError::Closed);
            memory.idle = false;
        }
        let thread = self.thread().take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            // A waker that is called by the committer may drop the last handle there.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                return Err(StoreError::Panicked);
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

impl Shared {
    /// For the committer, which goes on with what is sound after a panic elsewhere.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the committer.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.committer.get() {
            thread.unpark();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what a journal holds; an empty one gets its first snapshot.
fn begin(journal: &mut dyn Journal, options: &Options) -> Result<Loaded, StoreError> {
    let place = journal.place().to_owned();
    if let Some(loaded) = load::load(&place, &mut *journal.reader()?)? {
        return Ok(loaded);
    }
    options.config.check().map_err(StoreError::Config)?;
    let engine = Engine::new(options.config.clone());
    let pieces = snapshots::pieces(&place, &engine, Mark::default())?;
    for (part, n) in pieces.parts.iter().zip(0..) {
        journal.put_part(0, n, part)?;
    }
    journal.finish_snapshot(&pieces.head)?;
    Ok(Loaded { engine, end: pieces.head.mark })
}
