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

mod around;
mod calendar;
mod caller;
mod calls;
mod feed;
mod input;
mod keys;
mod limits;
mod listeners;
mod meters;
mod openapi;
mod page;
mod problem;
mod records;
mod refusals;
mod room;
mod routes;
mod service;
mod serving;
mod settings;
mod shapes;
mod spacing;
mod watch;

pub use keys::{
    Key, KeyError, add as add_key, list as list_keys, revoke as revoke_key,
    revoke_text as revoke_key_text,
};
pub use routes::openapi;
pub use service::Service;
pub use serving::run::ServeError;
pub use settings::{AttachAnswer, Settings, Unstated};
