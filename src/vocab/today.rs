//! The civil day of a recent instant, kept, so that the next instants need no zone table.
//!
//! What is kept follows from the zone table alone. It is no fact: it is equal to every other, is
//! never written down, and knows nothing of what it is asked for.

use crate::vocab::civil::{CivilDay, Zone};
use crate::vocab::time::Timestamp;

/// A civil day of one zone with its first instant and the first one after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Today {
    zone: Zone,
    day: CivilDay,
    start: Timestamp,
    end: Timestamp,
}

impl Today {
    /// The civil day of an instant.
    pub(crate) fn day(&mut self, zone: Zone, at: Timestamp) -> CivilDay {
        if let Some(day) = self.known(zone, at) {
            return day;
        }
        let day = zone.civil_day(at);
        let (start, end) = (zone.day_start(day), zone.day_start(day.plus_days(1)));
        *self = Self { zone, day, start, end };
        day
    }

    /// The civil day of an instant and its first instant.
    pub(crate) fn begun(&mut self, zone: Zone, at: Timestamp) -> (CivilDay, Timestamp) {
        let day = self.day(zone, at);
        (day, self.start)
    }

    /// The civil day of an instant, without keeping what had to be looked up.
    pub(crate) fn look(&self, zone: Zone, at: Timestamp) -> CivilDay {
        self.known(zone, at).unwrap_or_else(|| zone.civil_day(at))
    }

    fn known(&self, zone: Zone, at: Timestamp) -> Option<CivilDay> {
        (self.zone == zone && self.start <= at && at < self.end).then_some(self.day)
    }
}

impl Default for Today {
    /// Knows no day.
    fn default() -> Self {
        let day = Zone::UTC.civil_day(Timestamp::EPOCH);
        Self { zone: Zone::UTC, day, start: Timestamp::MAX, end: Timestamp::MIN }
    }
}

impl PartialEq for Today {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Today {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::Span;

    #[test]
    fn a_kept_day_is_the_zones_day() {
        let zones = ["UTC", "Europe/Madrid", "America/St_Johns", "America/Santiago"];
        let zones = zones.map(|name| name.parse::<Zone>().unwrap());
        let mut today = Today::default();
        let mut at = Timestamp::parse("2010-11-06T00:00:00Z").unwrap();
        for n in 0..20_000 {
            // Stays with a zone for a while, and crosses changes of its clock.
            let zone = zones[n / 50 % zones.len()];
            assert_eq!(today.look(zone, at), zone.civil_day(at), "{zone} {at}");
            assert_eq!(today.day(zone, at), zone.civil_day(at), "{zone} {at}");
            at = if n % 7 == 0 { at.minus(Span::hours(3)) } else { at.plus(Span::minutes(47)) };
        }
    }
}
