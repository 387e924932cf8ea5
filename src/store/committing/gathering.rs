//! For how long, and for how many callers, the committer waits so that they share a write.
//!
//! Those who were just answered are likely to ask again. What they ask is prepared as it comes,
//! while others still decide. Knows no thread and no journal.

use std::time::{Duration, Instant};

/// For how long others are waited for at most, however slow the disk was.
const GATHERED_MAX: Duration = Duration::from_millis(2);

/// How many calls are worth being prepared while others come.
const PIECE: usize = 8;

/// What is known of the last batch, and of the one that is being made.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// How many callers were in the last batch, and how long it took.
    last: (usize, Duration),
    began: Option<Instant>,
    writes: Option<Instant>,
}

/// How many more are waited for, and how long.
#[derive(Debug)]
pub(crate) struct More {
    pub(crate) callers: usize,
    pub(crate) within: Duration,
}

impl Gathering {
    /// Another batch begins.
    #[expect(clippy::disallowed_methods, reason = "time only tells how long to gather")]
    pub(crate) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    /// The batch is written.
    #[expect(clippy::disallowed_methods, reason = "time only tells how long to gather")]
    pub(crate) fn write(&mut self) {
        self.writes = Some(Instant::now());
    }

    /// The batch with so many callers is durable. How long that took since it was
    /// [written](Self::write).
    pub(crate) fn end(&mut self, callers: usize) -> Duration {
        self.last = (callers, since(self.began));
        since(self.writes)
    }

    /// Nobody came: who comes next is not made to wait for those of the last batch.
    pub(crate) fn rest(&mut self) {
        self.last = Default::default();
    }

    /// Whether the batch was added to for long enough.
    pub(crate) fn is_over(&self) -> bool {
        since(self.began) >= self.limit()
    }

    /// Whom to wait for, if so many are in the batch: for three in four of the last one's callers.
    pub(crate) fn wants(&self, taken: usize) -> Option<More> {
        let wanted = self.last.0 * 3 / 4;
        if wanted < 2 || taken >= wanted {
            return None;
        }
        let within = self.limit().checked_sub(since(self.began)).filter(|left| !left.is_zero())?;
        Some(More { callers: (wanted - taken).min(PIECE), within })
    }

    fn limit(&self) -> Duration {
        (self.last.1 / 4).min(GATHERED_MAX)
    }
}

fn since(instant: Option<Instant>) -> Duration {
    instant.map_or(Duration::ZERO, |instant| instant.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_were_answered_are_waited_for_and_not_for_long() {
        let mut gathering = Gathering::default();
        gathering.begin();
        assert!(gathering.wants(0).is_none() && gathering.is_over(), "nobody was answered");
        gathering.last = (64, Duration::from_secs(3_600));
        gathering.begin();
        let more = gathering.wants(0).unwrap();
        assert!(more.callers == PIECE && more.within <= GATHERED_MAX, "{more:?}");
        assert_eq!(gathering.wants(45).unwrap().callers, 3);
        assert!(gathering.wants(48).is_none() && !gathering.is_over());
        gathering.rest();
        assert!(gathering.wants(1).is_none() && gathering.is_over(), "they went away");
        // One alone is not waited for.
        gathering.last = (2, Duration::from_secs(3_600));
        assert!(gathering.wants(0).is_none());
    }
}
