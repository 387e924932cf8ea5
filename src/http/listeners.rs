//! How many streams of events each key has: a place for each stream, as far as there are places.
//!
//! Knows nothing of what is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::http::problem::Limited;
use crate::http::settings::Settings;

/// How many streams each key has.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<BTreeMap<u64, usize>>>);

impl Listeners {
    /// Takes a place for one more stream of a key, if there is one.
    pub(super) fn enter(
        &self,
        key: u64,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Place, Limited> {
        let most = settings.streams_max;
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(key).or_default();
        if *taken >= most {
            let retry_after = settings.heartbeat.as_secs().max(1);
            let now = clock.now().timestamp();
            let reset_at = now.saturating_add_unsigned(retry_after);
            let limit = u32::try_from(most).unwrap_or(u32::MAX);
            return Err(Limited { limit, retry_after, reset_at });
        }
        *taken += 1;
        Ok(Place { listeners: self.clone(), key })
    }

    /// How many streams there are.
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

/// A stream's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    listeners: Listeners,
    key: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.listeners.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(taken) = places.get_mut(&self.key) else { return };
        *taken -= 1;
        if *taken == 0 {
            places.remove(&self.key);
        }
    }
}
