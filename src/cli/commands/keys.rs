//! The command `keys`: makes, revokes and lists the API keys of a store, also while a service runs
//! on it.

use std::io;
use std::process::ExitCode;

use mailrota::Clock;

use crate::cli::commands::serve;
use crate::cli::options::service_args::{Keys, KeysCommand, Store};
use crate::cli::stores::control;
use crate::cli::stores::keyring::{self, Answer, Ask};
use crate::cli::writing::failure::Failure;

/// Does what is asked of the keys: in the service that has the store open, or else here.
pub(crate) fn keys(keys: &Keys) -> Result<ExitCode, Failure> {
    let (ask, store) = match &keys.command {
        KeysCommand::Add { owner, label, store } => {
            (Ask::Add { owner: *owner, label: label.clone() }, store)
        }
        KeysCommand::List { store } => (Ask::List, store),
        KeysCommand::Revoke { key, store } => (revoke(key)?, store),
    };
    let answered = control::call(&store.store, &ask).map_or_else(|| alone(store, &ask), Ok)?;
    match serve::show(&answered.map_err(Failure::new)?) {
        // Whoever read has read enough, as `head` does. A key is to be read to its end.
        Err(error) if matches!(ask, Ask::List) && error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            return Err(Failure::new(format!(
                "it is done, and the answer cannot be written: {error}; see mailrota keys list"
            )));
        }
        Ok(()) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Which key is to be revoked. What is neither a number nor a key may be a part of one, so it is
/// not told.
fn revoke(key: &str) -> Result<Ask, Failure> {
    if let Ok(key) = key.parse() {
        return Ok(Ask::Revoke { key });
    }
    let number = key.strip_prefix("mr_").and_then(|rest| rest.split_once('_'));
    if number.is_some_and(|(number, _)| number.parse::<u64>().is_ok()) {
        return Ok(Ask::RevokeText { text: key.to_owned() });
    }
    Err(Failure::new(
        "what was given to keys revoke is no key; give the number that keys list shows, or a whole \
         key: mr_…",
    ))
}

/// Does it on a store that nobody has open. Only making a key makes a store too.
fn alone(store: &Store, ask: &Ask) -> Result<Answer, Failure> {
    let (store, confirmed) = (&store.store, store.confirmed);
    // SQLite takes an empty file for a database, as if it were not there.
    let is_there = store.metadata().is_ok_and(|file| !file.is_file() || file.len() > 0);
    if !matches!(ask, Ask::Add { .. }) && !is_there {
        let store = store.display();
        return Err(Failure::new(format!("there is no store {store}; give another --store")));
    }
    let clock = Clock::machine();
    let engine = serve::open_store(store, confirmed, &clock)?;
    let answered = keyring::answer(&engine, ask, &clock);
    engine.close().map_err(Failure::of)?;
    Ok(answered)
}
