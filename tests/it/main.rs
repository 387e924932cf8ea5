//! Behaviour of the whole crate, through its public face only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod civil;
mod cli;
mod golden;
mod histories;
mod import;
mod promise_attach;
mod promise_caps;
mod promise_explain;
mod promise_input;
mod promise_leads;
mod promise_once;
mod promise_peers;
mod promise_replay;
mod promise_share;
mod promise_wait;
mod steps;
mod strategies;
mod turns;
mod words;
mod words_runner;
mod words_settings;
mod world;
