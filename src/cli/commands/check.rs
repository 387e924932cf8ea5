//! The commands `check` and `repair`: what of a store is sound, and dropping the rest on demand.
//!
//! What is sound is the library's to say. Nothing is dropped that was not told before.

use std::fmt::Write;
use std::process::ExitCode;

use mailrota::Report;

use crate::cli::options::args::Color;
use crate::cli::options::store_args::{Check, Repair};
use crate::cli::stores::path;
use crate::cli::writing::failure::Failure;
use crate::cli::writing::{output, words};

/// Something is wrong, or nothing was done about it.
const WRONG: u8 = 1;

pub(crate) fn check(args: &Check, color: Color) -> Result<ExitCode, Failure> {
    path::there(&args.store)?;
    let report = mailrota::check(&args.store).map_err(Failure::of)?;
    output::show(&told(&report), color)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}

pub(crate) fn repair(args: &Repair, color: Color) -> Result<ExitCode, Failure> {
    path::there(&args.store)?;
    let place = args.store.display();
    let report = mailrota::check(&args.store).map_err(Failure::of)?;
    let mut text = told(&report);
    if report.is_sound() {
        if args.yes && !report.leftovers.is_empty() {
            mailrota::repair(&args.store).map_err(Failure::of)?;
        }
        let _ = writeln!(text, "{place}: nothing to repair");
        output::show(&text, color)?;
        return Ok(ExitCode::SUCCESS);
    }
    if report.snapshot.is_none() {
        output::show(&text, color)?;
        return Err(Failure::new(format!(
            "{place} has nothing to begin a repair with; restore a backup"
        )));
    }
    if !args.yes {
        let _ = writeln!(
            text,
            "{place}: nothing was changed; stop the service, then do it with mailrota repair \
             {place} --yes"
        );
        output::show(&text, color)?;
        return Ok(ExitCode::from(WRONG));
    }
    // What is dropped is on the screen before it is dropped.
    output::show(&text, color)?;
    let report = mailrota::repair(&args.store).map_err(Failure::of)?;
    let (end, dropped) = (report.end.sequence, words::count(report.dropped, "fact"));
    let kept = path::file(&args.store);
    let kept = kept.display();
    let done = format!(
        "{place}: repaired up to fact {end}, {dropped} dropped; the old file is kept as \
         {kept}-damaged\n"
    );
    output::show(&done, color)?;
    Ok(ExitCode::SUCCESS)
}

/// A report, each line of which stays one.
fn told(report: &Report) -> String {
    report.to_string().lines().map(|line| words::safe(line) + "\n").collect()
}
