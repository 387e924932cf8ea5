//! Documents: what a store keeps besides facts, as texts by kind and id, such as names and keys.
//!
//! They are written by the committer together with the facts of the same step, and read back whole
//! when the store is opened. Knows no meaning, and not who changes them. Each has a check of its
//! own, and what all of them come to is noted in the chain with each change: a newer text replaces
//! an older one, and no history is kept, but one that is gone or is an older one is noticed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::error::JournalError;

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

/// What all documents of a store come to, in whatever order. It is noted in the chain of facts with
/// each change of one, and in each snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(crate) struct Sum {
    count: u64,
    sum: u64,
}

/// A sum as it is written down: a number of 64 bits is not safe in everybody's JSON.
#[derive(Serialize, Deserialize)]
struct Written {
    count: u64,
    sum: String,
}

/// What is in the chain beside facts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) documents: Sum,
}

impl Note {
    /// How each of them begins, and no fact does.
    pub(crate) const BEGINS: &str = "{\"documents\":";
}

impl Sum {
    /// Counts a document.
    pub(crate) fn take_in(&mut self, document: &Document) {
        if let Some(text) = &document.text {
            self.add(&document.kind, &document.id, text);
        }
    }

    fn add(&mut self, kind: &str, id: &str, text: &str) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(share(kind, id, text));
    }

    fn take(&mut self, kind: &str, id: &str, text: &str) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(share(kind, id, text));
    }

    /// Why documents that come to this are not those that were noted, if so.
    pub(crate) fn differs(self, noted: Option<Self>) -> Option<String> {
        let noted = noted.filter(|noted| *noted != self)?;
        let (found, written) = (self.count, noted.count);
        Some(format!(
            "its documents are not those that were written: {found} are there, of {written}; a \
             repair keeps those that are there"
        ))
    }
}

/// One document's share of a sum. Mixed, so that what one lacks no other makes up for.
fn share(kind: &str, id: &str, text: &str) -> u64 {
    let mixed = u64::from(check(kind, id, Some(text))) | (text.len() as u64) << 32;
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

impl From<Sum> for Written {
    fn from(Sum { count, sum }: Sum) -> Self {
        Self { count, sum: format!("{sum:016x}") }
    }
}

impl From<Written> for Sum {
    fn from(Written { count, sum }: Written) -> Self {
        // What is no number is no sum either, and then equals none.
        Self { count, sum: u64::from_str_radix(&sum, 16).unwrap_or_default() }
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
    sum: Sum,
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

    /// What all of them come to.
    pub(crate) const fn sum(&self) -> Sum {
        self.sum
    }

    /// Sets what a document says in this step, or removes it.
    pub(crate) fn set(&mut self, kind: &str, id: &str, text: Option<String>) {
        if let Some(text) = &text {
            self.sum.add(kind, id, text);
        }
        let before = match text {
            Some(text) => self.kept.entry(kind.to_owned()).or_default().insert(id.to_owned(), text),
            None => self.kept.get_mut(kind).and_then(|kept| kept.remove(id)),
        };
        if let Some(before) = &before {
            self.sum.take(kind, id, before);
        }
        self.before.entry((kind.to_owned(), id.to_owned())).or_insert(before);
    }

    /// Ends a step: what it changed is to be written, or is taken back.
    pub(crate) fn finish(&mut self, done: bool) -> Vec<Document> {
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

/// Takes in all documents of a store as they were read, each compared with its check.
pub(crate) fn read(place: &str, kept: Vec<Document>) -> Result<Documents, JournalError> {
    let mut documents = Documents::default();
    for document in kept {
        if !document.is_sound() {
            let Document { kind, id, .. } = document;
            let problem = format!("document {kind} {id} does not match its check");
            return Err(JournalError::damaged(place, None, problem));
        }
        let Document { kind, id, text, .. } = document;
        if let Some(text) = text {
            documents.sum.add(&kind, &id, &text);
            documents.kept.entry(kind).or_default().insert(id, text);
        }
    }
    Ok(documents)
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
    fn a_sum_is_that_of_what_is_there_and_of_nothing_else() {
        let mut documents = Documents::default();
        for (id, text) in [("1", "ana"), ("2", "ben"), ("1", "eva"), ("2", "eva")] {
            documents.set("name", id, Some(text.to_owned()));
        }
        documents.finish(true);
        documents.set("name", "3", Some("ida".to_owned()));
        documents.set("name", "1", None);
        documents.finish(false);
        let mut other = Documents::default();
        for id in ["2", "1"] {
            other.set("name", id, Some("eva".to_owned()));
        }
        assert_eq!(documents.sum(), other.sum());
        let noted = serde_json::to_string(&Note { documents: other.sum() }).unwrap();
        assert!(noted.starts_with(Note::BEGINS), "{noted}");
        let noted: Note = serde_json::from_str(&noted).unwrap();
        assert_eq!((noted.documents, other.sum().differs(None)), (other.sum(), None));
        other.set("name", "1", Some("ana".to_owned()));
        assert!(other.sum().differs(Some(noted.documents)).is_some());
        other.set("name", "1", Some("eva".to_owned()));
        assert_eq!(other.sum().differs(Some(noted.documents)), None);
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
