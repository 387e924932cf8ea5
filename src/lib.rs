//! Sender rotation for email: picks the next sending account by exact weighted round-robin, inside
//! every cap, spacing and window, and says why.
//!
//! For each outgoing email of a campaign the engine answers one of three things: send now from this
//! account, and room is held on it; nobody may before this instant; or nobody may until somebody
//! acts.
//!
//! ```
//! use chrono::{DateTime, TimeDelta, Utc};
//! use mailrota::{
//!     Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Pick,
//!     Request, Span,
//! };
//!
//! let mut now: DateTime<Utc> = "2026-11-20T09:00:00Z".parse()?;
//! let (owner, campaign) = (OwnerId(1), CampaignId(7));
//! let mut engine = Engine::new(Config::default());
//! for (id, address) in [(1, "ana@acme.example"), (2, "ben@acme.example")] {
//!     let account = Account::new(AccountId(id), owner, address);
//!     engine.add_account(account.daily_cap(50).spacing(Span::minutes(5)), now)?;
//! }
//! engine.add_campaign(Campaign::new(campaign, owner), now)?;
//! engine.attach(campaign, &[AccountId(1), AccountId(2)], now)?;
//!
//! let mut leads = (1..=5).map(LeadId).peekable();
//! while let Some(lead) = leads.peek() {
//!     match engine.reserve(campaign, &Request::new_lead(*lead), now)? {
//!         Pick::Reserved(reservation) => {
//!             // Hand the email to SMTP here.
//!             now += TimeDelta::seconds(2);
//!             engine.settle(reservation.id, Outcome::Sent, now)?;
//!             leads.next();
//!         }
//!         Pick::Wait(wait) => now = wait.until(), // A service sleeps.
//!         Pick::Unavailable(unavailable) => {
//!             for (account, block) in unavailable.reasons() {
//!                 eprintln!("{account:?}: {block}");
//!             }
//!             break;
//!         }
//!         Pick::Ended(_) => break,
//!     }
//! }
//! assert_eq!(engine.standing(AccountId(1), now)?.sent, 3);
//! assert_eq!(engine.standing(AccountId(2), now)?.sent, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The engine reads no clock and does no input or output: time is an argument of every call, chance
//! comes from a seed, and the same history gives the same answers on every platform.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | none | the engine |
//! | `import` | the module `import`: readers of account lists from Smartlead and Instantly |
//! | `store` | the durable engine on any journal, and one in memory for tests |
//! | `sqlite` | its journal in an SQLite file; needs a C compiler and Rust 1.89 |
//! | `conformance` | the suite that every journal must pass |
//! | `http` | the module `http`: the engine over HTTP, as a router |
//! | `cli` | the command `mailrota`; on by default |

#[cfg(feature = "http")]
mod clock;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "import")]
pub mod import;
mod policy;
mod rotation;
mod shards;
#[cfg(feature = "store")]
mod store;
mod vocab;

#[cfg(feature = "http")]
pub use clock::Clock;
pub use policy::{
    Account, Block, Campaign, CampaignState, Connection, Limit, LimitError, Link, Pace, Provider,
    Ramp, RampError, Reason, Schedule, ScheduleError, SettingError, Standpoint, Warmup, WarmupMail,
};
pub use rotation::{
    AccountError, AccountShare, AttachError, AttachReport, BeginError, Begun, CampaignDay,
    CampaignError, Candidate, CapUse, Checked, ClockError, Config, ConfigError, DayForecast,
    EmailKind, Engine, Event, EventError, Explanation, Fact, Fate, Finding, Forecast, Lineup,
    Misfit, Mode, Notice, Noticed, Outcome, Pick, Planned, QuestionError, Request, Reservation,
    ReserveError, Reserved, RestOfDay, SettleError, Settlement, Snapshot, SnapshotError, Standing,
    Unavailable, Wait, Watch,
};
pub use shards::{LayoutError, ShardError, Shards};
#[cfg(feature = "conformance")]
pub use store::conformance;
#[cfg(feature = "store")]
pub use store::{
    About, AsyncEngine, Batch, Document, Documents, DurableEngine, DurableError, Fault, Filter,
    Granted, Head, History, Journal, JournalError, Line, Mark, MemoryDisk, MemoryJournal, Observer,
    Options, Reader, Record, Recovery, Report, Step, StoreError, Ticket, Written, inspect,
};
#[cfg(feature = "sqlite")]
pub use store::{SqliteJournal, check, repair};
pub use vocab::{
    AccountId, AmountError, CampaignId, CivilDay, LeadId, OwnerId, Percent, Reputation,
    ReservationId, Span, TimeError, Timestamp, Weight, Zone, ZoneError,
};
