//! The command `keys`: makes, revokes and lists the API keys of a store, also while a service runs
//! on it.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mailrota::Clock;
use mailrota::http::Key;

use crate::cli::control::{self, Answer, Ask};
use crate::cli::serve::{self, Confirmed};
use crate::cli::{Failure, parse, words};

pub(super) const AFTER: &str = "\
A key is shown when it is made and never again; the store keeps a hash of it. A service that has the
store open is asked to do it, through a socket beside the store, and takes or refuses the key from
then on.

Examples:
  mailrota keys add --owner 7 --label billing
  mailrota keys revoke 3
  mailrota keys revoke mr_3_a325…
  mailrota keys list";

#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key and print it, once
    Add {
        /// Whose accounts and campaigns it opens
        #[arg(long, value_name = "N", default_value_t = 1,
              value_parser = parse::whole::<u64>(0..=u64::MAX))]
        owner: u64,

        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,

        #[command(flatten)]
        store: Store,
    },
    /// List all keys, revoked ones too
    List {
        #[command(flatten)]
        store: Store,
    },
    /// Revoke a key: from now on it opens nothing
    Revoke {
        /// Its number, as `keys list` shows it, or the whole key, as one that leaked
        #[arg(value_name = "KEY")]
        key: String,

        #[command(flatten)]
        store: Store,
    },
}

#[derive(Args)]
struct Store {
    /// The file that everything is kept in
    #[arg(long, value_name = "FILE", default_value = "mailrota.db")]
    store: PathBuf,

    #[command(flatten)]
    confirmed: Confirmed,
}

/// Does what is asked of the keys: in the service that has the store open, or else here.
pub(super) fn keys(keys: &Keys) -> Result<ExitCode, Failure> {
    let (ask, store) = match &keys.command {
        Command::Add { owner, label, store } => {
            (Ask::Add { owner: *owner, label: label.clone() }, store)
        }
        Command::List { store } => (Ask::List, store),
        Command::Revoke { key, store } => (revoke(key)?, store),
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
    let answered = control::answer(&engine, ask, &clock);
    engine.close().map_err(Failure::of)?;
    Ok(answered)
}

pub(super) fn table(keys: &[Key]) -> String {
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
