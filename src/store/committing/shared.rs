//! What the handles of a durable engine and its threads share: what is in memory behind its lock,
//! work for the committer, and how each is woken.
//!
//! Knows no thread but by what wakes it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread::{self, Thread};

use crate::store::committing::queue::Memory;
use crate::store::error::JournalError;
use crate::store::journal::seam::Journal;
use crate::store::observer::Observer;
use crate::store::options::Options;

/// Work for the writer between two batches.
pub(crate) type Task = Box<dyn FnOnce(&mut dyn Journal) -> Option<JournalError> + Send>;

/// What the handles and the threads share.
pub(crate) struct Shared {
    pub(crate) memory: RwLock<Memory>,
    pub(crate) place: String,
    /// Work for the committer between two batches; nothing once it has ended.
    tasks: Mutex<Option<VecDeque<Task>>>,
    /// Whether there is a task, to be asked without the lock.
    pub(crate) tasked: AtomicBool,
    /// Whether calls are refused for lack of room, to be asked without the lock.
    pub(crate) paused: AtomicBool,
    /// Whether a snapshot is due.
    pub(crate) due: AtomicBool,
    /// Held by whoever takes a snapshot.
    pub(crate) keeping: Mutex<()>,
    /// How long the newest snapshot is.
    pub(crate) newest_bytes: AtomicU64,
    pub(crate) snapshot_every: u64,
    /// Why the last snapshot could not be taken.
    pub(crate) trouble: Mutex<Option<JournalError>>,
    /// Who is told what was written.
    pub(crate) observer: OnceLock<Arc<dyn Observer>>,
    pub(crate) committer: OnceLock<Thread>,
    pub(crate) keeper: OnceLock<Thread>,
}

impl Shared {
    pub(crate) fn new(place: String, memory: Memory, newest_bytes: u64, options: &Options) -> Self {
        Self {
            memory: RwLock::new(memory),
            place,
            tasks: Mutex::new(Some(VecDeque::new())),
            tasked: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            due: AtomicBool::new(false),
            keeping: Mutex::new(()),
            newest_bytes: AtomicU64::new(newest_bytes),
            snapshot_every: options.snapshot_every,
            trouble: Mutex::new(None),
            observer: OnceLock::new(),
            committer: OnceLock::new(),
            keeper: OnceLock::new(),
        }
    }

    /// Hands work to the committer; it is dropped undone if that has ended.
    pub(crate) fn task(&self, task: Task) {
        if let Some(tasks) = self.tasks().as_mut() {
            tasks.push_back(task);
            self.tasked.store(true, Ordering::Release);
        }
        self.wake();
    }

    pub(crate) fn tasks(&self) -> MutexGuard<'_, Option<VecDeque<Task>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.read().refusal.is_some()
    }

    /// Whether the committer or the keeper asks.
    pub(crate) fn is_own_thread(&self) -> bool {
        let own = [&self.committer, &self.keeper].into_iter().filter_map(OnceLock::get);
        own.map(Thread::id).any(|id| id == thread::current().id())
    }

    pub(crate) fn wake_keeper(&self) {
        if let Some(thread) = self.keeper.get() {
            thread.unpark();
        }
    }

    /// For the committer, which goes on with what is sound after a panic elsewhere.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, or nothing if somebody else has it and it is not worth waiting for.
    pub(crate) fn write_while(
        &self,
        is_worth_it: impl Fn() -> bool,
    ) -> Option<RwLockWriteGuard<'_, Memory>> {
        loop {
            match self.memory.try_write() {
                Ok(memory) => return Some(memory),
                Err(TryLockError::Poisoned(error)) => return Some(error.into_inner()),
                // Most of those who have it decide a call, and are done in a moment.
                Err(TryLockError::WouldBlock) if is_worth_it() => thread::yield_now(),
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }

    /// Wakes the committer.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.committer.get() {
            thread.unpark();
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }
}
