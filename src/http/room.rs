//! Room for large bodies, which take many times the memory of what came once they are parsed.
//!
//! Knows how many bytes came, and nothing of what they say.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::Problem;

/// The most bytes of bodies, except of small ones, that are parsed and not answered yet.
const ROOM: usize = 4 << 20;
/// The most bytes of bodies that came and wait for that; who comes beyond them is refused.
const QUEUE: usize = 32 << 20;
/// The most bytes of a small body: fifty times what a call of the run loop has.
pub(super) const SMALL: usize = 8 << 10;

/// The room of one service.
#[derive(Clone, Debug)]
pub(super) struct Room {
    parsed: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// Room that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// What a body takes that is small, or not there.
    pub(super) const NONE: Self = Self { _permit: None };
}

impl Default for Room {
    fn default() -> Self {
        let semaphore = |bytes| Arc::new(Semaphore::new(bytes));
        Self { parsed: semaphore(ROOM), queue: semaphore(QUEUE) }
    }
}

impl Room {
    /// Room for a body, for which it waits; one that is small takes none, so that nobody waits for
    /// large ones then.
    pub(super) async fn take(&self, bytes: usize, wait: Duration) -> Result<Held, Problem> {
        if bytes <= SMALL {
            return Ok(Held::NONE);
        }
        let busy = || Problem::unavailable("busy", "Too many large bodies at once; try again");
        let bytes = |most: usize| u32::try_from(bytes.min(most)).unwrap_or(u32::MAX);
        // What waits is in memory, too.
        let queued = Arc::clone(&self.queue).try_acquire_many_owned(bytes(QUEUE));
        let queued = queued.map_err(|_| busy())?;
        let room = Arc::clone(&self.parsed).acquire_many_owned(bytes(ROOM));
        let room = tokio::time::timeout(wait, room).await.map_err(|_| busy())?;
        drop(queued);
        // It is never closed.
        Ok(Held { _permit: room.ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn run(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work);
    }

    fn is_busy(taken: &Result<Held, Problem>) -> bool {
        matches!(taken, Err(Problem::Unavailable { code: "busy", .. }))
    }

    #[test]
    fn large_bodies_wait_for_those_that_are_being_answered_and_small_ones_do_not() {
        run(async {
            let room = Room::default();
            let now = |bytes| room.take(bytes, Duration::ZERO);
            let mut held: Vec<_> = Vec::new();
            for _ in 0..4 {
                held.push(now(1 << 20).await.expect("there is room"));
            }
            assert!(is_busy(&now(1 << 20).await));
            assert!(now(SMALL).await.is_ok());
            held.pop();
            assert!(now(1 << 20).await.is_ok());
            // One that is larger than all the room takes all of it.
            assert!(is_busy(&now(2 * ROOM).await));
            drop(held);
            let all = now(2 * ROOM).await.expect("there is room");
            // Whoever waits gets what is given back.
            let (waited, ()) = tokio::join!(room.take(1 << 20, LONG), async { drop(all) });
            assert!(waited.is_ok());
        });
    }

    #[test]
    fn so_many_bytes_wait_and_more_are_refused_at_once() {
        run(async {
            let room = Room::default();
            let all = room.take(ROOM, LONG).await.expect("there is room");
            let mut waiting = tokio::task::JoinSet::new();
            for _ in 0..QUEUE / (1 << 20) {
                let room = room.clone();
                waiting.spawn(async move { room.take(1 << 20, LONG).await.map(drop) });
            }
            tokio::task::yield_now().await;
            let more = tokio::time::timeout(LONG / 12, room.take(1 << 20, LONG)).await;
            assert!(is_busy(&more.expect("it does not wait")));
            drop(all);
            assert!(waiting.join_all().await.iter().all(Result::is_ok));
            assert!(room.take(1 << 20, LONG).await.is_ok());
        });
    }
}
