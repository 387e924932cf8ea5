//! Behaviour of the whole crate, through its public face only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod import;
mod turns;
mod world;
