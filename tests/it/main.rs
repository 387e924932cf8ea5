//! Behaviour of the whole crate, through its public face only.

mod import;
mod turns;
mod world;
