//! Crash images: the system calls of a real run are recorded, the disk is rebuilt as it may be at
//! every write and every sync, and each image is opened. Nothing acknowledged may be missing.
//!
//! What a disk may do, and what it may not, is in `disk.rs`.

mod control;
mod disk;
mod engine;
mod failing;
mod full;
mod images;
mod killed;
mod ledger;
mod left;
mod recording;
mod repaired;
mod tests;
mod trace;
mod worker;
