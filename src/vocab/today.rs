//! The civil day of a recent instant and the day after it, kept, so that the next instants need no
//! zone table.
//!
//! What is kept follows from the zone table alone. It is no fact: it is equal to every other, is
//! never written down, and knows nothing of what it is asked for.

use crate::vocab::civil::{CivilDay, Zone};
use crate::vocab::time::{Span, Timestamp};

/// A day without changes of the clock.
const DAY_MS: u32 = 86_400_000;

/// A civil day of one zone with its first instant, and how long it and the next day are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Today {
    zone: Zone,
    day: CivilDay,
    start: Timestamp,
    /// In milliseconds.
    lengths: [u32; 2],
}

impl Today {
    /// The civil day of an instant, and the next one.
    fn of(zone: Zone, at: Timestamp) -> Self {
        let day = zone.civil_day(at);
        Self::from(zone, (day, zone.day_start(day)), zone.day_start(day.plus_days(1)))
    }

    /// A day with its first instant and the next day's.
    fn from(zone: Zone, (day, start): (CivilDay, Timestamp), end: Timestamp) -> Self {
        let after = zone.day_start(day.plus_days(2));
        let lengths = [end.since(start), after.since(end)];
        // No date is longer than two days, which one was that came twice.
        let lengths = lengths.map(|length| u32::try_from(length.as_ms()).unwrap_or(u32::MAX));
        Self { zone, day, start, lengths }
    }

    /// The same, if it knows the civil day of an instant; otherwise one that does.
    #[inline]
    pub(crate) fn around(self, zone: Zone, at: Timestamp) -> Self {
        if self.known(zone, at).is_some() { self } else { Self::of(zone, at) }
    }

    /// The civil day of an instant.
    pub(crate) fn day(&mut self, zone: Zone, at: Timestamp) -> CivilDay {
        match self.known(zone, at) {
            Some(day) if day == self.day => {}
            Some(day) => *self = Self::from(zone, (day, self.end()), self.next_end()),
            None => *self = Self::of(zone, at),
        }
        self.day
    }

    /// The civil day of an instant and its first instant.
    pub(crate) fn begun(&mut self, zone: Zone, at: Timestamp) -> (CivilDay, Timestamp) {
        let day = self.day(zone, at);
        (day, self.start)
    }

    /// The civil day of an instant, without keeping what had to be looked up.
    #[inline]
    pub(crate) fn look(&self, zone: Zone, at: Timestamp) -> CivilDay {
        self.known(zone, at).unwrap_or_else(|| zone.civil_day(at))
    }

    /// The first instant of a civil day.
    #[inline]
    pub(crate) fn start(&self, zone: Zone, day: CivilDay) -> Timestamp {
        match day.days_since(self.day) {
            0 if zone == self.zone => self.start,
            1 if zone == self.zone => self.end(),
            2 if zone == self.zone => self.next_end(),
            _ => zone.day_start(day),
        }
    }

    /// The least instant at which the wall shows `minute` of a civil day or anything later.
    ///
    /// No clock is ever changed there and back within a day, so one of 24 hours runs evenly: looked
    /// at hour by hour in every zone from 1812 to 2349.
    #[inline]
    pub(crate) fn minute(&self, zone: Zone, day: CivilDay, minute: u32) -> Timestamp {
        if zone == Zone::UTC || zone != self.zone {
            return zone.first_at_or_after(day, minute);
        }
        let start = match (day.days_since(self.day), self.lengths) {
            (0, [DAY_MS, _]) => self.start,
            (1, [_, DAY_MS]) => self.end(),
            _ => return zone.first_at_or_after(day, minute),
        };
        start.plus(Span::minutes(minute.into()))
    }

    #[inline]
    fn known(&self, zone: Zone, at: Timestamp) -> Option<CivilDay> {
        if self.zone != zone || at < self.start {
            return None;
        }
        let since = at.since(self.start).as_ms();
        let [today, next] = self.lengths.map(u64::from);
        if since < today {
            Some(self.day)
        } else {
            (since < today + next).then(|| self.day.plus_days(1))
        }
    }

    const fn end(&self) -> Timestamp {
        self.start.plus(Span::milliseconds(self.lengths[0] as u64))
    }

    const fn next_end(&self) -> Timestamp {
        self.end().plus(Span::milliseconds(self.lengths[1] as u64))
    }
}

impl Default for Today {
    /// The first days that there are.
    fn default() -> Self {
        Self::of(Zone::UTC, Timestamp::MIN)
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
            for days in -2..4 {
                let day = zone.civil_day(at).plus_days(days);
                let around = today.around(zone, at);
                assert_eq!(around.start(zone, day), zone.day_start(day), "{zone} {day}");
                assert_eq!(today.start(zone, day), zone.day_start(day), "{zone} {day}");
                // To the millisecond.
                let start = zone.day_start(day);
                for at in [start.minus(Span::milliseconds(1)), start] {
                    assert_eq!(today.look(zone, at), zone.civil_day(at), "{zone} {at}");
                }
            }
            let (day, start) = (zone.civil_day(at), zone.day_start(zone.civil_day(at)));
            assert_eq!(today.begun(zone, at), (day, start), "{zone} {at}");
            at = if n % 7 == 0 { at.minus(Span::hours(3)) } else { at.plus(Span::minutes(47)) };
        }
    }

    /// Wherever a clock is changed, and on the days around.
    #[test]
    fn minutes_of_a_known_day_are_those_of_the_table() {
        const STEP: Span = Span::days(1);
        let mut changes = 0;
        for zone in chrono_tz::TZ_VARIANTS.into_iter().map(Zone::from) {
            let mut at = Timestamp::parse("2004-01-01T00:00:00Z").unwrap();
            let offset = |at: Timestamp| zone.local(at) - at.to_datetime().naive_utc();
            while at < Timestamp::parse("2030-01-01T00:00:00Z").unwrap() {
                let next = at.plus(STEP);
                if offset(at) != offset(next) {
                    changes += 1;
                    for days in -1..3 {
                        let day = zone.civil_day(at).plus_days(days);
                        let mut today = Today::default();
                        today.day(zone, zone.day_start(day));
                        for minute in (0..=1_440).step_by(80) {
                            for day in [day, day.plus_days(1)] {
                                let told = today.minute(zone, day, minute);
                                let true_one = zone.first_at_or_after(day, minute);
                                assert_eq!(told, true_one, "{zone} {day} {minute}");
                            }
                        }
                    }
                }
                at = next;
            }
        }
        assert!(changes > 1_000, "{changes}");
    }
}
