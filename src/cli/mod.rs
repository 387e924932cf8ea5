//! The command line: reads options, asks the engine, and writes what it answers.
//!
//! It decides nothing about sending. Bad input ends with one line for each thing that is wrong.

mod args;
mod check;
mod control;
mod costs;
mod course;
mod day;
mod explain;
mod facts;
mod grant;
mod html;
mod json;
mod keyring;
mod keys;
mod log;
mod parse;
mod past;
mod picture;
mod plan;
mod replay;
mod report;
mod sentences;
mod serve;
mod service_args;
mod setup;
mod stands;
mod store_args;
mod svg;
mod table;
mod text;
mod words;

use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches};

use crate::cli::args::{Color, Command, Program};

/// The input cannot be used.
const UNUSABLE: u8 = 2;

/// What is wrong, a line each.
#[derive(Debug)]
struct Failure(Vec<String>);

impl Failure {
    pub(super) fn new(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }

    pub(super) fn of(error: impl Display) -> Self {
        Self::new(error.to_string())
    }

    /// Every line of a text, with the name of the file that it is about.
    pub(super) fn each_line(file: &str, text: &str) -> Self {
        Self(text.lines().map(|line| format!("{file}: {line}")).collect())
    }
}

/// Runs the program on the machine's arguments.
pub(super) fn run() -> ExitCode {
    let parsed = taking_numbers(Program::command()).try_get_matches();
    let program = match parsed.and_then(|parsed| Program::from_arg_matches(&parsed)) {
        Ok(program) => program,
        Err(error) => return refuse_arguments(&error),
    };
    let color = program.color;
    let done = match &program.command {
        Command::Check(check) => check::check(check, color),
        Command::Explain(explain) => explain::explain(explain, color),
        Command::Keys(keys) => keys::keys(keys),
        Command::Log(log) => log::log(log),
        Command::Plan(plan) => plan::plan(plan, color),
        Command::Repair(repair) => check::repair(repair, color),
        Command::Replay(replay) => replay::replay(replay, color),
        Command::Serve(serve) => serve::serve(serve),
    };
    done.unwrap_or_else(|failure| {
        for line in &failure.0 {
            complain(line);
        }
        ExitCode::from(UNUSABLE)
    })
}

/// The program and its commands, so that whoever reads a value sees a number below zero, too, and
/// says what is wanted instead. Otherwise it would be taken for an option.
fn taking_numbers(command: clap::Command) -> clap::Command {
    let taking = |arg: Arg| {
        let takes = arg.get_action().takes_values();
        if takes { arg.allow_negative_numbers(true) } else { arg }
    };
    command.mut_args(taking).mut_subcommands(taking_numbers)
}

/// Help and version go to the standard output; anything else is one line.
fn refuse_arguments(error: &clap::Error) -> ExitCode {
    let asked_for = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
    if asked_for.contains(&error.kind()) {
        let shown = error.print();
        return shown.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        complain("give a command, such as plan, serve or log; see mailrota --help");
        return ExitCode::from(UNUSABLE);
    }
    let text = error.to_string();
    let told = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let told = told.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
    let line = told.collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    complain(line.strip_prefix("error: ").unwrap_or(&line));
    ExitCode::from(UNUSABLE)
}

/// Writes one line to the standard error, without the keys that somebody may have pasted. If nobody
/// listens there, nobody is told.
fn complain(line: &str) {
    let line = words::without_keys(&words::safe(line));
    let _ = writeln!(io::stderr(), "mailrota: {line}");
}

/// Writes a text with colours to the standard output, without them where they are not wanted.
fn show(text: &str, color: Color) -> Result<(), Failure> {
    let choice = match color {
        Color::Always => ColorChoice::AlwaysAnsi,
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Never => ColorChoice::Never,
    };
    let mut stdout = AutoStream::new(io::stdout(), choice);
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever read has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot write the report: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes a file; `-` is the standard output.
fn save(path: &Path, text: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        return show(text, Color::Never);
    }
    fs::write(path, text)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

/// The columns to draw in.
fn width(asked: Option<u16>) -> usize {
    const DEFAULT: u16 = 100;
    let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0);
    let drawn = io::stdout().is_terminal();
    usize::from(asked.or_else(|| terminal().filter(|_| drawn)).unwrap_or(DEFAULT).max(60))
}
