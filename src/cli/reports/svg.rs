//! The day of a plan as an SVG: a row for each account, the hours across, a bar for each stretch.
//!
//! Drawn in whole pixels. It brings its own colours, light and dark, and stands alone or in a page.

use std::fmt::Write;

use crate::cli::plans::day::Day;
use crate::cli::plans::report::Report;
use crate::cli::reports::sentences;
use crate::cli::writing::words::{count, cut, escaped, number};

const WIDTH: usize = 960;
const LABEL: usize = 216;
const SUM: usize = 64;
const PLOT: usize = WIDTH - LABEL - SUM;
const HEAD: usize = 72;
const ROW: usize = 24;
/// How much of a row a bar may fill.
const BAR: usize = 18;
/// The most bars of a row, each of which is then five pixels wide.
const CELLS_MAX: usize = 144;

/// Classes begin with `d-` so that they meet none of a page around.
const STYLE: &str = "\
.d{--ink:#1d2733;--dim:#6a7685;--line:#dde3ea;--open:#f1f4f8;--bar:#2f6fdb;--sum:#7a5bd0;\
--paper:#fff;font:12px system-ui,-apple-system,'Segoe UI',sans-serif}\
@media(prefers-color-scheme:dark){.d{--ink:#e4e9f0;--dim:#97a3b3;--line:#303a47;--open:#1c232d;\
--bar:#6aa2ff;--sum:#a88cf5;--paper:#12171e}}\
.d-paper{fill:var(--paper)}.d-open{fill:var(--open)}.d-bar{fill:var(--bar)}.d-sum{fill:var(--sum)}\
.d-line{stroke:var(--line);stroke-width:1}.d-t{fill:var(--ink)}.d-n{fill:var(--dim)}\
.d-h{fill:var(--ink);font-size:15px;font-weight:600}.d-r{text-anchor:end}.d-m{text-anchor:middle}";

/// The picture; without a single email it only says so.
pub(crate) fn day(report: &Report, top: usize) -> String {
    let Some(day) = &report.day else {
        return framed(
            HEAD,
            "Nothing is sent",
            "<text class=\"d-h\" x=\"16\" y=\"40\">Nothing is sent</text>",
        );
    };
    let (shown, rest) = report.shown(top);
    let (minutes, cells) = day.cut(CELLS_MAX);
    let strips: Vec<_> = shown.iter().map(|place| day.cells(&[*place], cells)).collect();
    let most = strips.iter().flatten().copied().max().unwrap_or_default();
    let mut rows: Vec<Row> = Vec::new();
    for (place, strip) in shown.iter().zip(strips) {
        let name = report.rows[*place].address.shown();
        rows.push(Row { name, strip, most, class: "d-bar" });
    }
    let all: Vec<usize> = (0..report.rows.len()).collect();
    for (name, members) in [("others", &rest), ("together", &all)] {
        if members.len() > 1 {
            let strip = day.cells(members, cells);
            let most = strip.iter().copied().max().unwrap_or_default();
            let name = format!("{} {name}", number(members.len() as u64));
            rows.push(Row { name, strip, most, class: "d-sum" });
        }
    }
    let bottom = HEAD + rows.len() * ROW;
    let title = sentences::day(day);
    let mut out = String::new();
    let _ = write!(
        out,
        "<text class=\"d-h\" x=\"8\" y=\"22\">{}</text>\
         <text class=\"d-n\" x=\"8\" y=\"42\">Hours in {}. The tallest bar is {} in {minutes} min; \
         sums have a scale of their own.</text>",
        escaped(&title),
        escaped(report.zone.name()),
        count(most, "email"),
    );
    open_stretches(&mut out, day, cells, bottom);
    hours(&mut out, day, bottom);
    for (n, row) in rows.iter().enumerate() {
        row.draw(&mut out, HEAD + n * ROW);
    }
    framed(bottom + 12, &title, &out)
}

struct Row {
    name: String,
    strip: Vec<u64>,
    most: u64,
    class: &'static str,
}

impl Row {
    fn draw(&self, out: &mut String, top: usize) {
        const NAME_MAX: usize = 30;
        let base = top + ROW - 3;
        let sum = self.strip.iter().sum();
        let _ = write!(
            out,
            "<g><title>{}: {}</title><text class=\"d-t d-r\" x=\"{}\" y=\"{}\">{}</text>\
             <text class=\"d-n d-r\" x=\"{}\" y=\"{}\">{}</text><path class=\"{}\" d=\"",
            escaped(&self.name),
            count(sum, "email"),
            LABEL - 8,
            base - 4,
            escaped(&cut(&self.name, NAME_MAX)),
            WIDTH - 8,
            base - 4,
            number(sum),
            self.class,
        );
        for (n, count) in self.strip.iter().enumerate().filter(|(_, count)| **count > 0) {
            let height =
                usize::try_from(count * BAR as u64 / self.most.max(1)).unwrap_or(BAR).max(2);
            let (left, right) = (edge(n, self.strip.len()), edge(n + 1, self.strip.len()));
            // A pixel between bars, where they are wide enough to lose one.
            let right = if right > left + 2 { right - 1 } else { right };
            let _ = write!(out, "M{left} {base}V{}H{right}V{base}z", base - height);
        }
        out.push_str("\"/></g>");
    }
}

/// Where a stretch begins.
const fn edge(cell: usize, cells: usize) -> usize {
    LABEL + PLOT * cell / if cells == 0 { 1 } else { cells }
}

/// A ground under the time in which the campaign's window is open.
fn open_stretches(out: &mut String, day: &Day, cells: usize, bottom: usize) {
    let mut from = None;
    for cell in 0..=cells {
        let open = cell < cells && day.is_open(cell, cells);
        match (open, from) {
            (true, None) => from = Some(cell),
            (false, Some(start)) => {
                let (left, right) = (edge(start, cells), edge(cell, cells));
                let _ = write!(
                    out,
                    "<rect class=\"d-open\" x=\"{left}\" y=\"{HEAD}\" width=\"{}\" height=\"{}\"/>",
                    right - left,
                    bottom - HEAD,
                );
                from = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
}

fn hours(out: &mut String, day: &Day, bottom: usize) {
    let hours = day.hours();
    let each = [1, 2, 3].into_iter().find(|each| hours.len() <= 14 * each).unwrap_or(3);
    for (place, (hour, at)) in hours.iter().enumerate() {
        let x = LABEL + day.cell(*at, PLOT + 1);
        let _ = write!(
            out,
            "<line class=\"d-line\" x1=\"{x}\" y1=\"{HEAD}\" x2=\"{x}\" y2=\"{bottom}\"/>"
        );
        if place % each == 0 {
            let y = HEAD - 8;
            let _ = write!(out, "<text class=\"d-n d-m\" x=\"{x}\" y=\"{y}\">{hour:02}</text>");
        }
    }
}

fn framed(height: usize, title: &str, inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"d\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{title}\"><style>{STYLE}</style>\
         <rect class=\"d-paper\" width=\"{WIDTH}\" height=\"{height}\"/>{inside}</svg>\n",
        title = escaped(title),
    )
}
