//! What a report says in whole sentences, on every medium alike.

use mailrota::Span;

use crate::cli::plans::day::Day;
use crate::cli::plans::report::Report;
use crate::cli::plans::setup::Limits;
use crate::cli::writing::words::{self, count, number, span};

/// What a plan without refusals assumes.
pub(crate) const REFUSALS: &str =
    "without refusals: as if every refused account had passed its checks";

/// What is planned, from how many accounts.
pub(crate) fn headline(report: &Report) -> String {
    format!(
        "A plan for {} from {} of {}, starting {} {}",
        count(report.emails, "email"),
        number(report.rows.len() as u64),
        count(report.listed as u64, "account"),
        words::day_and_time(report.zone, report.start),
        report.zone,
    )
}

/// Which day a picture shows.
pub(crate) fn day(day: &Day) -> String {
    let which = if day.is_full { "the first whole day" } else { "the fullest day" };
    format!("{}, {which}", day.date.to_date().format("%A %-d %B %Y"))
}

/// When the campaign is finished, or why it never is.
pub(crate) fn ending(report: &Report) -> String {
    if let Some(at) = report.finished_at() {
        let days = report.zone.civil_day(at).days_since(report.zone.civil_day(report.start));
        return format!(
            "Finished on {} ({}), {}{}.",
            words::in_full(report.zone, at),
            report.zone,
            match days {
                0 => "the same day".to_owned(),
                1 => "the next day".to_owned(),
                days => format!("in {days} days"),
            },
            if days > 0 {
                format!(" ({} after the start)", span(at.since(report.start)))
            } else {
                String::new()
            },
        );
    }
    let reasons: Vec<String> = report
        .stuck
        .iter()
        .map(|(reason, accounts)| match accounts {
            1 => reason.text().to_owned(),
            accounts => format!("{} ({} accounts)", reason.text(), number(*accounts)),
        })
        .collect();
    let why = if report.is_over {
        "the rest would go after the year 9999, with which time ends here".to_owned()
    } else if reasons.is_empty() {
        "nothing frees within the 400 days that are looked ahead".to_owned()
    } else {
        reasons.join("; ")
    };
    format!(
        "Never finished: {} of {} can go; {why}.",
        number(report.sent),
        count(report.emails, "email")
    )
}

/// What a kind of limit is called.
pub(crate) fn limits(report: &Report, limits: Limits) -> String {
    let name = match limits {
        Limits::CampaignCaps => "the campaign's caps",
        Limits::Caps => "daily caps",
        Limits::EvenPace => "the even pace",
        Limits::Ramp => "the ramp",
        Limits::Refusals => {
            return format!("refusals ({})", count(report.refused.len() as u64, "account"));
        }
        Limits::Rolling => "rolling limits",
        Limits::Spacing => "spacing and jitter",
        Limits::Windows => "windows and holidays",
    };
    name.to_owned()
}

/// Which one limit costs most, and how much.
pub(crate) fn dearest(report: &Report) -> String {
    let Some(cost) = report.dearest() else {
        return "No kind of limit alone: without any one of them, others hold the plan as long."
            .to_owned();
    };
    let name = limits(report, cost.limits);
    let finished = cost.last_at.filter(|_| cost.sent == report.emails);
    let end = match finished {
        Some(at) => format!("the plan would be finished on {}", words::in_full(report.zone, at)),
        None => format!("{} could go", count(cost.sent, "email")),
    };
    let saves = report.saves(cost).unwrap_or(Span::ZERO);
    let earlier =
        if saves.is_zero() { String::new() } else { format!(", {} earlier", span(saves)) };
    format!("{}: without {} {end}{earlier}.", capitalized(&name), them(cost.limits))
}

const fn them(limits: Limits) -> &'static str {
    match limits {
        Limits::EvenPace | Limits::Ramp => "it",
        Limits::CampaignCaps
        | Limits::Caps
        | Limits::Refusals
        | Limits::Rolling
        | Limits::Spacing
        | Limits::Windows => "them",
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
