//! The command `replay`: asks how a store was at an instant, and draws the answer for a terminal.
//!
//! Why one email went as it did is asked beside it.

use std::fmt::Write;
use std::process::ExitCode;

use mailrota::{History, ReservationId, Zone};

use crate::cli::options::args::Color;
use crate::cli::options::store_args::Replay;
use crate::cli::reports::json;
use crate::cli::stores::grant::{self, Why};
use crate::cli::stores::past::Past;
use crate::cli::stores::path;
use crate::cli::writing::failure::Failure;
use crate::cli::writing::output;
use crate::cli::writing::table::{self, BOLD, GOOD, PLAIN, Side, Table};
use crate::cli::writing::words::{self, brief, count, number};

pub(crate) fn replay(args: &Replay, color: Color) -> Result<ExitCode, Failure> {
    path::there(&args.store)?;
    let mut history = History::open(&args.store).map_err(Failure::of)?;
    let past = args.at.map(|at| Past::of(&mut history, at)).transpose()?;
    let of_one = |id| grant::why(&mut history, ReservationId(id), args.top);
    let why = args.reservation.map(of_one).transpose()?;
    let text = if args.json {
        json::replay(past.as_ref(), why.as_ref())
    } else {
        drawn(past.as_ref(), why.as_ref(), output::width(args.width), args.top)
    };
    output::show(&text, color)?;
    Ok(ExitCode::SUCCESS)
}

fn drawn(past: Option<&Past>, why: Option<&Why>, width: usize, top: usize) -> String {
    let mut out = String::new();
    if let Some(past) = past {
        standings(&mut out, past, width, top);
    }
    if let Some(why) = why {
        if past.is_some() {
            out.push('\n');
        }
        grant::draw(&mut out, why, width, top);
    }
    out
}

fn standings(out: &mut String, past: &Past, width: usize, top: usize) {
    let ready = past.accounts.iter().filter(|(_, standing)| standing.is_ready()).count();
    let at = words::day_and_time(Zone::UTC, past.at);
    let all = count(past.accounts.len() as u64, "account");
    let _ = writeln!(out, "{BOLD}{} of {all} ready at {at} UTC{BOLD:#}", number(ready as u64));
    if past.accounts.is_empty() {
        return;
    }
    out.push('\n');
    let heads = [
        ("account", Side::Right),
        ("address", Side::Left),
        ("sent", Side::Right),
        ("reserved", Side::Right),
        ("left", Side::Right),
        ("ready", Side::Right),
        ("what holds it", Side::Left),
    ];
    let mut table = Table::new(&heads, 1);
    let shown = if top == 0 { past.accounts.len() } else { top };
    for (address, standing) in past.accounts.iter().take(shown) {
        let style = if standing.is_ready() { GOOD } else { PLAIN };
        let ready = match standing.ready_at {
            _ if standing.is_ready() => "now".to_owned(),
            Some(at) => brief(Zone::UTC, at),
            None => "never".to_owned(),
        };
        let blocks = standing.blocks.iter().map(|block| words::told(Zone::UTC, block));
        table.tall_row(
            style,
            vec![
                standing.account.to_string(),
                address.shown(),
                number(standing.sent.into()),
                number(standing.reserved.into()),
                number(standing.headroom().into()),
                ready,
            ],
            blocks,
        );
    }
    table.write(out, width);
    table::more(out, past.accounts.len().saturating_sub(shown));
}
