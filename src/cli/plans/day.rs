//! One day of a plan, drawn by all pictures: which day, from when to when, and who sends when.
//!
//! Time is cut by the clock that runs, labels are put by the clock on the wall: on a day when the
//! clocks change the axis is an hour shorter or longer.

use mailrota::{CivilDay, Schedule, Span, Timestamp, Zone};

use crate::cli::plans::course::Course;
use crate::cli::plans::setup::Inputs;

/// A day of a plan.
pub(crate) struct Day {
    pub(crate) date: CivilDay,
    /// Whether it is all within the plan; if not, it is the fullest there is.
    pub(crate) is_full: bool,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    zone: Zone,
    schedule: Schedule,
    /// For each account its sends of the day, in order.
    sends: Vec<Vec<Timestamp>>,
}

impl Day {
    /// The first whole day with sends, or else the day with the most.
    pub(crate) fn most_telling(inputs: &Inputs, course: &Course, members: usize) -> Option<Self> {
        let zone = inputs.campaign.zone;
        let last_at = course.last_at()?;
        let mut rest = course.sends.as_slice();
        let mut best: Option<(bool, &[_])> = None;
        while let Some(first) = rest.first() {
            let ends_at = zone.day_end(first.at);
            let (day, later) = rest.split_at(rest.partition_point(|send| send.at < ends_at));
            rest = later;
            let whole =
                zone.day_start(zone.civil_day(first.at)) >= inputs.start && ends_at <= last_at;
            if whole {
                best = Some((true, day));
                break;
            }
            if best.is_none_or(|(_, fullest)| fullest.len() < day.len()) {
                best = Some((false, day));
            }
        }
        let (is_full, of_day) = best?;
        let day = zone.civil_day(of_day.first()?.at);
        let mut sends = vec![Vec::new(); members];
        for send in of_day {
            sends[send.member].push(send.at);
        }
        let schedule = inputs.campaign.schedule.clone();
        let (from, to) = axis(zone, &schedule, day);
        Some(Self { date: day, is_full, from, to, zone, schedule, sends })
    }

    /// How many emails some accounts send in each of `cells` stretches of equal length.
    pub(crate) fn cells(&self, members: &[usize], cells: usize) -> Vec<u64> {
        let mut counts = vec![0; cells];
        for at in members.iter().flat_map(|member| &self.sends[*member]) {
            counts[self.cell(*at, cells)] += 1;
        }
        counts
    }

    /// Which of `cells` stretches an instant falls into.
    pub(crate) fn cell(&self, at: Timestamp, cells: usize) -> usize {
        let (passed, length) = (at.since(self.from).as_ms(), self.length().as_ms().max(1));
        let cell = u128::from(passed) * cells as u128 / u128::from(length);
        usize::try_from(cell).unwrap_or(usize::MAX).min(cells.saturating_sub(1))
    }

    /// Whether the campaign's window is open at any time of a stretch.
    pub(crate) fn is_open(&self, cell: usize, cells: usize) -> bool {
        let edge = |n: usize| {
            let ms = u128::from(self.length().as_ms()) * n as u128 / cells.max(1) as u128;
            self.from.plus(Span::milliseconds(u64::try_from(ms).unwrap_or(u64::MAX)))
        };
        !self.schedule.open_between(self.zone, edge(cell), edge(cell + 1)).is_zero()
    }

    pub(crate) fn length(&self) -> Span {
        self.to.since(self.from)
    }

    /// The full hours on the axis, each with its instant, and the end.
    pub(crate) fn hours(&self) -> Vec<(u32, Timestamp)> {
        let hours = (0..=24).map(|hour| (hour, self.zone.first_at_or_after(self.date, hour * 60)));
        let mut hours: Vec<_> =
            hours.filter(|(_, at)| *at >= self.from && *at <= self.to).collect();
        // An hour that does not exist begins where the next one does.
        hours.dedup_by_key(|(_, at)| *at);
        hours
    }

    /// How many minutes long a stretch is, if the day is cut into as many as fit into `most` and
    /// have a length that reads well, and how many those are.
    pub(crate) fn cut(&self, most: usize) -> (u64, usize) {
        let minutes = self.length().as_ms().div_ceil(60_000).max(1);
        for step in [1, 2, 5, 10, 15, 20, 30, 60] {
            let cells = usize::try_from(minutes.div_ceil(step)).unwrap_or(usize::MAX);
            if cells <= most {
                return (step, cells);
            }
        }
        (120, usize::try_from(minutes.div_ceil(120)).unwrap_or(1))
    }
}

/// The hours in which the campaign's window is open, or the whole day if it always is.
fn axis(zone: Zone, schedule: &Schedule, day: CivilDay) -> (Timestamp, Timestamp) {
    let hour = |n: u32| zone.first_at_or_after(day, n * 60);
    let open = |n: &u32| !schedule.open_between(zone, hour(*n), hour(n + 1)).is_zero();
    let first = (0..24).find(open).unwrap_or(0);
    let last = (0..24).rev().find(open).unwrap_or(23);
    (hour(first), hour(last + 1))
}
