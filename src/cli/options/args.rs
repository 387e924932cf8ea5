//! The options of the program, with the texts of its help.
//!
//! Declares them; what they mean for a plan is made of them elsewhere.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mailrota::{CivilDay, Limit, Ramp, Span, Timestamp, Zone};

use crate::cli::options::parse::{self, Days, Window};
use crate::cli::options::service_args::{self, Keys, Serve};
use crate::cli::options::store_args::{self, Check, Log, Repair, Replay};

/// The most emails of one plan; each is remembered until the report is drawn.
const EMAILS_MAX: u64 = 2_000_000;

const PLAN_AFTER: &str = "\
Every email goes the moment some account may send it; sending takes no time and every email is \
accepted. The report is what the engine did, played through on a clock of its own.

Exit code: 0 if all emails can be sent, 1 if some never can, 2 if the input cannot be used.

Examples:
  mailrota plan accounts.json --emails 5000 --zone Europe/Madrid --window 09:00-17:00 --days mon-fri
  mailrota plan accounts.json --emails 5000 --limit 500/24h --html report.html
  curl … | mailrota plan - --json";

const EXPLAIN_AFTER: &str = "\
Exit code: 0 if the question can be answered, 2 if the input cannot be used.

Example: what holds each account two hours into a plan?
  mailrota explain accounts.json --emails 500 \\
    --start 2026-11-23T08:30:00Z --at 2026-11-23T10:30:00Z";

/// Whose turn is it to send? Plans which accounts send how much and when, and says why.
#[derive(Parser)]
#[command(name = "mailrota", version, max_term_width = 100)]
pub(crate) struct Program {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours; `NO_COLOR` is obeyed as well
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, value_name = "WHEN")]
    pub(crate) color: Color,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show who will send how much and when, when it is done, and which limit costs most
    #[command(after_help = PLAN_AFTER)]
    Plan(Box<Plan>),
    /// Show how every account stands at an instant: ready, or what holds it and until when
    #[command(after_help = EXPLAIN_AFTER)]
    Explain(Box<Explain>),
    /// Look through a store: every page, snapshot and fact; say what is wrong and what is sound
    #[command(after_help = store_args::CHECK_AFTER)]
    Check(Check),
    /// Say what a repair of a damaged store would drop, and with --yes do it
    #[command(after_help = store_args::REPAIR_AFTER)]
    Repair(Repair),
    /// Print the facts of a store in plain words, oldest first
    #[command(after_help = store_args::LOG_AFTER)]
    Log(Log),
    /// Show a store as it was at an instant, or why an email went out from its account
    #[command(after_help = store_args::REPLAY_AFTER)]
    Replay(Replay),
    /// Answer over HTTP, with everything kept in one file
    #[command(after_help = service_args::SERVE_AFTER)]
    Serve(Serve),
    /// Make, revoke and list the API keys of a store
    #[command(after_help = service_args::KEYS_AFTER)]
    Keys(Keys),
}

#[derive(Args)]
pub(crate) struct Plan {
    /// How many emails to send, each to a new lead
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = parse::whole::<u64>(1..=EMAILS_MAX))]
    pub(crate) emails: u64,

    /// Write the report as one page that needs nothing else; `-` writes it instead of the text
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write the picture of the day; `-` writes it instead of the text
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Write the report as JSON to a file, or instead of the text if none is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true,
          default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Args)]
pub(crate) struct Explain {
    /// The instant that is asked about [default: the start]
    #[arg(long, value_name = "INSTANT", value_parser = parse::instant)]
    pub(crate) at: Option<Timestamp>,

    /// How many emails to send from the start on, as far as they can go before the instant
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = parse::whole::<u64>(0..=EMAILS_MAX))]
    pub(crate) emails: u64,

    /// Answer in JSON, to a file or instead of the text if none is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true,
          default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// What `plan` and `explain` take.
#[derive(Args)]
pub(crate) struct Settings {
    /// The list of accounts as Smartlead's or Instantly's API answers it; `-` reads standard input
    #[arg(value_name = "ACCOUNTS")]
    pub(crate) accounts: PathBuf,

    /// When sending starts, such as 2026-11-23T09:00:00Z; what the list says was sent today was
    /// sent on that day [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse::instant)]
    pub(crate) start: Option<Timestamp>,

    /// The time zone of days and hours, for the campaign and all accounts
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse::zone)]
    pub(crate) zone: Zone,

    /// Seed of the jitter
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = parse::whole::<u64>(0..=u64::MAX))]
    pub(crate) seed: u64,

    /// Columns to draw in [default: the terminal's, or 100]
    #[arg(long, value_name = "N", value_parser = parse::whole::<u16>(60..=400))]
    pub(crate) width: Option<u16>,

    /// How many accounts to show one by one, the busiest; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = parse::whole::<usize>(0..=u64::MAX))]
    pub(crate) top: usize,

    #[command(flatten)]
    pub(crate) campaign: CampaignArgs,

    #[command(flatten)]
    pub(crate) account: AccountArgs,
}

#[derive(Args)]
#[command(next_help_heading = "The campaign")]
pub(crate) struct CampaignArgs {
    /// When it may send, such as 09:00-17:00; may be given more than once [default: always]
    #[arg(long, value_name = "RANGE", value_parser = parse::window)]
    pub(crate) window: Vec<Window>,

    /// On which days, such as mon-fri or mon,wed,sat [default: all]
    #[arg(long, value_name = "DAYS", value_parser = parse::days)]
    pub(crate) days: Option<Days>,

    /// A date on which it does not send, such as 2026-12-25; may be given more than once
    #[arg(long, value_name = "DATE", value_parser = parse::date)]
    pub(crate) holiday: Vec<CivilDay>,

    /// The most emails of the campaign in a day
    #[arg(long, value_name = "N", value_parser = parse::whole::<u32>(0..=u32::MAX.into()))]
    pub(crate) daily_cap: Option<u32>,

    /// The most new leads of the campaign in a day
    #[arg(long, value_name = "N", value_parser = parse::whole::<u32>(0..=u32::MAX.into()))]
    pub(crate) new_leads: Option<u32>,
}

#[derive(Args)]
#[command(next_help_heading = "All accounts, instead of what the list says")]
pub(crate) struct AccountArgs {
    /// The most emails of an account in a day
    #[arg(long, value_name = "N", value_parser = parse::whole::<u32>(0..=u32::MAX.into()))]
    pub(crate) account_cap: Option<u32>,

    /// The least time between two sends, in minutes or as 90s, 2h
    #[arg(long, value_name = "SPAN", value_parser = parse::spacing)]
    pub(crate) spacing: Option<Span>,

    /// The most that chance adds to the spacing, in minutes or as 90s, 2h
    #[arg(long, value_name = "SPAN", value_parser = parse::spacing)]
    pub(crate) jitter: Option<Span>,

    /// Send as soon as allowed, or evenly over what is left of the day's window
    #[arg(long, value_enum, value_name = "PACE")]
    pub(crate) pace: Option<PaceArg>,

    /// Rising allowances from today on: 5+2 (two more each day), 10x150%, or a table 10,20,40
    #[arg(long, value_name = "RAMP", value_parser = parse::ramp)]
    pub(crate) ramp: Option<Ramp>,

    /// A rolling limit such as 30/1m or 500/24h; may be given more than once
    #[arg(long, value_name = "LIMIT", value_parser = parse::limit)]
    pub(crate) limit: Vec<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaceArg {
    Asap,
    Even,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Always,
    Auto,
    Never,
}
