//! How many calls a key may make: a token bucket for each.
//!
//! Knows keys by number only.

use std::time::Duration;

use governor::clock::Clock as Ticks;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::http::problem::Limited;
use crate::http::settings::Settings;

/// The buckets of all keys.
#[derive(Debug)]
pub(super) struct Limits {
    buckets: RateLimiter<u64, DefaultKeyedStateStore<u64>, Steady, NoOpMiddleware<Nanos>>,
    clock: Clock,
    burst: u32,
}

impl Limits {
    pub(super) fn new(settings: &Settings, clock: &Clock) -> Self {
        let quota = Quota::per_minute(settings.per_minute).allow_burst(settings.burst);
        let store = DefaultKeyedStateStore::default();
        let buckets = RateLimiter::new(quota, store, Steady(clock.clone()));
        Self { buckets, clock: clock.clone(), burst: settings.burst.get() }
    }

    /// Takes one call of a key out of its bucket.
    pub(super) fn take(&self, key: u64) -> Result<(), Limited> {
        self.buckets.check_key(&key).map_err(|refused| {
            let wait = refused.wait_time_from(Steady(self.clock.clone()).now());
            let retry_after = seconds_up(wait);
            let reset_at = self.clock.now().timestamp().saturating_add_unsigned(retry_after);
            Limited { limit: self.burst, retry_after, reset_at }
        })
    }
}

fn seconds_up(span: Duration) -> u64 {
    (span.as_secs() + u64::from(span.subsec_nanos() > 0)).max(1)
}

/// The steady clock, as the buckets read it.
#[derive(Clone, Debug)]
struct Steady(Clock);

impl Ticks for Steady {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let nanos = self.0.elapsed().as_nanos();
        Nanos::new(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn a_key_that_used_its_burst_waits_and_others_do_not() {
        let start = DateTime::from_timestamp_millis(1_795_165_200_000).unwrap();
        let clock = Clock::by_hand(start);
        let calls = |n| NonZeroU32::new(n).unwrap();
        let settings = Settings::default().burst(calls(2)).per_minute(calls(30));
        let limits = Limits::new(&settings, &clock);
        assert!(limits.take(1).is_ok() && limits.take(1).is_ok());
        let refused = limits.take(1).unwrap_err();
        assert_eq!((refused.limit, refused.retry_after), (2, 2));
        assert_eq!(refused.reset_at, start.timestamp() + 2);
        assert!(limits.take(2).is_ok());
        clock.set(start + TimeDelta::seconds(2));
        assert!(limits.take(1).is_ok());
        assert!(limits.take(1).is_err());
    }
}
