//! What is asked of a store: its facts, how it was, why an email went out, and its keys.
//!
//! Knows no plan and no command.

pub(super) mod control;
pub(super) mod facts;
pub(super) mod grant;
pub(super) mod keyring;
pub(super) mod past;
pub(super) mod path;
