//! Sender rotation for email.
mod vocab;
pub use vocab::*;
