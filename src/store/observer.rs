//! The seam to whoever wants to know what was written: to count it, or to tell others.
//!
//! Knows when it is told, and not what is done with it.

use std::fmt;
use std::time::Duration;

use crate::rotation::{Event, Notice};

/// Who is told what a [`DurableEngine`](crate::store::DurableEngine) has written.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Facts have become durable, in their order; nobody was answered yet. Runs on the thread that
    /// writes: be quick, and do not ask the engine for anything durable from here.
    fn written(&self, written: &Written<'_>);
}

/// What was written in one step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Written<'a> {
    /// The facts; none if only documents were written, or if callers only had to be answered.
    pub events: &'a [Event],
    /// What they are worth telling, as [`Watch`](crate::rotation::Watch) says.
    pub notices: &'a [Notice],
    /// How many calls waited for it.
    pub calls: usize,
    /// How long the last step took, with the sync that made it durable. What was prepared before,
    /// while it was waited for others, is not in it. Nothing if there was nothing to write.
    pub took: Option<Duration>,
}
