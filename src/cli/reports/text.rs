//! The report as a text for a terminal.
//!
//! Lines fit the width that is given. Colours are in it and taken out where they are not wanted.

use std::fmt::Write;

use anstyle::Style;
use mailrota::Timestamp;
use unicode_width::UnicodeWidthStr;

use crate::cli::plans::report::{Noted, Report, Row};
use crate::cli::reports::picture::picture;
use crate::cli::reports::sentences;
use crate::cli::writing::table::{BAD, BOLD, DIM, GOOD, PLAIN, Side, Table, WARN};
use crate::cli::writing::words::{self, brief, count, number, padded, percent, span, wrapped};

/// From this width on there is room for all columns.
const WIDE: usize = 96;
/// Under this width the most needful have to do.
const NARROW: usize = 76;
/// Places of columns that may be left out.
const ASKED: usize = 4;
const FIRST: usize = 6;
const LAST: usize = 7;
/// The most columns of an account's address beside what was found.
const LABEL_MAX: usize = 28;

/// The whole report of a plan.
pub(crate) fn plan(report: &Report, width: usize, top: usize) -> String {
    let mut out = String::new();
    for line in wrapped(&sentences::headline(report), width) {
        let _ = writeln!(out, "{BOLD}{line}{BOLD:#}");
    }
    noted(&mut out, "Refused", BAD, &report.refused, width, top);
    noted(&mut out, "Warnings", WARN, &report.warned, width, top);
    accounts(&mut out, report, width, top);
    if let Some(day) = &report.day {
        picture(&mut out, report, day, width, top);
    }
    end(&mut out, report, width);
    costs(&mut out, report, width);
    out
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n{BOLD}{text}{BOLD:#}");
}

/// Indented lines between words.
fn paragraph(out: &mut String, style: Style, text: &str, width: usize) {
    for line in wrapped(text, width.saturating_sub(2)) {
        let _ = writeln!(out, "  {style}{line}{style:#}");
    }
}

/// Accounts with what was found about them, one finding a line.
pub(crate) fn noted(
    out: &mut String,
    title: &str,
    style: Style,
    noted: &[Noted],
    width: usize,
    top: usize,
) {
    if noted.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n{BOLD}{title}{BOLD:#} {style}{}{style:#}",
        count(noted.len() as u64, "account")
    );
    let shown = if top == 0 { noted.len() } else { top };
    let ids = noted.iter().map(|noted| noted.id.to_string().len()).max().unwrap_or_default();
    let label = noted.iter().take(shown).map(|noted| noted.address.shown().width()).max();
    let label = label.unwrap_or_default().min(LABEL_MAX);
    let indent = ids + label + 6;
    for noted in noted.iter().take(shown) {
        let address = padded(&noted.address.shown(), label);
        let mut lead = format!("  {:>ids$}  {address}  ", noted.id.to_string());
        for (_, finding) in &noted.findings {
            for line in wrapped(&finding.shown(), width.saturating_sub(indent)) {
                let _ = writeln!(out, "{lead}{style}{line}{style:#}");
                lead = " ".repeat(indent);
            }
        }
    }
    more(out, noted.len().saturating_sub(shown));
}

fn more(out: &mut String, hidden: usize) {
    if hidden > 0 {
        let hidden = number(hidden as u64);
        let _ = writeln!(out, "  {DIM}and {hidden} more; --top 0 shows all{DIM:#}");
    }
}

fn accounts(out: &mut String, report: &Report, width: usize, top: usize) {
    if report.rows.is_empty() {
        return;
    }
    heading(out, "Accounts");
    let heads = [
        ("account", Side::Left),
        ("cap", Side::Right),
        ("today", Side::Right),
        ("sent", Side::Right),
        ("asked", Side::Right),
        ("got", Side::Right),
        ("first", Side::Right),
        ("last", Side::Right),
        ("held longest by", Side::Left),
    ];
    // A narrow screen does without what can be guessed from the rest.
    let keep = |n: &usize| match *n {
        FIRST => width >= WIDE,
        ASKED | LAST => width >= NARROW,
        _ => true,
    };
    let kept = |cells: Vec<String>| -> Vec<String> {
        cells.into_iter().enumerate().filter(|(n, _)| keep(n)).map(|(_, cell)| cell).collect()
    };
    let heads: Vec<_> = (0..heads.len()).filter(keep).map(|n| heads[n]).collect();
    let mut table = Table::new(&heads, 0);
    let (shown, rest) = report.shown(top);
    for place in shown {
        let row = &report.rows[place];
        let style = if row.sent == 0 { DIM } else { PLAIN };
        table.row(style, kept(cells(report, row)));
    }
    if !rest.is_empty() {
        table.row(DIM, kept(summed(report, &rest)));
    }
    table.write(out, width);
    let note = "today: what is left of today's allowance; asked: the share by weight";
    paragraph(out, DIM, note, width);
}

fn cells(report: &Report, row: &Row) -> Vec<String> {
    let mut cells = numbers(report, &row.address.shown(), &[row]);
    let held = row.held.first();
    cells.push(held.map_or_else(String::new, |(reason, time)| words::held(*reason, *time)));
    cells
}

/// One line for all accounts that are not shown.
fn summed(report: &Report, rest: &[usize]) -> Vec<String> {
    let rows: Vec<&Row> = rest.iter().map(|place| &report.rows[*place]).collect();
    let name = format!("{} others", number(rows.len() as u64));
    let mut cells = numbers(report, &name, &rows);
    cells.push(String::new());
    cells
}

fn numbers(report: &Report, name: &str, rows: &[&Row]) -> Vec<String> {
    let sum = |of: fn(&Row) -> u64| number(rows.iter().map(|row| of(row)).sum());
    let at =
        |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| brief(report.zone, at));
    vec![
        name.to_owned(),
        sum(|row| row.cap.into()),
        sum(|row| row.today.into()),
        sum(|row| row.sent),
        report.asked(rows).map_or_else(|| "-".to_owned(), percent),
        percent(report.got(rows)),
        at(rows.iter().filter_map(|row| row.first_at).min()),
        at(rows.iter().filter_map(|row| row.last_at).max()),
    ]
}

fn end(out: &mut String, report: &Report, width: usize) {
    heading(out, "The end");
    let told = sentences::ending(report);
    let style = if report.finished_at().is_some() { GOOD } else { BAD };
    paragraph(out, style, &told, width);
}

fn costs(out: &mut String, report: &Report, width: usize) {
    if report.costs.is_empty() {
        return;
    }
    heading(out, "What costs most");
    paragraph(out, PLAIN, &sentences::dearest(report), width);
    let heads = [("without", Side::Left), ("finished", Side::Left), ("earlier by", Side::Right)];
    let mut table = Table::new(&heads, 0);
    let dearest = report.dearest().map(|cost| cost.limits);
    for cost in &report.costs {
        let style = if Some(cost.limits) == dearest { GOOD } else { PLAIN };
        let finished = cost.last_at.filter(|_| cost.sent == report.emails);
        let finished = finished.map_or_else(
            || format!("never, {} go", number(cost.sent)),
            |at| words::day_and_time(report.zone, at),
        );
        let saves = report.saves(cost).filter(|saves| !saves.is_zero());
        let saves = saves.map_or_else(|| "-".to_owned(), span);
        let name = sentences::limits(report, cost.limits);
        table.row(style, vec![name, finished, saves]);
    }
    let _ = writeln!(out);
    table.write(out, width);
    if !report.refused.is_empty() {
        paragraph(out, DIM, sentences::REFUSALS, width);
    }
}
