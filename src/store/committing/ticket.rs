//! Waiting for what was decided to become durable, as a thread or as a task of any runtime.
//!
//! Each caller has a slot of its own, so that only those are woken whose facts are written.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};

use crate::store::error::{DurableError, StoreError};

/// An answer that becomes usable once everything it rests on is durable. A future that needs no
/// certain runtime.
///
/// The call has taken effect when the ticket is made, not when it is awaited. Dropping the ticket
/// gives up the answer and not the fact: a reservation made so stays out until it is settled, given
/// back, or lapses. A key in the request finds it again.
#[must_use = "the answer is not durable before the ticket is done"]
pub struct Ticket<T, E> {
    answer: Option<Result<T, E>>,
    fate: Fate,
}

enum Fate {
    Known(Result<(), StoreError>),
    Waiting(Arc<Slot>),
}

impl<T, E> Ticket<T, E> {
    pub(crate) const fn ready(answer: Result<T, E>) -> Self {
        Self { answer: Some(answer), fate: Fate::Known(Ok(())) }
    }

    pub(crate) const fn refused(error: StoreError) -> Self {
        Self { answer: None, fate: Fate::Known(Err(error)) }
    }

    pub(crate) const fn waiting(answer: Result<T, E>, slot: Arc<Slot>) -> Self {
        Self { answer: Some(answer), fate: Fate::Waiting(slot) }
    }

    /// Blocks this thread until the answer is durable.
    ///
    /// # Errors
    /// [`DurableError`]: the engine's own error, or the store's.
    pub fn wait(mut self) -> Result<T, DurableError<E>> {
        let outcome = match &self.fate {
            Fate::Known(outcome) => outcome.clone(),
            Fate::Waiting(slot) => slot.wait(),
        };
        self.finish(outcome)
    }

    fn finish(&mut self, outcome: Result<(), StoreError>) -> Result<T, DurableError<E>> {
        outcome.map_err(DurableError::Store)?;
        let answer = self.answer.take().ok_or(DurableError::Store(StoreError::Closed))?;
        answer.map_err(DurableError::Engine)
    }
}

// Nothing in it is pinned.
impl<T, E> Unpin for Ticket<T, E> {}

impl<T, E> Future for Ticket<T, E> {
    type Output = Result<T, DurableError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &self.fate {
            Fate::Known(outcome) => outcome.clone(),
            Fate::Waiting(slot) => match slot.poll(context.waker()) {
                Some(outcome) => outcome,
                None => return Poll::Pending,
            },
        };
        Poll::Ready(self.finish(outcome))
    }
}

impl<T, E> fmt::Debug for Ticket<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// Where one caller waits for one answer.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    outcome: Option<Result<(), StoreError>>,
    who: Who,
}

#[derive(Debug, Default)]
enum Who {
    #[default]
    Nobody,
    Task(Waker),
    Thread(Thread),
}

impl Slot {
    /// Says what became of it and wakes who waits.
    pub(crate) fn tell(&self, outcome: Result<(), StoreError>) {
        let mut state = self.state();
        state.outcome = Some(outcome);
        let who = std::mem::take(&mut state.who);
        drop(state);
        match who {
            Who::Nobody => {}
            // A runtime that panics takes its own task along and not those of others.
            Who::Task(waker) => drop(catch_unwind(AssertUnwindSafe(|| waker.wake()))),
            Who::Thread(thread) => thread.unpark(),
        }
    }

    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        loop {
            let mut state = self.state();
            if let Some(outcome) = &state.outcome {
                return outcome.clone();
            }
            state.who = Who::Thread(thread::current());
            drop(state);
            thread::park();
        }
    }

    fn poll(&self, waker: &Waker) -> Option<Result<(), StoreError>> {
        let mut state = self.state();
        if state.outcome.is_none() {
            state.who = Who::Task(waker.clone());
        }
        state.outcome.clone()
    }

    /// What is in it is set in one step, so a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
