//! Tables for a terminal: columns as wide as what is in them, within a width that is given.
//!
//! Knows columns and colours, not what is in the cells.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::cli::writing::words::{cut, number};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const HEAT: Style = AnsiColor::Cyan.on_default();

/// Tells of the rows that a table does not show, if there are any.
pub(crate) fn more(out: &mut String, hidden: usize) {
    if hidden > 0 {
        let hidden = number(hidden as u64);
        let _ = writeln!(out, "  {DIM}and {hidden} more; --top 0 shows all{DIM:#}");
    }
}

/// On which side a column is even.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A table that is being filled.
pub(crate) struct Table {
    heads: Vec<(&'static str, Side)>,
    rows: Vec<(Style, Vec<String>)>,
    /// The column that gives way if the others leave it too little.
    flexible: usize,
}

impl Table {
    pub(crate) fn new(heads: &[(&'static str, Side)], flexible: usize) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new(), flexible }
    }

    /// A row whose last column has a line for each of several texts, or a dash if there is none.
    pub(crate) fn tall_row(
        &mut self,
        style: Style,
        mut cells: Vec<String>,
        mut last: impl Iterator<Item = String>,
    ) {
        let blank = vec![String::new(); cells.len()];
        cells.push(last.next().unwrap_or_else(|| "-".to_owned()));
        self.row(style, cells);
        for text in last {
            let mut cells = blank.clone();
            cells.push(text);
            self.row(style, cells);
        }
    }

    pub(crate) fn row(&mut self, style: Style, cells: Vec<String>) {
        self.rows.push((style, cells));
    }

    /// Writes it, indented by two columns, in lines of at most `width`.
    pub(crate) fn write(&self, out: &mut String, width: usize) {
        const INDENT: usize = 2;
        let gap = if width > 100 { 2 } else { 1 };
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| head.width()).collect();
        for (_, cells) in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = (*widest).max(cell.width());
            }
        }
        let used: usize = widths.iter().sum::<usize>() + INDENT + gap * (widths.len() - 1);
        if let Some(flexible) = widths.get_mut(self.flexible) {
            *flexible = flexible.saturating_sub(used.saturating_sub(width)).max(8);
        }
        let heads = self.heads.iter().map(|(head, _)| (*head).to_owned()).collect();
        let lines = std::iter::once((DIM, &heads));
        for (style, cells) in lines.chain(self.rows.iter().map(|(style, cells)| (*style, cells))) {
            let mut line = " ".repeat(INDENT);
            for (n, ((cell, width), (_, side))) in
                cells.iter().zip(&widths).zip(&self.heads).enumerate()
            {
                if n > 0 {
                    line.push_str(&" ".repeat(gap));
                }
                let cell = cut(cell, *width);
                let pad = " ".repeat(width.saturating_sub(cell.width()));
                match side {
                    Side::Left => line.extend([cell, pad]),
                    Side::Right => line.extend([pad, cell]),
                }
            }
            let _ = writeln!(out, "{style}{}{style:#}", line.trim_end());
        }
    }
}
