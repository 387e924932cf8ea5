//! What is asked of the keys of a store, and what is answered: by the service that has the store
//! open, or by the command itself.
//!
//! Does not know who asks, nor who answers.

use std::fmt::Write;

use mailrota::http::{Key, KeyError, add_key, list_keys, revoke_key, revoke_key_text};
use mailrota::{Clock, DurableEngine, DurableError, OwnerId};
use serde::{Deserialize, Serialize};

use crate::cli::writing::words;

/// What is asked of the keys of a store. It may have a key in it, so it is not to be shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Make one.
    Add { owner: u64, label: String },
    /// List all.
    List,
    /// Revoke the one of a number.
    Revoke { key: u64 },
    /// Revoke the one that this is.
    RevokeText { text: String },
}

/// The text to show, or what is wrong.
pub(crate) type Answer = Result<String, String>;

/// Does what is asked.
pub(crate) fn answer(engine: &DurableEngine, ask: &Ask, clock: &Clock) -> Answer {
    let now = clock.now();
    match ask {
        Ask::Add { owner, label } => {
            let made = add_key(engine, OwnerId(*owner), label, now);
            let (key, text) = made.map_err(|error| error.to_string())?;
            Ok(format!("key {} of owner {}, shown this once: {text}\n", key.id, key.owner))
        }
        Ask::List => {
            let keys = list_keys(engine).map_err(|error| error.to_string())?;
            Ok(table(&keys))
        }
        Ask::Revoke { key } => revoked(revoke_key(engine, *key, now)),
        Ask::RevokeText { text } => revoked(revoke_key_text(engine, text, now)),
    }
}

fn revoked(key: Result<Key, DurableError<KeyError>>) -> Answer {
    let key = key.map_err(|error| error.to_string())?;
    Ok(format!("key {} of owner {} is revoked\n", key.id, key.owner))
}

/// The keys, a line each.
fn table(keys: &[Key]) -> String {
    let mut text = "key  owner  made                  revoked               label\n".to_owned();
    for key in keys {
        let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let (id, owner, made) =
            (key.id, key.owner.to_string(), seconds(&key.created_at.to_string()));
        let (revoked, label) = (seconds(&revoked), words::safe(&key.label));
        // Writing to a text never fails.
        let _ = writeln!(text, "{id:<4} {owner:<6} {made:<21} {revoked:<21} {label}");
    }
    text
}

/// An instant without the fraction of its second.
fn seconds(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}
