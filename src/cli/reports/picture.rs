//! The day and the days of a plan as blocks for a terminal: a strip for each account, time across.
//!
//! Strips of accounts have one scale, so that they can be compared; sums have their own.

use std::fmt::Write;

use mailrota::CivilDay;
use unicode_width::UnicodeWidthStr;

use crate::cli::plans::day::Day;
use crate::cli::plans::report::Report;
use crate::cli::reports::sentences;
use crate::cli::writing::table::{BOLD, DIM, HEAT};
use crate::cli::writing::words::{count, number, padded};

/// The fewest and the most columns of an address beside its strip.
const LABEL_MIN: usize = 16;
const LABEL_MAX: usize = 28;

/// The telling day of a plan, and all its days below.
pub(crate) fn picture(out: &mut String, report: &Report, day: &Day, width: usize, top: usize) {
    let (shown, rest) = report.shown(top);
    let addresses = shown.iter().map(|place| report.rows[*place].address.shown().width());
    let label = addresses
        .max()
        .unwrap_or_default()
        .clamp(LABEL_MIN, LABEL_MAX.min(width / 4).max(LABEL_MIN));
    let (minutes, cells) = day.cut(width.saturating_sub(label + 10));
    let strips: Vec<_> = shown.iter().map(|place| day.cells(&[*place], cells)).collect();
    let most = strips.iter().flatten().copied().max().unwrap_or_default();
    let _ = writeln!(out, "\n{BOLD}{}{BOLD:#}", sentences::day(day));
    let _ = writeln!(
        out,
        "  {DIM}{}; █ is {} in {minutes} min, · none, blank closed{DIM:#}",
        report.zone,
        count(most, "email"),
    );
    let _ = writeln!(out, "  {} {DIM}{}{DIM:#}", " ".repeat(label), hours(day, cells));
    let mut line = |name: &str, strip: &[u64], most: u64| {
        let name = padded(name, label);
        let drawn = drawn(day, strip, most);
        let sum = number(strip.iter().sum());
        let _ = writeln!(out, "  {name} {HEAT}{drawn}{HEAT:#} {sum:>5}");
    };
    for (place, strip) in shown.iter().zip(&strips) {
        line(&report.rows[*place].address.shown(), strip, most);
    }
    let all: Vec<usize> = (0..report.rows.len()).collect();
    for (name, members) in [("others", &rest), ("together", &all)] {
        let strip = day.cells(members, cells);
        let most = strip.iter().copied().max().unwrap_or_default();
        if members.len() > 1 {
            line(&format!("{} {name}", number(members.len() as u64)), &strip, most);
        }
    }
    days(out, report, label, cells);
}

/// The strip as blocks: higher is more, and any email shows.
fn drawn(day: &Day, strip: &[u64], most: u64) -> String {
    let cell = |(n, count): (usize, &u64)| match *count {
        0 if day.is_open(n, strip.len()) => '·',
        0 => ' ',
        count => block(count, most),
    };
    strip.iter().enumerate().map(cell).collect()
}

fn block(count: u64, most: u64) -> char {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let level = (count * 8).div_ceil(most.max(1)).clamp(1, 8) - 1;
    BLOCKS[usize::try_from(level).unwrap_or_default()]
}

/// The hours of the wall's clock above their cells, as many as fit apart.
fn hours(day: &Day, cells: usize) -> String {
    let hours = day.hours();
    let each = [1, 2, 3, 6, 12].into_iter().find(|each| {
        let labels = hours.len().div_ceil(usize::try_from(*each).unwrap_or(1)).max(1);
        cells / labels >= 4
    });
    let mut line = String::new();
    for (hour, at) in hours.iter().filter(|(hour, _)| hour % each.unwrap_or(24) == 0) {
        if *at >= day.to {
            break;
        }
        let place = day.cell(*at, cells);
        let gap = place.saturating_sub(line.len());
        line.push_str(&" ".repeat(gap));
        let _ = write!(line, "{hour:02}");
    }
    line
}

/// The whole plan, a column for each day; long plans are drawn by several days a column.
fn days(out: &mut String, report: &Report, label: usize, columns: usize) {
    if report.days.len() < 2 {
        return;
    }
    let each = report.days.len().div_ceil(columns.max(1)).max(1);
    let sums: Vec<u64> =
        report.days.chunks(each).map(|days| days.iter().map(|(_, emails)| emails).sum()).collect();
    let most = sums.iter().copied().max().unwrap_or_default();
    let strip: String =
        sums.iter().map(|sum| if *sum == 0 { ' ' } else { block(*sum, most) }).collect();
    let each_name = if each == 1 { "day".to_owned() } else { format!("{each} days") };
    let name = padded(&format!("per {each_name}"), label);
    let _ = writeln!(out, "\n  {name} {HEAT}{strip}{HEAT:#}  {DIM}█ is {}{DIM:#}", number(most));
    if each == 1 {
        let initial = |(day, _): &(CivilDay, u64)| day.to_date().format("%a").to_string();
        let week: String =
            report.days.iter().filter_map(|day| initial(day).chars().next()).collect();
        let _ = writeln!(out, "  {} {DIM}{week}{DIM:#}", " ".repeat(label));
    }
}
