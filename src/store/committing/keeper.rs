//! The thread that takes snapshots and lets old facts go, so that a store starts fast and stays
//! small.
//!
//! It builds an engine of its own from what is durable, without the lock of the one that answers,
//! and hands its writes to the committer in small pieces, one between two batches. What it does can
//! stop anywhere; nothing rests on it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};
use std::thread;

use crate::store::committing::shared::Shared;
use crate::store::error::JournalError;
use crate::store::journal::seam::{Head, Journal};
use crate::store::loading::load::{self, Loaded};
use crate::store::loading::snapshots::{self, Pieces};
use crate::vocab::Span;

/// How many facts or parts are removed at once.
const STEP: u32 = 1_000;

/// How many lines for people are written at once.
const LINES: usize = 500;

/// Into how many stretches the history is divided: a snapshot stays at the beginning of each.
const STRETCHES: i64 = 4;

/// What became of one look at the store.
type Step<T> = Result<T, Stop>;

/// Why the keeper stops.
pub(crate) enum Stop {
    /// The committer has ended.
    Closed,
    /// The journal could not do it; it is tried again at the next occasion.
    Failed(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Failed(error)
    }
}

/// Who looks after a store.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    history: Span,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, history: Span) -> Self {
        Self { shared, history }
    }

    /// Looks after the store whenever it is due, until it is closed.
    pub(crate) fn run(&self) {
        // Looks before it sleeps: a wake-up may have come and gone while it waited for the
        // committer.
        while !self.shared.is_closed() {
            if self.shared.due.swap(false, Ordering::AcqRel) {
                let kept = self.keep();
                let trouble = match kept {
                    Ok(()) => None,
                    Err(Stop::Closed) => return,
                    Err(Stop::Failed(error)) => Some(error),
                };
                *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
            } else {
                thread::park();
            }
        }
    }

    /// Takes a snapshot of all that is durable, and lets go what is older than the history.
    pub(crate) fn keep(&self) -> Step<()> {
        // Two at once would take each other's parts for leftovers.
        let _alone = self.shared.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        // Without one nothing was written, so the committer is not told that anything failed.
        let mut reader = self.ask(|journal| Ok(journal.reader()))??;
        for snapshot in reader.unfinished()? {
            self.drop_snapshot(snapshot)?;
        }
        let place = &self.shared.place;
        let Some((loaded, ledger)) = load::counted(place, &mut *reader)? else { return Ok(()) };
        if loaded.snapshot.0 < loaded.end.sequence {
            let pieces = {
                let Loaded { engine, end, documents, .. } = &loaded;
                snapshots::pieces(place, engine, &ledger, *documents, *end)?
            };
            drop(loaded);
            self.write(pieces)?;
        }
        self.forget(&reader.snapshots()?)
    }

    fn write(&self, pieces: Pieces) -> Step<()> {
        let bytes = pieces.bytes();
        let Pieces { parts, lines, head } = pieces;
        for (part, n) in parts.into_iter().zip(0..) {
            self.ask(move |journal| journal.put_part(head.mark.sequence, n, &part))?;
        }
        for lines in lines.chunks(LINES) {
            let lines = lines.to_vec();
            self.ask(move |journal| journal.put_lines(head.mark.sequence, &lines))?;
        }
        self.ask(move |journal| journal.finish_snapshot(&head))?;
        self.shared.newest_bytes.store(bytes, Ordering::Release);
        Ok(())
    }

    /// Removes snapshots and facts that nobody needs.
    fn forget(&self, heads: &[Head]) -> Step<()> {
        let (kept, dropped) = kept(heads, self.history);
        for snapshot in dropped {
            self.drop_snapshot(snapshot)?;
        }
        while self.ask(move |journal| journal.forget_facts(kept, STEP))? == STEP {}
        Ok(())
    }

    fn drop_snapshot(&self, snapshot: u64) -> Step<()> {
        while self.ask(move |journal| journal.forget_snapshot(snapshot, STEP))? > 0 {}
        Ok(())
    }

    /// Lets the committer do it between two batches, and waits. If a write fails there, the
    /// committer hears it too.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Step<T> {
        let (tell, told) = mpsc::sync_channel(1);
        self.shared.task(Box::new(move |journal| {
            let done = work(journal);
            let failed = done.as_ref().err().cloned();
            // Whoever does not wait any more does not need to know.
            let _ = tell.send(done);
            failed
        }));
        told.recv().map_err(|_| Stop::Closed)?.map_err(Stop::Failed)
    }
}

/// Up to which fact all may go, and which snapshots: those that are neither the newest, nor the one
/// that the history begins with, nor the first of a stretch of it.
fn kept(heads: &[Head], history: Span) -> (u64, Vec<u64>) {
    let Some(newest) = heads.last() else { return (0, Vec::new()) };
    let history = i64::try_from(history.as_ms()).unwrap_or(i64::MAX);
    let begins_at = newest.at_ms.saturating_sub(history);
    let base = heads.iter().rposition(|head| head.at_ms <= begins_at).unwrap_or(0);
    let mut dropped: Vec<u64> = heads[..base].iter().map(|head| head.mark.sequence).collect();
    let mut stretch_at = heads[base].at_ms;
    for head in &heads[base + 1..] {
        if head.at_ms.saturating_sub(stretch_at) >= history / STRETCHES {
            stretch_at = head.at_ms;
        } else if head.mark != newest.mark {
            dropped.push(head.mark.sequence);
        }
    }
    (heads[base].mark.sequence, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::chain::Mark;

    #[test]
    fn snapshots_stay_at_the_beginning_of_each_stretch() {
        let heads = |ats: &[i64]| -> Vec<Head> {
            let numbered = ats.iter().zip(1..);
            numbered.map(|(at, n)| Head::new(Mark::new(n, 0), *at, 1, 0, 0)).collect()
        };
        let span = Span::milliseconds(100);
        assert_eq!(kept(&[], span), (0, vec![]));
        assert_eq!(kept(&heads(&[0, 10]), span), (1, vec![]));
        // The second is less than a stretch after the first, and there is a newer one.
        assert_eq!(kept(&heads(&[0, 10, 30]), span), (1, vec![2]));
        assert_eq!(kept(&heads(&[0, 10, 30, 140]), span), (3, vec![1, 2]));
        assert_eq!(kept(&heads(&[0, 30, 60, 90, 120, 125]), span), (1, vec![]));
        assert_eq!(kept(&heads(&[0, 10]), Span::ZERO), (2, vec![1]));
    }
}
