//! The command `explain`: asks how every account stands at an instant, and draws the answer for a
//! terminal.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use mailrota::Span;

use crate::cli::options::args::{Color, Explain};
use crate::cli::plans::setup::Inputs;
use crate::cli::plans::stands::Answer;
use crate::cli::reports::{json, text};
use crate::cli::writing::failure::Failure;
use crate::cli::writing::output;
use crate::cli::writing::table::{BAD, BOLD, DIM, GOOD, PLAIN, Side, Table, WARN};
use crate::cli::writing::words::{self, brief, count, number};

/// How far ahead an engine believes a clock.
const AHEAD_MAX: Span = Span::days(400);

pub(crate) fn explain(args: &Explain, color: Color) -> Result<ExitCode, Failure> {
    let inputs = Inputs::read(&args.settings)?;
    let at = args.at.unwrap_or(inputs.start);
    if at < inputs.start {
        let start = inputs.start;
        return Err(Failure::new(format!(
            "--at {at} is before the start, {start}; give a later one"
        )));
    }
    if at.since(inputs.start) > AHEAD_MAX {
        let error =
            format!("--at {at} is more than {AHEAD_MAX} after the start; give an earlier one");
        return Err(Failure::new(error));
    }
    let answer = Answer::of(&inputs, args.emails, at)?;
    if let Some(path) = &args.json {
        output::save(path, &json::explain(&answer))?;
    }
    if args.json.as_deref() != Some(Path::new("-")) {
        let width = output::width(args.settings.width);
        output::show(&drawn(&answer, width, args.settings.top), color)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn drawn(answer: &Answer, width: usize, top: usize) -> String {
    let mut out = String::new();
    let at = words::day_and_time(answer.zone, answer.at);
    let ready = answer.stands.iter().filter(|stand| stand.is_ready()).count();
    let held = if answer.campaign.is_empty() { "" } else { ", but the campaign is held" };
    let after = match answer.sent {
        0 => String::new(),
        sent => format!(", after {}", count(sent, "email")),
    };
    let _ = writeln!(
        out,
        "{BOLD}{} of {} ready at {at} {}{after}{held}{BOLD:#}",
        number(ready as u64),
        count(answer.stands.len() as u64, "attached account"),
        answer.zone,
    );
    text::noted(&mut out, "Refused", BAD, &answer.refused, width, top);
    text::noted(&mut out, "Warnings", WARN, &answer.warned, width, top);
    if !answer.campaign.is_empty() {
        let _ = writeln!(out, "\n{BOLD}The campaign{BOLD:#}");
        for block in &answer.campaign {
            let _ = writeln!(out, "  {WARN}{}{WARN:#}", words::told(answer.zone, block));
        }
    }
    if !answer.stands.is_empty() {
        accounts(&mut out, answer, width, top);
    }
    out
}

fn accounts(out: &mut String, answer: &Answer, width: usize, top: usize) {
    let _ = writeln!(out, "\n{BOLD}Accounts{BOLD:#}");
    let heads = [
        ("account", Side::Left),
        ("today", Side::Right),
        ("ready", Side::Right),
        ("what holds it", Side::Left),
    ];
    let mut table = Table::new(&heads, 0);
    let shown = if top == 0 { answer.stands.len() } else { top };
    for stand in answer.stands.iter().take(shown) {
        let style = if stand.is_ready() { GOOD } else { PLAIN };
        let ready = match stand.ready_at {
            _ if stand.is_ready() => "now".to_owned(),
            Some(at) => brief(answer.zone, at),
            None => "never".to_owned(),
        };
        let used = format!("{}/{}", number(stand.sent.into()), number(stand.allowance.into()));
        let mut cells = vec![stand.address.shown(), used, ready];
        let mut blocks = stand.blocks.iter();
        cells.push(
            blocks.next().map_or_else(|| "-".to_owned(), |block| words::told(answer.zone, block)),
        );
        table.row(style, cells);
        for block in blocks {
            let blank = String::new;
            table.row(style, vec![blank(), blank(), blank(), words::told(answer.zone, block)]);
        }
    }
    table.write(out, width);
    let hidden = answer.stands.len().saturating_sub(shown);
    if hidden > 0 {
        let _ =
            writeln!(out, "  {DIM}and {} more; --top 0 shows all{DIM:#}", number(hidden as u64));
    }
}
