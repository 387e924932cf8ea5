//! The seam to whoever wants to know what was written: to count it, or to tell others.
//!
//! Knows when it is told, and not what is done with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::rotation::{Event, Notice, Watch};
use crate::store::durable::DurableEngine;

/// Who is told what a [`DurableEngine`] has written.
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
    /// What they are worth telling, as [`Watch`] says.
    pub notices: &'a [Notice],
    /// How many calls waited for it.
    pub calls: usize,
    /// How long the last step took, with the sync that made it durable. What was prepared before,
    /// while it was waited for others, is not in it. Nothing if there was nothing to write.
    pub took: Option<Duration>,
}

impl DurableEngine {
    /// Tells an observer what is written from now on. There is one at most: whether it is this one.
    ///
    /// Looks at every account once, with everybody else waiting.
    pub fn observe(&self, observer: Arc<dyn Observer>) -> bool {
        let shared = self.shared();
        let mut memory = shared.write();
        let is_first = shared.observer.set(observer).is_ok();
        if is_first {
            memory.watch = Some(Watch::new(&memory.engine));
        }
        is_first
    }
}
