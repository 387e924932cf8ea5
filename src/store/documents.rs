//! Documents: what a store keeps besides facts, as texts by kind and id, such as names and keys.
//!
//! They are written by the committer together with the facts of the same step, and read back whole
//! when the store is opened. Knows no meaning. Each has a check of its own and is not in the chain:
//! a newer text replaces an older one, and no history is kept.

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::rotation::Engine;
use crate::store::durable::{AsyncEngine, DurableEngine, Memory};
use crate::store::error::JournalError;
use crate::store::journal::Reader;
use crate::store::ticket::Ticket;

/// A document as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// What kind of thing it is about.
    pub kind: String,
    /// Which of them.
    pub id: String,
    /// What it says; nothing if it is to be removed.
    pub text: Option<String>,
    /// The CRC32C of all of the above.
    pub check: u32,
}

impl Document {
    /// A document as it was read.
    pub const fn new(kind: String, id: String, text: Option<String>, check: u32) -> Self {
        Self { kind, id, text, check }
    }

    /// Whether it says what was written.
    pub(crate) fn is_sound(&self) -> bool {
        check(&self.kind, &self.id, self.text.as_deref()) == self.check
    }

    pub(crate) fn sealed(kind: &str, id: &str, text: Option<&str>) -> Self {
        let check = check(kind, id, text);
        Self { kind: kind.to_owned(), id: id.to_owned(), text: text.map(str::to_owned), check }
    }
}

/// The check that a document must have.
fn check(kind: &str, id: &str, text: Option<&str>) -> u32 {
    [Some(kind), Some(id), text].into_iter().flatten().fold(0, |check, part| {
        let check = crc32c::crc32c_append(check, &(part.len() as u64).to_le_bytes());
        crc32c::crc32c_append(check, part.as_bytes())
    })
}

/// All documents of a store, as they are in memory.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    kept: BTreeMap<String, BTreeMap<String, String>>,
    /// What each document that this step changed said before.
    before: BTreeMap<(String, String), Option<String>>,
}

impl Documents {
    /// What a document says.
    pub fn get(&self, kind: &str, id: &str) -> Option<&str> {
        self.kept.get(kind)?.get(id).map(String::as_str)
    }

    /// The documents of a kind and their ids, in the order of the ids as texts.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &str)> {
        let kept = self.kept.get(kind).into_iter().flatten();
        kept.map(|(id, text)| (id.as_str(), text.as_str()))
    }

    fn set(&mut self, kind: &str, id: &str, text: Option<String>) {
        let before = match text {
            Some(text) => self.kept.entry(kind.to_owned()).or_default().insert(id.to_owned(), text),
            None => self.kept.get_mut(kind).and_then(|kept| kept.remove(id)),
        };
        self.before.entry((kind.to_owned(), id.to_owned())).or_insert(before);
    }

    /// Ends a step: what it changed is to be written, or is taken back.
    fn finish(&mut self, done: bool) -> Vec<Document> {
        let before = std::mem::take(&mut self.before);
        if done {
            let changed = before.keys();
            return changed
                .map(|(kind, id)| Document::sealed(kind, id, self.get(kind, id)))
                .collect();
        }
        for ((kind, id), text) in before {
            self.set(&kind, &id, text);
        }
        self.before.clear();
        Vec::new()
    }
}

/// Reads all documents of a store, each compared with its check.
pub(crate) fn read(place: &str, reader: &mut dyn Reader) -> Result<Documents, JournalError> {
    let mut documents = Documents::default();
    for document in reader.documents()? {
        if !document.is_sound() {
            let Document { kind, id, .. } = document;
            let problem = format!("document {kind} {id} does not match its check");
            return Err(JournalError::damaged(place, None, problem));
        }
        let Document { kind, id, text, .. } = document;
        if let Some(text) = text {
            documents.kept.entry(kind).or_default().insert(id, text);
        }
    }
    Ok(documents)
}

/// One step of a durable engine: commands, and changes of documents, that become durable together.
///
/// Asks the engine's questions as if it were the engine.
#[derive(Debug)]
pub struct Step<'a> {
    pub(crate) engine: &'a mut Engine,
    documents: &'a mut Documents,
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
    ) -> Result<T, crate::store::error::DurableError<E>> {
        self.look_for_room();
        self.begin_step(work).wait()
    }

    /// Asks about the engine and the documents at one instant.
    pub fn look<T>(&self, question: impl FnOnce(&Engine, &Documents) -> T) -> T {
        self.ask_all(|memory| question(&memory.engine, &memory.documents))
    }

    fn begin_step<T, E>(&self, work: impl FnOnce(&mut Step<'_>) -> Result<T, E>) -> Ticket<T, E> {
        self.submit_all(|memory| {
            let Memory { engine, documents, queue, .. } = memory;
            let answer = work(&mut Step { engine, documents });
            queue.documents.extend(documents.finish(answer.is_ok()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_leaves_no_trace() {
        let mut documents = Documents::default();
        documents.set("name", "1", Some("ana".to_owned()));
        let written = documents.finish(true);
        assert_eq!(written, [Document::sealed("name", "1", Some("ana"))]);
        documents.set("name", "1", Some("ben".to_owned()));
        documents.set("name", "1", None);
        documents.set("name", "2", Some("eve".to_owned()));
        assert_eq!(documents.finish(false), []);
        assert_eq!(documents.of_kind("name").collect::<Vec<_>>(), [("1", "ana")]);
        documents.set("name", "1", None);
        assert_eq!(documents.finish(true), [Document::sealed("name", "1", None)]);
        assert_eq!(documents.of_kind("name").count(), 0);
    }

    #[test]
    fn a_check_covers_every_part_and_where_it_ends() {
        let checks = [
            check("a", "b", Some("c")),
            check("ab", "", Some("c")),
            check("", "ab", Some("c")),
            check("a", "bc", None),
            check("a", "b", Some("")),
            check("a", "b", None),
        ];
        for (n, one) in checks.iter().enumerate() {
            assert!(checks[n + 1..].iter().all(|other| other != one), "{n}");
        }
    }
}
