//! No room, and how it is noticed that there is some again.
//!
//! What was decided and could not be written is undone by reading the state anew, which takes long
//! for a large one. So it is done once, without the lock, and then nothing is decided until as much
//! as failed can be written.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::store::committing::queue::Memory;
use crate::store::committing::shared::Shared;
use crate::store::committing::ticket::Slot;
use crate::store::error::JournalError;
use crate::store::journal::seam::Journal;

/// How often is looked for room while nobody asks.
pub(crate) const LOOKED_EVERY: Duration = Duration::from_millis(250);

/// The number of the snapshot, never finished, that is written to see whether there is room.
const TRIED: u64 = i64::MAX as u64;

/// How many pieces of that are removed at once.
const STEP: u32 = 1_000;

impl Shared {
    /// Waits, if calls are refused for lack of room, until it was looked whether there is some.
    pub(crate) fn look_for_room(&self) {
        if !self.paused.load(Ordering::Acquire) {
            return;
        }
        let slot = Arc::new(Slot::default());
        let mut memory = self.write();
        if memory.paused.is_none() || memory.refusal.is_some() {
            return;
        }
        memory.asking.push(Arc::clone(&slot));
        drop(memory);
        self.wake();
        // What came of it is told to whoever makes a call now.
        let _ = slot.wait();
    }

    /// Refuses calls from now on for lack of room, or no more.
    pub(crate) fn pause(&self, memory: &mut Memory, why: Option<JournalError>) {
        self.paused.store(why.is_some(), Ordering::Release);
        memory.paused = why;
    }
}

/// Writes so many bytes and removes them: nothing if there is room, and else why not.
pub(crate) fn lacking(
    journal: &mut dyn Journal,
    bytes: usize,
) -> Result<Option<JournalError>, JournalError> {
    let mut tried = journal.put_part(TRIED, 0, &"0".repeat(bytes));
    while tried.is_ok() {
        match journal.forget_snapshot(TRIED, STEP) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => tried = Err(error),
        }
    }
    match tried {
        Err(error) if error.is_passing() => Ok(Some(error)),
        other => other.map(|()| None),
    }
}
