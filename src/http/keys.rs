//! API keys: made, shown once, kept as a hash, compared in constant time.
//!
//! A key is `mr_<number>_<64 hex digits>`. The number finds the record, the 256 random bits prove
//! it. One round of SHA-256 is right for these: what makes a password hash slow is there to keep
//! people's guessable words from being tried, and nobody tries 2^256 values. Knows no call.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http::records::{self, Kind};
use crate::store::{Documents, DurableEngine, DurableError, Step, StoreError};
use crate::vocab::{OwnerId, TimeError, Timestamp};

const PREFIX: &str = "mr_";
/// The longest label, in bytes.
const LABEL_MAX: usize = 200;

/// A key as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    owner: OwnerId,
    /// SHA-256 of the whole key, in hex.
    hash: String,
    label: String,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

/// A key as its owner may see it: everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Its number, by which it is revoked.
    pub id: u64,
    /// Whose accounts and campaigns it opens.
    pub owner: OwnerId,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it opens nothing any more.
    pub revoked_at: Option<Timestamp>,
}

/// A key that was not made, or not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The label is longer than what is kept.
    LabelTooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The instant is not accepted.
    Clock(TimeError),
    /// The machine gave no random bits.
    NoEntropy {
        /// What it said.
        problem: String,
    },
    /// A record cannot be written or read.
    Record {
        /// What is wrong with it.
        problem: String,
    },
    /// The text given is no key as they are made.
    NoKey,
    /// There is no such key.
    UnknownKey {
        /// The number given.
        key: u64,
    },
    /// The text given has the number of a key, and is not that key.
    WrongKey {
        /// The number.
        key: u64,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::LabelTooLong { bytes } => {
                write!(f, "a label of {bytes} bytes is too long; give at most {LABEL_MAX}")
            }
            Self::NoEntropy { problem } => {
                write!(f, "the machine gave no random bits: {problem}; try again")
            }
            Self::Record { problem } => write!(f, "a key's record cannot be used: {problem}"),
            // The texts are not told: they may be keys, or nearly.
            Self::NoKey => f.write_str("that is no key; give a whole one, mr_…, or its number"),
            Self::UnknownKey { key } => write!(f, "there is no key {key}; list them"),
            Self::WrongKey { key } => write!(
                f,
                "key {key} begins like it and is another; give all of it, or a number from the list"
            ),
        }
    }
}

impl std::error::Error for KeyError {}

/// Makes a key of an owner. The text is shown here and never again.
///
/// # Errors
/// [`KeyError`], or the store's.
pub fn add(
    engine: &DurableEngine,
    owner: OwnerId,
    label: &str,
    now: DateTime<Utc>,
) -> Result<(Key, String), DurableError<KeyError>> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        DurableError::Engine(KeyError::NoEntropy { problem: error.to_string() })
    })?;
    let label = label.to_owned();
    engine.step(move |step| make(step, owner, label, &secret, now))
}

fn make(
    step: &mut Step<'_>,
    owner: OwnerId,
    label: String,
    secret: &[u8],
    now: DateTime<Utc>,
) -> Result<(Key, String), KeyError> {
    if label.len() > LABEL_MAX {
        return Err(KeyError::LabelTooLong { bytes: label.len() });
    }
    let created_at = Timestamp::try_from(now).map_err(KeyError::Clock)?;
    let id = records::next_id(step, Kind::Key);
    let text = format!("{PREFIX}{id}_{}", hex(secret));
    let record = KeyRecord { owner, hash: hash(&text), label, created_at, revoked_at: None };
    save(step, id, &record)?;
    Ok((record.shown(id), text))
}

/// Revokes a key: from now on it opens nothing. Repeating it changes nothing.
///
/// # Errors
/// [`KeyError`], or the store's.
pub fn revoke(
    engine: &DurableEngine,
    id: u64,
    now: DateTime<Utc>,
) -> Result<Key, DurableError<KeyError>> {
    engine.step(|step| end(step, id, None, now))
}

/// Revokes a key by its text, as for one that leaked, so that a key of another store is not taken
/// for the one here that has its number. Repeating it changes nothing.
///
/// # Errors
/// [`KeyError`], or the store's. None has the text.
pub fn revoke_text(
    engine: &DurableEngine,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Key, DurableError<KeyError>> {
    let id = number(text).ok_or(DurableError::Engine(KeyError::NoKey))?;
    engine.step(|step| end(step, id, Some(text), now))
}

fn end(
    step: &mut Step<'_>,
    id: u64,
    text: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Key, KeyError> {
    let record = records::load::<KeyRecord>(step.documents(), Kind::Key, id);
    let mut record = record.ok_or(KeyError::UnknownKey { key: id })?;
    if text.is_some_and(|text| !record.is_of(text)) {
        return Err(KeyError::WrongKey { key: id });
    }
    if record.revoked_at.is_none() {
        record.revoked_at = Some(Timestamp::try_from(now).map_err(KeyError::Clock)?);
        save(step, id, &record)?;
    }
    Ok(record.shown(id))
}

/// Every key, revoked ones too, by number.
///
/// # Errors
/// [`StoreError`] is kept for stores that answer by reading; this one never fails.
pub fn list(engine: &DurableEngine) -> Result<Vec<Key>, StoreError> {
    let mut keys: Vec<Key> = engine.look(|_, documents| {
        let all = records::all::<KeyRecord>(documents, Kind::Key);
        all.map(|(id, record)| record.shown(id)).collect()
    });
    keys.sort_by_key(|key| key.id);
    Ok(keys)
}

/// Whose key a text is, and its number. Takes the same time whatever is wrong with it.
pub(super) fn check(documents: &Documents, text: &str) -> Option<(u64, OwnerId)> {
    let id = number(text);
    let record = id.and_then(|id| records::load::<KeyRecord>(documents, Kind::Key, id));
    let given = hash(text);
    // A number that is not there is compared all the same.
    let nothing = "0".repeat(given.len());
    let kept = record.as_ref().map_or(nothing.as_str(), |record| record.hash.as_str());
    let same = bool::from(given.as_bytes().ct_eq(kept.as_bytes()));
    let record = record.filter(|record| same && record.revoked_at.is_none())?;
    Some((id?, record.owner))
}

/// The number that a text has if it is a key.
fn number(text: &str) -> Option<u64> {
    text.strip_prefix(PREFIX)?.split_once('_')?.0.parse().ok()
}

/// Whether a key that was given before still opens.
pub(super) fn is_valid(documents: &Documents, id: u64) -> bool {
    let record = records::load::<KeyRecord>(documents, Kind::Key, id);
    record.is_some_and(|record| record.revoked_at.is_none())
}

impl KeyRecord {
    /// Whether a text is the key.
    fn is_of(&self, text: &str) -> bool {
        bool::from(hash(text).as_bytes().ct_eq(self.hash.as_bytes()))
    }

    fn shown(&self, id: u64) -> Key {
        let Self { owner, label, created_at, revoked_at, .. } = self.clone();
        Key { id, owner, label, created_at, revoked_at }
    }
}

fn save(step: &mut Step<'_>, id: u64, record: &KeyRecord) -> Result<(), KeyError> {
    records::save(step, Kind::Key, id, record)
        .map_err(|error| KeyError::Record { problem: error.to_string() })
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryDisk, MemoryJournal, Options};

    #[test]
    fn a_key_opens_until_it_is_revoked_and_only_as_it_was_given() {
        let disk = MemoryDisk::new();
        let journal = MemoryJournal::open(&disk).unwrap();
        let now = DateTime::UNIX_EPOCH;
        let engine = DurableEngine::with_journal(Box::new(journal), &Options::default(), now);
        let engine = engine.unwrap();
        let (key, text) = add(&engine, OwnerId(7), "one", now).unwrap();
        let (other, other_text) = add(&engine, OwnerId(8), "two", now).unwrap();
        assert_eq!((key.id, other.id), (1, 2));
        let opens = |text: &str| engine.look(|_, documents| check(documents, text));
        assert_eq!(opens(&text), Some((1, OwnerId(7))));
        assert_eq!(opens(&other_text), Some((2, OwnerId(8))));
        let secret = text.rsplit_once('_').unwrap().1;
        let tail = &text[..text.len() - 1];
        for wrong in [
            String::new(),
            tail.to_owned(),
            format!("{text}0"),
            text.to_uppercase(),
            format!("mr_2_{secret}"),
            format!("mr_3_{secret}"),
            format!("mr_01_{secret}"),
            secret.to_owned(),
        ] {
            assert_eq!(opens(&wrong), None, "{wrong}");
        }
        assert!(revoke(&engine, 3, now).is_err());
        revoke(&engine, 1, now).unwrap();
        assert_eq!(opens(&text), None);
        assert_eq!(opens(&other_text), Some((2, OwnerId(8))));
        let kept = engine.look(|_, documents| {
            documents.of_kind("key").map(|(_, text)| text.to_owned()).collect::<String>()
        });
        assert!(!kept.contains(secret), "the key itself is kept");
        assert_eq!(list(&engine).unwrap().len(), 2);
    }
}
