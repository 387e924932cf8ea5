//! The command `keys`: makes, revokes and lists the API keys of a store that no service has open.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mailrota::http::{Key, add_key, list_keys, revoke_key};
use mailrota::{Clock, DurableEngine, Options, OwnerId};

use crate::cli::{Failure, serve, words};

pub(super) const AFTER: &str = "\
A key is shown when it is made and never again; the store keeps a hash of it. A store is open in one
process at a time: stop the service first.

Examples:
  mailrota keys add --owner 7 --label billing
  mailrota keys revoke 3
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
        #[arg(long, value_name = "N", default_value_t = 1)]
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
        /// Its number, as the list shows it
        #[arg(value_name = "KEY")]
        key: u64,

        #[command(flatten)]
        store: Store,
    },
}

#[derive(Args)]
struct Store {
    /// The file that everything is kept in
    #[arg(long, value_name = "FILE", default_value = "mailrota.db")]
    store: PathBuf,
}

/// Does what is asked of the keys.
pub(super) fn keys(keys: &Keys) -> Result<ExitCode, Failure> {
    let clock = Clock::machine();
    let now = clock.now();
    let text = match &keys.command {
        Command::Add { owner, label, store } => {
            let engine = open(&store.store, &clock, true)?;
            let (key, text) = add_key(&engine, OwnerId(*owner), label, now).map_err(Failure::of)?;
            closed(&engine)?;
            format!("key {} of owner {}, shown this once: {text}\n", key.id, key.owner)
        }
        Command::List { store } => {
            let engine = open(&store.store, &clock, false)?;
            let keys = list_keys(&engine).map_err(Failure::of)?;
            closed(&engine)?;
            table(&keys)
        }
        Command::Revoke { key, store } => {
            let engine = open(&store.store, &clock, false)?;
            let key = revoke_key(&engine, *key, now).map_err(Failure::of)?;
            closed(&engine)?;
            format!("key {} of owner {} is revoked\n", key.id, key.owner)
        }
    };
    serve::show(&text);
    Ok(ExitCode::SUCCESS)
}

/// Opens the store; only making a key makes a store too.
fn open(store: &Path, clock: &Clock, make: bool) -> Result<DurableEngine, Failure> {
    if !make && !store.exists() {
        let store = store.display();
        return Err(Failure::new(format!("there is no store {store}; give another --store")));
    }
    DurableEngine::open(store, &Options::default(), clock.now()).map_err(Failure::of)
}

fn closed(engine: &DurableEngine) -> Result<(), Failure> {
    engine.close().map_err(Failure::of)
}

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
