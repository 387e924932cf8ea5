//! The command `plan`: runs the plan and its counterfactuals, and writes every report asked for.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use mailrota::{Clock, Timestamp};

use crate::cli::options::args::{Color, Plan};
use crate::cli::plans::costs;
use crate::cli::plans::course::{self, Job};
use crate::cli::plans::report::{self, Report};
use crate::cli::plans::setup::{Inputs, Limits};
use crate::cli::reports::{html, json, svg, text};
use crate::cli::writing::failure::Failure;
use crate::cli::writing::output;

/// Not all emails can be sent.
const NOT_ALL: u8 = 1;
/// A run that is over sooner needs no progress line.
const QUICK: Duration = Duration::from_secs(1);

pub(crate) fn plan(args: &Plan, color: Color) -> Result<ExitCode, Failure> {
    let files = [&args.html, &args.svg, &args.json];
    let to_stdout = files.iter().filter(|path| path.as_deref() == Some(Path::new("-"))).count();
    if to_stdout > 1 {
        return Err(Failure::new(
            "only one of --html, --svg and --json can go to the standard output; give the others a \
             file",
        ));
    }
    let inputs = Inputs::read(&args.settings)?;
    let report = report(&inputs, args.emails)?;
    let top = args.settings.top;
    for (path, page) in [
        (&args.html, html::page as fn(&Report, usize) -> String),
        (&args.svg, |report, top| svg::day(report, top)),
        (&args.json, |report, _| json::plan(report)),
    ] {
        if let Some(path) = path {
            output::save(path, &page(&report, top))?;
        }
    }
    if to_stdout == 0 {
        let width = output::width(args.settings.width);
        output::show(&text::plan(&report, width, top), color)?;
    }
    let all = report.finished_at().is_some();
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(NOT_ALL) })
}

/// Runs the plan, and beside it the same without each kind of limit that is set.
fn report(inputs: &Inputs, emails: u64) -> Result<Report, Failure> {
    let mut world = inputs.world(None)?;
    let kinds: Vec<Limits> =
        Limits::ALL.into_iter().filter(|kind| inputs.sets(*kind, &world.report)).collect();
    let rows = report::rows(inputs, &world);
    let members = world.members();
    let mut progress = Progress::new(emails);
    let main = || {
        let mut job = Job {
            emails,
            start: inputs.start,
            stop: Timestamp::MAX,
            watch: Some(&inputs.campaign),
            progress: &mut |gone| progress.told(gone),
        };
        let course = course::run(&mut world.engine, &members, &mut job)?;
        Ok(Report::new(inputs, &world, rows, &course, emails))
    };
    let (report, costs) = costs::beside(inputs, &kinds, emails, main);
    progress.over();
    let mut report = report?;
    report.costs = costs?;
    Ok(report)
}

/// A line on the standard error that tells how far a long run is, if somebody sits there.
struct Progress {
    emails: u64,
    clock: Clock,
    seen: bool,
    shown: bool,
}

impl Progress {
    fn new(emails: u64) -> Self {
        let seen = io::stderr().is_terminal();
        Self { emails, clock: Clock::machine(), seen, shown: false }
    }

    fn told(&mut self, gone: u64) {
        if self.seen && self.clock.elapsed() > QUICK {
            self.shown = true;
            let percent = gone.saturating_mul(100) / self.emails.max(1);
            let _ = write!(io::stderr(), "\rplanning … {percent}%");
        }
    }

    fn over(&self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
