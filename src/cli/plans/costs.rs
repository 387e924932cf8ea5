//! What each kind of limit costs: the same plan again without it.
//!
//! The counterfactual plans run beside each other on the machine's cores; each is as exact as the
//! plan itself.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mailrota::Timestamp;

use crate::cli::plans::course::{self, Job};
use crate::cli::plans::setup::{Inputs, Limits};
use crate::cli::writing::failure::Failure;

/// How a plan ends without one kind of limit.
pub(crate) struct Cost {
    pub(crate) limits: Limits,
    pub(crate) sent: u64,
    pub(crate) last_at: Option<Timestamp>,
}

/// Runs `main` and, beside it, the plan without each of the given kinds of limits.
pub(crate) fn beside<T>(
    inputs: &Inputs,
    kinds: &[Limits],
    emails: u64,
    main: impl FnOnce() -> T,
) -> (T, Result<Vec<Cost>, Failure>) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut costs = Vec::new();
        while let Some(limits) = kinds.get(next.fetch_add(1, Ordering::Relaxed)) {
            costs.push(without(inputs, *limits, emails)?);
        }
        Ok(costs)
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(kinds.len() + 1)).map(|_| scope.spawn(work)).collect();
        let done = main();
        let mut costs = work();
        for other in others {
            let found = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            costs = costs.and_then(|mut costs| {
                costs.extend(found?);
                Ok(costs)
            });
        }
        if let Ok(costs) = &mut costs {
            costs.sort_by_key(|cost| kinds.iter().position(|kind| *kind == cost.limits));
        }
        (done, costs)
    })
}

fn without(inputs: &Inputs, limits: Limits, emails: u64) -> Result<Cost, Failure> {
    let mut world = inputs.world(Some(limits))?;
    let members = world.members();
    let mut job = Job {
        emails,
        start: inputs.start,
        stop: Timestamp::MAX,
        watch: None,
        progress: &mut |_| {},
    };
    let course = course::run(&mut world.engine, &members, &mut job)?;
    Ok(Cost { limits, sent: course.sends.len() as u64, last_at: course.last_at() })
}
