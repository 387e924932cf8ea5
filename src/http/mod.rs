//! The engine over HTTP: SmartLead's calls for accounts, campaigns and their pools, and the
//! engine's own.
//!
//! ```no_run
//! use mailrota::http::{Service, Settings, add_key};
//! use mailrota::{Clock, DurableEngine, MemoryDisk, MemoryJournal, Options, OwnerId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Clock::machine();
//! let service = Service::new(Settings::default(), clock.clone());
//! let journal = MemoryJournal::open(&MemoryDisk::new())?; // `DurableEngine::open` opens a file.
//! let engine = DurableEngine::with_journal(Box::new(journal), &Options::default(), clock.now())?;
//! let (_, key) = add_key(&engine, OwnerId(1), "first", clock.now())?;
//! println!("your key: {key}");
//! service.open(engine);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8025").await?;
//! service.serve(listener, std::future::pending()).await?; // or mount `service.router()`
//! # Ok(())
//! # }
//! ```
//!
//! Every call is answered once what it changed is durable. Handlers translate; what may be sent is
//! the engine's to say.

#![expect(unused_qualifications, reason = "what describes the calls for OpenAPI writes them")]

mod account_body;
mod account_view;
mod accounts;
mod answers;
mod around;
mod calendar;
mod caller;
mod campaign_settings;
mod campaign_view;
mod campaigns;
mod connections;
mod events;
mod feed;
mod health;
mod input;
mod keys;
mod leads;
mod limits;
mod listeners;
mod meters;
mod metrics;
mod openapi;
mod page;
mod patient;
mod pool;
mod problem;
mod questions;
mod records;
mod refusals;
mod reports;
mod reservation_view;
mod reservations;
mod room;
mod rotation_body;
mod rotation_view;
mod routes;
mod run;
mod service;
mod settings;
mod spacing;
mod standing_view;
mod warmup;
mod watch;

pub use keys::{
    Key, KeyError, add as add_key, list as list_keys, revoke as revoke_key,
    revoke_text as revoke_key_text,
};
pub use routes::openapi;
pub use run::ServeError;
pub use service::Service;
pub use settings::{AttachAnswer, Settings, Unstated};
