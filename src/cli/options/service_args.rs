//! The options of the commands `serve` and `keys`, with the texts of their help.
//!
//! Declares them; what they mean is made of them elsewhere.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::options::parse;

pub(crate) const SERVE_AFTER: &str = "\
The first start makes the store and prints an API key, once. Ctrl-C or SIGTERM ends it: what runs is
finished, what is new is answered 503, and the store is closed.

Examples:
  mailrota serve
  mailrota serve --listen 0.0.0.0:8025 --store /var/lib/mailrota/store.db --log json";

pub(crate) const KEYS_AFTER: &str = "\
A key is shown when it is made and never again; the store keeps a hash of it. A service that has the
store open is asked to do it, through a socket beside the store, and takes or refuses the key from
then on.

Examples:
  mailrota keys add --owner 7 --label billing
  mailrota keys revoke 3
  mailrota keys revoke mr_3_a325…
  mailrota keys list";

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen; a name such as localhost is looked up
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8025",
          value_parser = parse::listen)]
    pub(crate) listen: String,

    /// The file that everything is kept in
    #[arg(long, value_name = "FILE", default_value = "mailrota.db")]
    pub(crate) store: PathBuf,

    #[command(flatten)]
    pub(crate) confirmed: Confirmed,

    /// What attaching accounts answers: `{"success":true,"data":{}}`, the same with a count, or
    /// `{"ok":true}`
    #[arg(long, value_enum, value_name = "SHAPE", default_value_t = Shape::Data)]
    pub(crate) attach_answer: Shape,

    /// Take accounts that are saved without a word on their connection and reputation for working
    /// and trusted
    #[arg(long)]
    pub(crate) trust_new_accounts: bool,

    /// How many calls each key may make in a minute
    #[arg(long, value_name = "N", default_value = "60000", value_parser = parse::positive)]
    pub(crate) rate: NonZeroU32,

    /// How many of them at once
    #[arg(long, value_name = "N", default_value = "2000", value_parser = parse::positive)]
    pub(crate) burst: NonZeroU32,

    /// Whether to count turns and calls, and to tell them on /metrics, which needs no key
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = Metrics::On)]
    pub(crate) metrics: Metrics,

    /// How many connections are open at once; whoever connects beyond them waits. Each takes a file
    /// descriptor
    #[arg(long, value_name = "N", default_value = "900", value_parser = parse::positive)]
    pub(crate) connections: NonZeroU32,

    /// How to write the log, to standard error; `MAILROTA_LOG` says how much of it, such as warn
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Log::Text)]
    pub(crate) log: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    Json,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metrics {
    Off,
    On,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    Count,
    Data,
    Ok,
}

#[derive(Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
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
pub(crate) struct Store {
    /// The file that everything is kept in
    #[arg(long, value_name = "FILE", default_value = "mailrota.db")]
    pub(crate) store: PathBuf,

    #[command(flatten)]
    pub(crate) confirmed: Confirmed,
}

/// What `serve` and `keys` take, which open a store as one that writes.
#[derive(Clone, Copy, Args)]
pub(crate) struct Confirmed {
    /// Open a store that took its last call more than 400 days ago: the machine's clock was looked
    /// at and is right. A clock that is far ahead frees every cap, and the store stays at its time
    #[arg(long)]
    pub(crate) confirm_clock: bool,
}
