//! What is in memory: the engine as far as it has decided, and what of that is not written yet.
//!
//! Knows no thread and no lock.

use std::sync::Arc;

use crate::rotation::{Engine, Event, Notice, Watch};
use crate::store::committing::ticket::Slot;
use crate::store::error::{JournalError, StoreError};
use crate::store::journal::documents::{Document, Documents, Sum};

/// The engine, as far as it has decided, and what is not written yet.
pub(crate) struct Memory {
    pub(crate) engine: Engine,
    pub(crate) documents: Documents,
    pub(crate) queue: Queue,
    /// What is worth telling of facts, once somebody wants to know.
    pub(crate) watch: Option<Watch>,
    /// Whether nothing is being written just now.
    pub(crate) idle: bool,
    /// For how many waiters the committer sleeps; so many that never, while it does not.
    pub(crate) wanted: usize,
    /// Why calls are refused, if they are.
    pub(crate) refusal: Option<StoreError>,
    /// Why calls are refused until there is room again, if they are.
    pub(crate) paused: Option<JournalError>,
    /// Who waits to be told whether there is.
    pub(crate) asking: Vec<Arc<Slot>>,
}

/// Facts that are decided and not written, and who waits for them.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) events: Vec<Event>,
    pub(crate) documents: Vec<Document>,
    /// What all documents come to with those.
    pub(crate) sum: Sum,
    /// What the facts are worth telling.
    pub(crate) notices: Vec<Notice>,
    pub(crate) waiters: Vec<Arc<Slot>>,
}

impl Queue {
    /// Takes over what came after this.
    pub(crate) fn append(&mut self, later: &mut Self) {
        if self.waiters.is_empty() {
            std::mem::swap(self, later);
            return;
        }
        self.events.append(&mut later.events);
        if !later.documents.is_empty() {
            self.documents.append(&mut later.documents);
            self.sum = later.sum;
        }
        self.notices.append(&mut later.notices);
        self.waiters.append(&mut later.waiters);
    }
}

impl Memory {
    pub(crate) fn new(engine: Engine, documents: Documents) -> Self {
        let (queue, watch, refusal, paused, asking) = Default::default();
        Self { engine, documents, queue, watch, idle: false, wanted: 1, refusal, paused, asking }
    }
}
