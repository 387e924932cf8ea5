//! The one seam: what a durable engine asks of whoever keeps its facts.
//!
//! A journal moves texts and numbers. Checks are computed and compared by the engine, so a journal
//! holds no rule but these: what it confirmed is there after any crash, in order, and what it
//! refused is not.

use std::fmt;
use std::io;

use serde::Serialize;

use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::Document;
use crate::store::journal::ledger::Line;

/// A fact as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its number and its check.
    pub mark: Mark,
    /// The event as JSON.
    pub text: String,
}

impl Record {
    /// A fact as it was read.
    pub const fn new(sequence: u64, check: u32, text: String) -> Self {
        Self { mark: Mark::new(sequence, check), text }
    }
}

/// Facts, and documents, that are written together or not at all; the facts in order and without
/// gaps. Where documents change, the last of the facts notes what all of them come to.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    texts: String,
    /// Each fact's mark and the end of its text.
    facts: Vec<(Mark, usize)>,
    documents: Vec<Document>,
}

impl Batch {
    /// Each fact's number, check and text.
    pub fn iter(&self) -> impl Iterator<Item = (Mark, &str)> {
        let starts = std::iter::once(0).chain(self.facts.iter().map(|(_, end)| *end));
        let facts = self.facts.iter().zip(starts);
        facts.map(|((mark, end), start)| (*mark, &self.texts[start..*end]))
    }

    /// How many facts there are.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there are no facts and no documents.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.documents.is_empty()
    }

    /// Documents in the order of their changes: each replaces the one of its kind and id, and
    /// removes it if it has no text.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The place of the last fact.
    pub fn last(&self) -> Option<Mark> {
        self.facts.last().map(|(mark, _)| *mark)
    }

    /// Whether this is the place of so many-th fact, counted from 1; or there is none and none is
    /// asked for.
    #[cfg(feature = "sqlite")]
    pub(crate) fn has(&self, mark: Option<Mark>, nth: usize) -> bool {
        mark == nth.checked_sub(1).and_then(|n| self.facts.get(n)).map(|(mark, _)| *mark)
    }

    /// The length of all texts in bytes.
    pub fn bytes(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn push(&mut self, mark: Mark, text: &str) {
        self.texts.push_str(text);
        self.facts.push((mark, self.texts.len()));
    }

    /// Adds a fact that comes after a place in the chain, and returns its own.
    pub(crate) fn add(
        &mut self,
        after: Mark,
        fact: &impl Serialize,
        scratch: &mut Vec<u8>,
    ) -> io::Result<Mark> {
        scratch.clear();
        serde_json::to_writer(&mut *scratch, fact)?;
        let text = std::str::from_utf8(scratch).map_err(io::Error::other)?;
        let mark = after.next(text);
        self.push(mark, text);
        Ok(mark)
    }

    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.facts.clear();
        self.documents.clear();
    }

    pub(crate) fn put_documents(&mut self, documents: &mut Vec<Document>) {
        self.documents.append(documents);
    }
}

/// What is known of a finished snapshot besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// The last fact that is in it.
    pub mark: Mark,
    /// The engine's clock in milliseconds since 1970; the smallest number before the first call.
    pub at_ms: i64,
    /// How many parts the text has.
    pub parts: u32,
    /// The CRC32C of the text.
    pub hash: u32,
    /// The CRC32C of all numbers above.
    pub seal: u32,
}

impl Head {
    /// What a journal read.
    pub const fn new(mark: Mark, at_ms: i64, parts: u32, hash: u32, seal: u32) -> Self {
        Self { mark, at_ms, parts, hash, seal }
    }

    /// The seal that these numbers must have.
    pub(crate) fn sealed(&self) -> u32 {
        let numbers = crc32c::crc32c(&self.mark.sequence.to_le_bytes());
        let numbers = crc32c::crc32c_append(numbers, &self.mark.check.to_le_bytes());
        let numbers = crc32c::crc32c_append(numbers, &self.at_ms.to_le_bytes());
        let numbers = crc32c::crc32c_append(numbers, &self.parts.to_le_bytes());
        crc32c::crc32c_append(numbers, &self.hash.to_le_bytes())
    }
}

/// Who keeps the facts of one engine. One at a time writes.
///
/// An error that [passes](JournalError::is_passing) means that nothing was written. After any other
/// error of a write nothing is known, the journal is dropped, and whoever opens the store next
/// looks.
pub trait Journal: Send + fmt::Debug {
    /// What to call this store in an error, such as the path of its file.
    fn place(&self) -> &str;

    /// Another, independent view, which reads what is durable while this one writes.
    ///
    /// # Errors
    /// [`JournalError`] if it cannot be opened. That changes nothing: this one goes on writing.
    fn reader(&self) -> Result<Box<dyn Reader>, JournalError>;

    /// The furthest place that is known, from outside the facts themselves, to have been written;
    /// a store that ends before it was cut off.
    fn witnessed(&self) -> Option<Mark>;

    /// Makes all that a reader finds durable. An earlier process may have died between a write and
    /// its sync; what it left is not answered to anybody before this returns.
    ///
    /// # Errors
    /// [`JournalError`].
    fn make_durable(&mut self) -> Result<(), JournalError>;

    /// Tells what is about to be appended, so that a journal may begin to write it: the batch that
    /// comes with the next [`append`](Self::append), or its first facts. It may be told again, with
    /// more. Nothing of it is durable or seen by a reader. If another batch is told or appended, or
    /// anything else is asked of the journal, it is undone first.
    ///
    /// # Errors
    /// [`JournalError`]; what was begun is undone then.
    fn prepare(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let _ = batch;
        Ok(())
    }

    /// Appends all facts of a batch and takes over its documents, or none of it, and returns when
    /// that is durable. The first fact follows the last that is there; a journal refuses a number
    /// that is taken.
    ///
    /// # Errors
    /// [`JournalError`].
    fn append(&mut self, batch: &Batch) -> Result<(), JournalError>;

    /// Adds a part to a snapshot that is not finished, in place of one with this number. Nobody
    /// sees it before the snapshot is finished.
    ///
    /// # Errors
    /// [`JournalError`].
    fn put_part(&mut self, snapshot: u64, part: u32, text: &str) -> Result<(), JournalError>;

    /// Adds lines to the tables that people read beside a snapshot which is not finished. A journal
    /// that nobody looks into leaves them out; nothing reads them back.
    ///
    /// # Errors
    /// [`JournalError`].
    fn put_lines(&mut self, snapshot: u64, lines: &[Line]) -> Result<(), JournalError> {
        let _ = (snapshot, lines);
        Ok(())
    }

    /// Makes a snapshot visible, all at once and durably.
    ///
    /// # Errors
    /// [`JournalError`].
    fn finish_snapshot(&mut self, head: &Head) -> Result<(), JournalError>;

    /// Removes at most so many of the oldest facts, none after `until`. Returns how many.
    ///
    /// # Errors
    /// [`JournalError`].
    fn forget_facts(&mut self, until: u64, most: u32) -> Result<u32, JournalError>;

    /// Removes a snapshot, finished or not: its head at once, then at most so many of its parts and
    /// lines. Returns how many; 0 when nothing of it is left.
    ///
    /// # Errors
    /// [`JournalError`].
    fn forget_snapshot(&mut self, snapshot: u64, most: u32) -> Result<u32, JournalError>;

    /// Tidies up before it is dropped. Whatever was confirmed is durable without it.
    ///
    /// # Errors
    /// [`JournalError`].
    fn close(&mut self) -> Result<(), JournalError>;
}

/// A view of what is durable.
pub trait Reader: Send + fmt::Debug {
    /// The finished snapshots, oldest first.
    ///
    /// # Errors
    /// [`JournalError`].
    fn snapshots(&mut self) -> Result<Vec<Head>, JournalError>;

    /// The snapshots of which there are parts or lines but no head.
    ///
    /// # Errors
    /// [`JournalError`].
    fn unfinished(&mut self) -> Result<Vec<u64>, JournalError>;

    /// A part of a snapshot; nothing if it is not there.
    ///
    /// # Errors
    /// [`JournalError`].
    fn part(&mut self, snapshot: u64, part: u32) -> Result<Option<String>, JournalError>;

    /// The facts after a number in order, at most so many; fewer only at the end.
    ///
    /// # Errors
    /// [`JournalError`].
    fn records(&mut self, after: u64, most: usize) -> Result<Vec<Record>, JournalError>;

    /// Every document, and the number of the last fact, of a snapshot's if there is none, at the
    /// same instant.
    ///
    /// # Errors
    /// [`JournalError`].
    fn documents(&mut self) -> Result<(Vec<Document>, u64), JournalError>;

    /// Answers from one instant from now on, whatever is written or let go meanwhile, until it
    /// [goes on](Self::go_on). Not for long: what is let go keeps its room until then. One that
    /// cannot answers from what is there.
    ///
    /// # Errors
    /// [`JournalError`].
    fn stand_still(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Answers from what is there again.
    fn go_on(&mut self) {}
}
