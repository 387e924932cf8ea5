//! The one place of the command line that reads the machine's clocks.
//!
//! The wall clock stands in for `--start` when that is not given; the other one only tells how long
//! the program has been running, for its progress line.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mailrota::Timestamp;

/// What the wall clock shows, in whole minutes so that a report reads well.
#[expect(clippy::disallowed_methods, reason = "the default of --start is the present")]
pub(super) fn present() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let minutes = i64::try_from(since_epoch.as_secs() / 60).unwrap_or_default();
    Timestamp::from_unix_ms(minutes.saturating_mul(60_000)).unwrap_or(Timestamp::EPOCH)
}

/// How long something has been going on.
#[derive(Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "only the progress line is told by it")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
