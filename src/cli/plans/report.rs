//! What a plan came to, as numbers: a row for each account, a day, and the end.
//!
//! Computed once; the text, the page, the picture and the JSON only write it down.

use std::collections::BTreeMap;

use mailrota::{AccountId, Checked, CivilDay, Reason, Span, Timestamp, Unavailable, Zone};

use crate::cli::plans::costs::Cost;
use crate::cli::plans::course::Course;
use crate::cli::plans::day::Day;
use crate::cli::plans::setup::{Inputs, World};
use crate::cli::writing::words::{self, Foreign};

/// An account that was refused or has a warning.
pub(crate) struct Noted {
    pub(crate) id: AccountId,
    pub(crate) address: Foreign,
    /// A word for machines and one for people, each.
    pub(crate) findings: Vec<(&'static str, Foreign)>,
}

/// An attached account.
pub(crate) struct Row {
    pub(crate) id: AccountId,
    pub(crate) address: Foreign,
    pub(crate) cap: u32,
    /// What the first day allows, less what was sent on it before the plan.
    pub(crate) today: u32,
    pub(crate) weight: u64,
    pub(crate) sent: u64,
    pub(crate) first_at: Option<Timestamp>,
    pub(crate) last_at: Option<Timestamp>,
    /// What held it for how long, the longest first.
    pub(crate) held: Vec<(Reason, Span)>,
}

/// Everything that a view may want to show.
pub(crate) struct Report {
    pub(crate) zone: Zone,
    pub(crate) start: Timestamp,
    pub(crate) emails: u64,
    pub(crate) listed: usize,
    pub(crate) refused: Vec<Noted>,
    pub(crate) warned: Vec<Noted>,
    /// By number.
    pub(crate) rows: Vec<Row>,
    /// Of all of them together.
    weight: u64,
    pub(crate) sent: u64,
    pub(crate) last_at: Option<Timestamp>,
    /// Why no more can go, each reason with the number of accounts; nothing if all go.
    pub(crate) stuck: Vec<(Reason, u64)>,
    /// Whether the rest would go after the last instant there is.
    pub(crate) is_over: bool,
    pub(crate) day: Option<Day>,
    /// Emails per day, from the first day to the last without a gap.
    pub(crate) days: Vec<(CivilDay, u64)>,
    pub(crate) costs: Vec<Cost>,
}

impl Report {
    /// Sums a course up. `rows` are the accounts as they stood before it.
    pub(crate) fn new(
        inputs: &Inputs,
        world: &World,
        mut rows: Vec<Row>,
        course: &Course,
        emails: u64,
    ) -> Self {
        let zone = inputs.campaign.zone;
        for send in &course.sends {
            let row = &mut rows[send.member];
            row.sent += 1;
            row.first_at.get_or_insert(send.at);
            row.last_at = Some(send.at);
        }
        for (row, held) in rows.iter_mut().zip(&course.held) {
            row.held = held.iter().map(|(reason, span)| (*reason, *span)).collect();
            row.held.sort_by_key(|(reason, span)| (std::cmp::Reverse(*span), *reason));
        }
        let (refused, warned) = notes(inputs, world);
        Self {
            zone,
            start: inputs.start,
            emails,
            listed: inputs.accounts.len(),
            refused,
            warned,
            weight: weight(rows.iter()),
            sent: course.sends.len() as u64,
            last_at: course.last_at(),
            stuck: course.stuck.as_ref().map(stuck).unwrap_or_default(),
            is_over: course.stuck.is_none() && (course.sends.len() as u64) < emails,
            day: Day::most_telling(inputs, course, rows.len()),
            days: days(zone, course),
            costs: Vec::new(),
            rows,
        }
    }

    /// When the last email goes, if all do.
    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        self.last_at.filter(|_| self.sent == self.emails)
    }

    /// The share of all weights that some accounts have, in tenths of a percent.
    pub(crate) fn asked(&self, rows: &[&Row]) -> Option<u64> {
        let some = weight(rows.iter().copied());
        (some > 0).then(|| words::tenths(some, self.weight))
    }

    /// The share of the emails that they send.
    pub(crate) fn got(&self, rows: &[&Row]) -> u64 {
        words::tenths(rows.iter().map(|row| row.sent).sum(), self.sent)
    }

    /// The rows to show, and those only to be summed. If not all fit the busiest are shown.
    pub(crate) fn shown(&self, top: usize) -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        if top == 0 || order.len() <= top {
            return (order, Vec::new());
        }
        order.sort_by_key(|place| std::cmp::Reverse(self.rows[*place].sent));
        let rest = order.split_off(top);
        (order, rest)
    }

    /// The cost of the limit without which the plan would be done first, if that is earlier.
    pub(crate) fn dearest(&self) -> Option<&Cost> {
        let better = self.costs.iter().filter(|cost| self.gains(cost));
        better.min_by_key(|cost| (std::cmp::Reverse(cost.sent), cost.last_at))
    }

    /// Whether the plan is better off without a limit.
    fn gains(&self, without: &Cost) -> bool {
        without.sent > self.sent || (without.sent == self.sent && without.last_at < self.last_at)
    }

    /// By how much the same emails would be done earlier without a limit.
    pub(crate) fn saves(&self, without: &Cost) -> Option<Span> {
        let (with, earlier) = (self.last_at?, without.last_at?);
        (without.sent == self.sent).then(|| with.since(earlier))
    }
}

/// The attached accounts as they stand at the start.
pub(crate) fn rows(inputs: &Inputs, world: &World) -> Vec<Row> {
    let attached = world.members();
    let row = |id: &AccountId| {
        let account = world.engine.account(*id)?;
        let standing = world.engine.standing(*id, inputs.start.to_datetime()).ok()?;
        Some(Row {
            id: *id,
            address: Foreign(account.address.clone()),
            cap: account.daily_cap,
            today: standing.headroom(),
            weight: standing.weight,
            sent: 0,
            first_at: None,
            last_at: None,
            held: Vec::new(),
        })
    };
    attached.iter().filter_map(row).collect()
}

/// Those that were refused, with every error; and those taken in, with every warning.
pub(crate) fn notes(inputs: &Inputs, world: &World) -> (Vec<Noted>, Vec<Noted>) {
    let warned = |checked: &Checked| !checked.is_refused() && checked.warnings().count() > 0;
    let refused = noted(inputs, world, Checked::is_refused, true);
    (refused, noted(inputs, world, warned, false))
}

fn noted(inputs: &Inputs, world: &World, of: fn(&Checked) -> bool, errors: bool) -> Vec<Noted> {
    let addresses: BTreeMap<AccountId, &str> = inputs
        .accounts
        .iter()
        .map(|read| (read.account.id, read.account.address.as_str()))
        .collect();
    let noted = world.report.accounts.iter().filter(|checked| of(checked)).map(|checked| {
        let findings = checked.findings.iter().filter(|finding| finding.is_error() == errors);
        let address = addresses.get(&checked.account).copied().unwrap_or_default();
        Noted {
            id: checked.account,
            address: Foreign(address.to_owned()),
            findings: findings
                .map(|finding| (finding.code(), Foreign(finding.to_string())))
                .collect(),
        }
    });
    noted.collect()
}

/// The weights of accounts together; those that may send nothing have none.
fn weight<'a>(rows: impl Iterator<Item = &'a Row>) -> u64 {
    rows.filter(|row| row.cap > 0).map(|row| row.weight).sum()
}

fn stuck(unavailable: &Unavailable) -> Vec<(Reason, u64)> {
    let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
    for (_, block) in unavailable.reasons().filter(|(_, block)| block.until.is_none()) {
        *reasons.entry(block.reason).or_default() += 1;
    }
    reasons.into_iter().collect()
}

fn days(zone: Zone, course: &Course) -> Vec<(CivilDay, u64)> {
    let mut days: Vec<(CivilDay, u64)> = Vec::new();
    let mut ends_at = Timestamp::MIN;
    for send in &course.sends {
        if send.at >= ends_at {
            let day = zone.civil_day(send.at);
            ends_at = zone.day_end(send.at);
            let next = days.last().map_or(day, |(last, _)| last.plus_days(1));
            let silent = (0..day.days_since(next)).map(|n| (next.plus_days(n), 0));
            days.extend(silent.collect::<Vec<_>>());
            days.push((day, 0));
        }
        if let Some((_, emails)) = days.last_mut() {
            *emails += 1;
        }
    }
    days
}
