//! The options of the commands that look into a store, with the texts of their help.
//!
//! Declares them; what they mean is made of them elsewhere.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use mailrota::Timestamp;

use crate::cli::options::parse;

pub(crate) const CHECK_AFTER: &str = "\
Changes nothing and disturbs nobody, also while a service writes the store.

Exit code: 0 if the store is sound, 1 if something is wrong with it, 2 if it cannot be read.

Example:
  mailrota check service.db";

pub(crate) const REPAIR_AFTER: &str = "\
Without --yes nothing is changed. With it, what is sound is written into a new file in the \
place of the old one, which is kept beside it as …-damaged. Stop the service first.

What is dropped are the facts from the first that is not proven on. Reservations in them are \
forgotten, so caps may be passed by as many emails. Restore a backup instead, if it is newer.

Exit code: 0 if the store is sound or was repaired, 1 if --yes is missing, 2 if it cannot be done.

Example:
  mailrota repair service.db
  mailrota repair service.db --yes";

pub(crate) const LOG_AFTER: &str = "\
A line has the number of the fact, its instant, and what happened. Facts that belong to one call \
stand together. Filters are all obeyed at once.

Exit code: 0 if all was read, also if no fact is wanted; 2 if the store cannot be read to its end.

Examples:
  mailrota log service.db --account 7 --from 2026-11-23T00:00:00Z
  mailrota log service.db --lead 9001 --json";

pub(crate) const REPLAY_AFTER: &str = "\
The state is made again from a snapshot and the facts after it, each compared with its check. It \
reaches back as far as the store keeps its history.

Exit code: 0 if the question can be answered, 2 if not.

Examples:
  mailrota replay service.db --at 2026-11-23T10:30:00Z
  mailrota replay service.db --reservation 12";

#[derive(Args)]
pub(crate) struct Check {
    /// The file of the store
    #[arg(value_name = "STORE")]
    pub(crate) store: PathBuf,
}

#[derive(Args)]
pub(crate) struct Repair {
    /// The file of the store
    #[arg(value_name = "STORE")]
    pub(crate) store: PathBuf,

    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Log {
    /// The file of the store
    #[arg(value_name = "STORE")]
    pub(crate) store: PathBuf,

    /// Only facts about this account
    #[arg(long, value_name = "N", value_parser = parse::whole::<u64>(0..=u64::MAX))]
    pub(crate) account: Option<u64>,

    /// Only facts about this campaign
    #[arg(long, value_name = "N", value_parser = parse::whole::<u64>(0..=u64::MAX))]
    pub(crate) campaign: Option<u64>,

    /// Only facts about this lead
    #[arg(long, value_name = "N", value_parser = parse::whole::<u64>(0..=u64::MAX))]
    pub(crate) lead: Option<u64>,

    /// Only facts at or after this instant, such as 2026-11-23T09:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = parse::instant)]
    pub(crate) from: Option<Timestamp>,

    /// Only facts before this instant
    #[arg(long, value_name = "INSTANT", value_parser = parse::instant)]
    pub(crate) to: Option<Timestamp>,

    /// Write each fact as a line of JSON, as it is stored, with its number
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(group(ArgGroup::new("question").args(["at", "reservation"]).multiple(true)
          .required(true)))]
pub(crate) struct Replay {
    /// The file of the store
    #[arg(value_name = "STORE")]
    pub(crate) store: PathBuf,

    /// Show every account as it was then, with all facts up to that instant
    #[arg(long, value_name = "INSTANT", value_parser = parse::instant)]
    pub(crate) at: Option<Timestamp>,

    /// Show why this reservation got its account: what held each other, or its place in the turn
    #[arg(long, value_name = "N", value_parser = parse::whole::<u64>(0..=u64::MAX))]
    pub(crate) reservation: Option<u64>,

    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Columns to draw in [default: the terminal's, or 100]
    #[arg(long, value_name = "N", value_parser = parse::whole::<u16>(60..=400))]
    pub(crate) width: Option<u16>,

    /// How many accounts to show one by one; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = parse::whole::<usize>(0..=u64::MAX))]
    pub(crate) top: usize,
}
