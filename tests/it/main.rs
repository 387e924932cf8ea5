//! Behaviour of the whole crate, through its public face only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod agreement;
mod agreement_commands;
mod agreement_histories;
mod agreement_ledger;
mod agreement_zones;
mod civil;
mod cli;
#[cfg(feature = "cli")]
mod cli_clock;
mod cli_store;
#[cfg(all(feature = "sqlite", target_os = "linux"))]
mod crash;
#[cfg(feature = "sqlite")]
mod durable;
#[cfg(all(feature = "conformance", feature = "sqlite"))]
mod durable_conformance;
#[cfg(feature = "store")]
mod durable_ends;
#[cfg(feature = "store")]
mod durable_faults;
#[cfg(feature = "sqlite")]
mod durable_files;
#[cfg(feature = "sqlite")]
mod durable_formats;
#[cfg(feature = "store")]
mod durable_gate;
#[cfg(feature = "store")]
mod durable_gathering;
#[cfg(feature = "sqlite")]
mod durable_links;
#[cfg(feature = "sqlite")]
mod durable_looking;
#[cfg(feature = "store")]
mod durable_room;
#[cfg(feature = "sqlite")]
mod durable_views;
#[cfg(feature = "store")]
mod durable_waiting;
#[cfg(feature = "store")]
mod durable_words;
#[cfg(feature = "sqlite")]
mod durable_world;
mod extend;
mod facts;
mod fraction;
mod golden;
mod histories;
#[cfg(feature = "http")]
mod http_accounts;
#[cfg(feature = "http")]
mod http_calls;
#[cfg(feature = "http")]
mod http_connections;
#[cfg(feature = "cli")]
mod http_control;
#[cfg(feature = "http")]
mod http_events;
#[cfg(feature = "http")]
mod http_lives;
#[cfg(feature = "http")]
mod http_metrics;
#[cfg(feature = "http")]
mod http_owners;
#[cfg(feature = "http")]
mod http_page;
#[cfg(feature = "http")]
mod http_rotation;
#[cfg(feature = "cli")]
mod http_socket;
#[cfg(feature = "http")]
mod http_world;
mod import;
#[cfg(feature = "cli")]
mod killed;
mod model;
mod model_commands;
mod model_leads;
mod model_membership;
mod model_state;
mod model_turns;
mod peers;
mod promise_attach;
mod promise_begin;
mod promise_caps;
mod promise_explain;
mod promise_input;
mod promise_leads;
mod promise_lineup;
mod promise_once;
mod promise_peers;
mod promise_replay;
mod promise_share;
mod promise_wait;
mod shards;
mod steps;
mod strategies;
mod turns;
mod watch;
mod words;
mod words_runner;
mod words_settings;
mod words_shards;
mod world;
