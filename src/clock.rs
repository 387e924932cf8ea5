//! The one place that reads the machine's clocks, and the watch over them.
//!
//! The wall clock says what time it is, the steady one how much of it has passed. A wall clock that
//! suddenly shows more than an hour more than has passed is not believed at once: a wrong jump
//! would open a new day and free its caps. Knows no engine.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

use crate::vocab::Span;

/// The most that the wall clock may gain on the steady one between two readings.
const GAIN_MAX_MS: i64 = 3_600_000;
/// How far two readings of a wall clock that jumped may be apart and still agree.
const AGREE_MS: i64 = 60_000;
/// How long a wall clock that jumped must agree with itself before it is believed.
const TRUST_AFTER_MS: i64 = 15 * 60_000;

/// What time it is. Clones are the same clock.
///
/// A **jump forward** of more than an hour is reported as an error in the log, and time goes on as
/// the steady clock counts it. If the wall clock then runs evenly for 15 minutes it is believed: a
/// machine that slept comes back so, while a clock that was set wrong is mended within that time or
/// by whoever reads the log. A jump back is taken as it is; the engine never goes back.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    /// Milliseconds since 1970 as a test set them, and how many passed forward.
    ByHand {
        wall: AtomicI64,
        steady: AtomicI64,
    },
    Machine {
        started: Instant,
        watch: Mutex<Watch>,
    },
}

impl Clock {
    /// The machine's clocks.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn machine() -> Self {
        let watch = Mutex::new(Watch::new(wall_ms()));
        Self(Arc::new(Source::Machine { started: Instant::now(), watch }))
    }

    /// A clock that stands still until it is [set](Self::set), for tests.
    pub fn by_hand(now: DateTime<Utc>) -> Self {
        let wall = AtomicI64::new(now.timestamp_millis());
        Self(Arc::new(Source::ByHand { wall, steady: AtomicI64::new(0) }))
    }

    /// Sets a clock that was made [by hand](Self::by_hand); changes no other.
    pub fn set(&self, now: DateTime<Utc>) {
        if let Source::ByHand { wall, steady } = &*self.0 {
            let now = now.timestamp_millis();
            let passed = now.saturating_sub(wall.swap(now, Ordering::Relaxed));
            steady.fetch_add(passed.max(0), Ordering::Relaxed);
        }
    }

    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        let ms = match &*self.0 {
            Source::ByHand { wall, .. } => wall.load(Ordering::Relaxed),
            Source::Machine { started, watch } => {
                let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
                // Both under the lock, so that no reading is older than the one before.
                let (wall, steady) = (wall_ms(), millis(started.elapsed()));
                let (now, notice) = watch.read(wall, steady);
                drop(watch);
                report(notice);
                now
            }
        };
        DateTime::from_timestamp_millis(ms).unwrap_or_default()
    }

    /// How long the clock has been running, which no setting of the wall clock changes.
    pub fn elapsed(&self) -> Duration {
        match &*self.0 {
            Source::ByHand { steady, .. } => {
                Duration::from_millis(steady.load(Ordering::Relaxed).unsigned_abs())
            }
            Source::Machine { started, .. } => started.elapsed(),
        }
    }

    /// By how much the wall clock jumped ahead, as long as it is not believed.
    pub fn doubt(&self) -> Option<Span> {
        match &*self.0 {
            Source::ByHand { .. } => None,
            Source::Machine { watch, .. } => {
                let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
                watch.doubt.map(|doubt| Span::milliseconds(doubt.ahead.unsigned_abs()))
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Source::ByHand { wall, .. } => f.debug_tuple("ByHand").field(wall).finish(),
            Source::Machine { .. } => f.write_str("Machine"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn report(notice: Option<Notice>) {
    match notice {
        None => {}
        Some(Notice::Believed { ahead }) => {
            tracing::warn!(ahead_ms = ahead, "the wall clock is believed after its jump");
        }
        Some(Notice::Jumped { ahead }) => tracing::error!(
            ahead_ms = ahead,
            "the wall clock jumped ahead and is not believed for 15 minutes; set it right if it is \
             wrong"
        ),
    }
}

/// What is worth telling about a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    Believed { ahead: i64 },
    Jumped { ahead: i64 },
}

/// Compares two clocks, both in milliseconds.
#[derive(Debug)]
struct Watch {
    /// The last wall time that was believed, and the steady time of that reading.
    wall: i64,
    steady: i64,
    doubt: Option<Doubt>,
}

/// A jump that is not believed.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    ahead: i64,
    /// The steady time at which it was seen first.
    since: i64,
}

impl Watch {
    const fn new(wall: i64) -> Self {
        Self { wall, steady: 0, doubt: None }
    }

    /// The time that counts, and what to tell.
    fn read(&mut self, wall: i64, steady: i64) -> (i64, Option<Notice>) {
        let expected = self.wall.saturating_add(steady.saturating_sub(self.steady));
        let ahead = wall.saturating_sub(expected);
        if ahead <= GAIN_MAX_MS {
            (self.wall, self.steady, self.doubt) = (wall, steady, None);
            return (wall, None);
        }
        match self.doubt {
            Some(doubt) if ahead.abs_diff(doubt.ahead) <= AGREE_MS.unsigned_abs() => {
                if steady.saturating_sub(doubt.since) < TRUST_AFTER_MS {
                    return (expected, None);
                }
                (self.wall, self.steady, self.doubt) = (wall, steady, None);
                (wall, Some(Notice::Believed { ahead }))
            }
            Some(_) | None => {
                self.doubt = Some(Doubt { ahead, since: steady });
                (expected, Some(Notice::Jumped { ahead }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = 1_440 * MINUTE;

    #[test]
    fn a_jump_is_not_believed_before_it_lasted() {
        let mut watch = Watch::new(0);
        assert_eq!(watch.read(MINUTE, MINUTE), (MINUTE, None));
        // Half an hour more than has passed is a clock being set.
        assert_eq!(watch.read(32 * MINUTE, 2 * MINUTE), (32 * MINUTE, None));
        let jumped = watch.read(33 * MINUTE + DAY, 3 * MINUTE);
        assert_eq!(jumped, (33 * MINUTE, Some(Notice::Jumped { ahead: DAY })));
        assert_eq!(watch.read(43 * MINUTE + DAY, 13 * MINUTE), (43 * MINUTE, None));
        let believed = watch.read(48 * MINUTE + DAY, 18 * MINUTE);
        assert_eq!(believed, (48 * MINUTE + DAY, Some(Notice::Believed { ahead: DAY })));
        assert_eq!(watch.read(49 * MINUTE + DAY, 19 * MINUTE), (49 * MINUTE + DAY, None));
    }

    #[test]
    fn a_clock_that_is_mended_opened_no_day() {
        let mut watch = Watch::new(0);
        assert_eq!(watch.read(DAY, 0), (0, Some(Notice::Jumped { ahead: DAY })));
        assert_eq!(watch.read(5 * MINUTE, 5 * MINUTE), (5 * MINUTE, None));
        assert!(watch.doubt.is_none());
        // Back is taken as it is.
        assert_eq!(watch.read(-DAY, 6 * MINUTE), (-DAY, None));
    }

    #[test]
    fn a_clock_that_keeps_jumping_is_never_believed() {
        let mut watch = Watch::new(0);
        for n in 1..100 {
            let (now, notice) = watch.read(n * DAY, n * MINUTE);
            assert_eq!(now, n * MINUTE);
            assert!(matches!(notice, Some(Notice::Jumped { .. })));
        }
    }

    #[test]
    fn a_clock_by_hand_stands_until_it_is_set() {
        let clock = Clock::by_hand(DateTime::UNIX_EPOCH);
        let later = DateTime::from_timestamp_millis(7).unwrap();
        clock.clone().set(later);
        assert_eq!((clock.now(), clock.elapsed()), (later, Duration::from_millis(7)));
        assert!(Clock::machine().now() > later);
    }
}
