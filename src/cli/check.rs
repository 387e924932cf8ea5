//! The commands `check` and `repair`: what of a store is sound, and dropping the rest on demand.
//!
//! What is sound is the library's to say. Nothing is dropped that was not told before.

use std::fmt::Write;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mailrota::Report;

use crate::cli::Failure;
use crate::cli::args::Color;
use crate::cli::store_args::{Check, Repair};
use crate::cli::words;

/// Something is wrong, or nothing was done about it.
const WRONG: u8 = 1;

pub(super) fn check(args: &Check, color: Color) -> Result<ExitCode, Failure> {
    there(&args.store)?;
    let report = mailrota::check(&args.store).map_err(Failure::of)?;
    crate::cli::show(&told(&report), color)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}

pub(super) fn repair(args: &Repair, color: Color) -> Result<ExitCode, Failure> {
    there(&args.store)?;
    let place = args.store.display();
    let report = mailrota::check(&args.store).map_err(Failure::of)?;
    let mut text = told(&report);
    if report.is_sound() {
        if args.yes && !report.leftovers.is_empty() {
            mailrota::repair(&args.store).map_err(Failure::of)?;
        }
        let _ = writeln!(text, "{place}: nothing to repair");
        crate::cli::show(&text, color)?;
        return Ok(ExitCode::SUCCESS);
    }
    if report.snapshot.is_none() {
        crate::cli::show(&text, color)?;
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
        crate::cli::show(&text, color)?;
        return Ok(ExitCode::from(WRONG));
    }
    // What is dropped is on the screen before it is dropped.
    crate::cli::show(&text, color)?;
    let report = mailrota::repair(&args.store).map_err(Failure::of)?;
    let (end, dropped) = (report.end.sequence, words::count(report.dropped, "fact"));
    let kept = file(&args.store);
    let kept = kept.display();
    let done = format!(
        "{place}: repaired up to fact {end}, {dropped} dropped; the old file is kept as \
         {kept}-damaged\n"
    );
    crate::cli::show(&done, color)?;
    Ok(ExitCode::SUCCESS)
}

/// The file of a store, beside which the rest of it lies; a link to it leads there.
pub(super) fn file(store: &Path) -> PathBuf {
    let is_link = store.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    let file = if is_link { store.canonicalize().ok() } else { None };
    file.unwrap_or_else(|| store.to_owned())
}

/// Refuses a path at which no file can be read, before anything is made beside it.
pub(super) fn there(store: &Path) -> Result<(), Failure> {
    let is_folder = File::open(store).and_then(|file| Ok(file.metadata()?.is_dir()));
    let opened = is_folder.and_then(|is_folder| {
        if is_folder { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(()) }
    });
    opened.map_err(|error| {
        Failure::new(format!("cannot read {}: {error}; give the file of a store", store.display()))
    })
}

/// A report, each line of which stays one.
fn told(report: &Report) -> String {
    report.to_string().lines().map(|line| words::safe(line) + "\n").collect()
}
