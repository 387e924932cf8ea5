//! The command line: reads options, asks the engine, and writes what it answers.
//!
//! It decides nothing about sending. Bad input ends with one line for each thing that is wrong.

mod commands;
mod options;
mod plans;
mod reports;
mod stores;
mod writing;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches};

use crate::cli::commands::{check, explain, keys, log, plan, replay, serve};
use crate::cli::options::args::{Command, Program};
use crate::cli::writing::output::complain;

/// The input cannot be used.
const UNUSABLE: u8 = 2;

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
