//! The report of a plan as one page: no scripts, nothing fetched, light and dark.
//!
//! Whatever is foreign goes through an escape; the rest is written here.

use std::fmt::Write;

use mailrota::{Reason, Span, Timestamp};

use crate::cli::plans::report::{Noted, Report, Row};
use crate::cli::reports::{sentences, svg};
use crate::cli::writing::words::{self, brief, count, escaped, number, percent, short, span};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(crate) fn page(report: &Report, top: usize) -> String {
    let mut out = String::new();
    let headline = escaped(&sentences::headline(report));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{headline}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{headline}</h1>\n"
    );
    answers(&mut out, report);
    let _ = write!(out, "<section class=\"wide\">\n{}</section>\n", svg::day(report, top));
    days(&mut out, report);
    accounts(&mut out, report, top);
    held(&mut out, report, top);
    costs(&mut out, report);
    noted(&mut out, "Refused", "bad", &report.refused);
    noted(&mut out, "Warnings", "warn", &report.warned);
    let _ = write!(
        out,
        "<footer>Made by mailrota {}. Every email goes the moment some account may send it; \
         sending takes no time and every email is accepted.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
    );
    out
}

/// The two things that everybody asks first.
fn answers(out: &mut String, report: &Report) {
    let class = if report.finished_at().is_some() { "good" } else { "bad" };
    let _ = writeln!(
        out,
        "<div class=\"answers\"><p class=\"{class}\"><b>The end</b>{}</p>\
         <p><b>What costs most</b>{}</p></div>",
        escaped(&sentences::ending(report)),
        escaped(&sentences::dearest(report)),
    );
}

fn days(out: &mut String, report: &Report) {
    const BARS_MAX: usize = 200;
    const HEIGHT: u64 = 96;
    if report.days.len() < 2 {
        return;
    }
    let each = report.days.len().div_ceil(BARS_MAX);
    let bars: Vec<_> = report.days.chunks(each).collect();
    let sum = |days: &[(mailrota::CivilDay, u64)]| days.iter().map(|(_, n)| n).sum::<u64>();
    let most = bars.iter().map(|days| sum(days)).max().unwrap_or_default();
    let _ = write!(out, "<section>\n<h2>Day by day</h2>\n<ol class=\"days\">");
    for days in bars {
        let Some((first, _)) = days.first() else { continue };
        let emails = sum(days);
        let name = first.to_date().format("%a %-d %b %Y").to_string();
        let height = emails * HEIGHT / most.max(1) + u64::from(emails > 0);
        let label = if days.len() == 1 && report.days.len() <= 31 {
            first.to_date().format("%-d").to_string()
        } else {
            String::new()
        };
        let _ = write!(
            out,
            "<li title=\"{name}: {}\"><i style=\"height:{height}px\"></i>{label}</li>",
            count(emails, "email"),
        );
    }
    let _ = writeln!(
        out,
        "</ol>\n<p class=\"note\">The fullest: {}.</p></section>",
        count(most, "email")
    );
}

fn accounts(out: &mut String, report: &Report, top: usize) {
    if report.rows.is_empty() {
        return;
    }
    out.push_str(
        "<section class=\"wide\">\n<h2>Accounts</h2>\n<table><thead><tr><th>account<th class=\"n\">\
         cap<th class=\"n\">today<th class=\"n\">sent<th class=\"n\">asked<th class=\"n\">got\
         <th class=\"n\">first<th class=\"n\">last<th>held longest by</tr></thead><tbody>\n",
    );
    let (shown, rest) = report.shown(top);
    for place in shown {
        let row = &report.rows[place];
        let held = row.held.first();
        let held = held.map(|(reason, time)| words::held(*reason, *time));
        cells(out, report, &row.address.escaped(), &[row], &held.unwrap_or_default());
    }
    if !rest.is_empty() {
        let rows: Vec<&Row> = rest.iter().map(|place| &report.rows[*place]).collect();
        cells(out, report, &format!("{} others", number(rows.len() as u64)), &rows, "");
    }
    out.push_str(
        "</tbody></table>\n<p class=\"note\">Today: what is left of today's allowance. Asked: the \
         share by weight.</p>\n</section>\n",
    );
}

fn cells(out: &mut String, report: &Report, name: &str, rows: &[&Row], held: &str) {
    let sum = |of: fn(&Row) -> u64| number(rows.iter().map(|row| of(row)).sum());
    let at =
        |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| brief(report.zone, at));
    let _ = write!(out, "<tr><th>{name}");
    for cell in [
        sum(|row| row.cap.into()),
        sum(|row| row.today.into()),
        sum(|row| row.sent),
        report.asked(rows).map_or_else(|| "–".to_owned(), percent),
        percent(report.got(rows)),
        at(rows.iter().filter_map(|row| row.first_at).min()),
        at(rows.iter().filter_map(|row| row.last_at).max()),
    ] {
        let _ = write!(out, "<td class=\"n\">{cell}");
    }
    let _ = writeln!(out, "<td>{}</tr>", escaped(held));
}

/// The colours of bars, each with what it stands for. Reasons that are not here have the last.
const KINDS: [(&str, &str, &[Reason]); 7] = [
    ("cap", "daily cap", &[Reason::DailyCap, Reason::FormerZoneCap]),
    ("ramp", "ramp", &[Reason::RampCap]),
    ("gap", "spacing and pace", &[Reason::GapNotOver, Reason::PaceNotDue]),
    (
        "roll",
        "rolling limits",
        &[Reason::MinuteCap, Reason::HourCap, Reason::RollingCap, Reason::LongCap],
    ),
    ("camp", "campaign's caps", &[Reason::CampaignDailyCap, Reason::CampaignNewLeadCap]),
    (
        "shut",
        "windows and holidays",
        &[
            Reason::Holiday,
            Reason::OutOfSchedule,
            Reason::OutsideSenderHours,
            Reason::SenderHoliday,
        ],
    ),
    ("else", "other", &[]),
];

/// Which of the colours a reason has.
fn kind(reason: Reason) -> &'static str {
    let known = KINDS.iter().find(|(.., reasons)| reasons.contains(&reason));
    known.map_or("else", |(class, ..)| class)
}

/// For each account a bar of the plan's time, by what held it.
fn held(out: &mut String, report: &Report, top: usize) {
    let (shown, _) = report.shown(top);
    let total = report.last_at.map_or(Span::ZERO, |at| at.since(report.start)).as_ms();
    if total == 0 || shown.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<section>\n<h2>What held them</h2>\n<p class=\"note\">Of the {} of the plan; where \
         several held, the one that lasted longest.</p>\n<dl class=\"held\">\n",
        span(Span::milliseconds(total)),
    );
    for place in shown {
        let row = &report.rows[place];
        let _ = write!(out, "<dt>{}<dd>", row.address.escaped());
        for (reason, time) in &row.held {
            let share = words::tenths(time.as_ms(), total);
            let (name, time) = (short(*reason), span(*time));
            // A name is written where a bar has the room for it.
            let label = if share >= 120 { name.as_ref() } else { "" };
            let _ = write!(
                out,
                "<i class=\"{}\" style=\"width:{}\" title=\"{name}: {time}, {}\">{label}</i>",
                kind(*reason),
                percent(share),
                percent(share),
            );
        }
        out.push('\n');
    }
    out.push_str("</dl>\n<p class=\"note\">");
    let reasons = || report.rows.iter().flat_map(|row| &row.held).map(|(reason, _)| *reason);
    for (class, name, _) in
        KINDS.iter().filter(|(class, ..)| reasons().any(|of| kind(of) == *class))
    {
        let _ = write!(out, "<i class=\"key {class}\"></i>{name} ");
    }
    out.push_str("</p>\n</section>\n");
}

fn costs(out: &mut String, report: &Report) {
    if report.costs.is_empty() {
        return;
    }
    out.push_str(
        "<section>\n<h2>The same plan without one kind of limit</h2>\n<table><thead><tr>\
         <th>without<th>finished<th class=\"n\">earlier by</tr></thead><tbody>\n",
    );
    let dearest = report.dearest().map(|cost| cost.limits);
    for cost in &report.costs {
        let finished = cost.last_at.filter(|_| cost.sent == report.emails);
        let finished = finished.map_or_else(
            || format!("never, {} go", number(cost.sent)),
            |at| words::day_and_time(report.zone, at),
        );
        let saves = report.saves(cost).filter(|saves| !saves.is_zero());
        let class = if Some(cost.limits) == dearest { " class=\"good\"" } else { "" };
        let _ = writeln!(
            out,
            "<tr{class}><th>{}<td>{finished}<td class=\"n\">{}</tr>",
            escaped(&sentences::limits(report, cost.limits)),
            saves.map_or_else(|| "–".to_owned(), span),
        );
    }
    out.push_str("</tbody></table>\n");
    if !report.refused.is_empty() {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(sentences::REFUSALS));
    }
    out.push_str("</section>\n");
}

fn noted(out: &mut String, title: &str, class: &str, noted: &[Noted]) {
    if noted.is_empty() {
        return;
    }
    let _ = write!(out, "<section>\n<h2>{title}</h2>\n<table><tbody>\n");
    for noted in noted {
        let findings: Vec<String> = noted.findings.iter().map(|(_, text)| text.escaped()).collect();
        let _ = writeln!(
            out,
            "<tr><td class=\"n\">{}<th>{}<td class=\"{class}\">{}</tr>",
            noted.id,
            noted.address.escaped(),
            findings.join("<br>"),
        );
    }
    out.push_str("</tbody></table>\n</section>\n");
}
