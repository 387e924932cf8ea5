//! Steps of a durable engine: commands and changes of documents that become durable together, and
//! questions about both at one instant.
//!
//! Decides nothing, and knows no meaning of a document.

use std::ops::Deref;

use crate::rotation::{Engine, Notice, Unavailable, Watch};
use crate::store::committing::queue::Memory;
use crate::store::committing::ticket::Ticket;
use crate::store::engine::durable::{AsyncEngine, DurableEngine};
use crate::store::error::DurableError;
use crate::store::journal::documents::Documents;
use crate::vocab::CampaignId;

/// One step of a durable engine: commands, and changes of documents, that become durable together.
///
/// Asks the engine's questions as if it were the engine.
#[derive(Debug)]
pub struct Step<'a> {
    pub(crate) engine: &'a mut Engine,
    documents: &'a mut Documents,
    watch: Option<&'a mut Watch>,
    notices: &'a mut Vec<Notice>,
}

impl Step<'_> {
    /// All documents, with what this step changed so far.
    pub const fn documents(&self) -> &Documents {
        self.documents
    }

    /// Sets what a document says.
    pub fn put(&mut self, kind: &str, id: &str, text: String) {
        self.documents.set(kind, id, Some(text));
    }

    /// Notes for the [observer](DurableEngine::observe) that nobody may take a new lead of a
    /// campaign, as [`Watch::unavailable`] tells.
    pub fn note_unavailable(&mut self, campaign: CampaignId, unavailable: &Unavailable) {
        if let Some(watch) = &mut self.watch {
            watch.unavailable(self.engine, campaign, unavailable, self.notices);
        }
    }

    /// Removes a document, if it is there.
    pub fn remove(&mut self, kind: &str, id: &str) {
        self.documents.set(kind, id, None);
    }
}

impl Deref for Step<'_> {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        self.engine
    }
}

impl DurableEngine {
    /// Takes several commands and changes of documents in one step, with nobody else in between.
    ///
    /// If `work` fails, what it changed of the documents is taken back. The engine's commands are
    /// facts once they were answered: give them after everything that may fail.
    ///
    /// # Errors
    /// Those of `work`, and the store's.
    pub fn step<T, E>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T, E>,
    ) -> Result<T, DurableError<E>> {
        self.shared().look_for_room();
        self.begin_step(work).wait()
    }

    /// Asks about the engine and the documents at one instant.
    pub fn look<T>(&self, question: impl FnOnce(&Engine, &Documents) -> T) -> T {
        self.ask_all(|memory| question(&memory.engine, &memory.documents))
    }

    fn begin_step<T, E>(&self, work: impl FnOnce(&mut Step<'_>) -> Result<T, E>) -> Ticket<T, E> {
        self.submit_all(|memory| {
            let Memory { engine, documents, queue, watch, .. } = memory;
            let (watch, notices) = (watch.as_mut(), &mut queue.notices);
            let answer = work(&mut Step { engine, documents, watch, notices });
            queue.documents.extend(documents.finish(answer.is_ok()));
            queue.sum = documents.sum();
            answer
        })
    }
}

impl AsyncEngine {
    /// [`DurableEngine::step`], to be awaited until it is durable.
    pub fn step<T, E>(&self, work: impl FnOnce(&mut Step<'_>) -> Result<T, E>) -> Ticket<T, E> {
        self.engine.begin_step(work)
    }

    /// [`DurableEngine::look`].
    pub fn look<T>(&self, question: impl FnOnce(&Engine, &Documents) -> T) -> T {
        self.engine.look(question)
    }
}
