//! A process of its own that works on a store: this test program started again, in a hidden mode.
//!
//! It tells each fact that it was told, in one line of its own, and only then goes on. Whoever
//! started it may trace it or kill it.

use std::env;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::crash::control;
use crate::crash::engine;
use crate::crash::left;
use crate::crash::repaired;
use crate::crash::trace::ACKED;

/// The variable that turns the test below into a worker.
const VARIABLE: &str = "MAILROTA_WORKER";
const TEST: &str = "crash::worker::works_for_the_test_that_started_it";

/// A store under test: what works on it, and what must hold when it is opened again.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Works on the store in the folder, as told.
    pub(crate) work: fn(&Task),
    /// Opens the store in the folder. Everything acknowledged must be there.
    pub(crate) check: fn(&Path, &[&str]) -> Result<(), String>,
}

/// All subjects that a worker can be started for.
pub(crate) const SUBJECTS: [&Subject; 6] = [
    &control::FULL,
    &control::NORMAL,
    &engine::KEEPING,
    &engine::MARKING,
    &left::LEFT,
    &repaired::REPAIRED,
];

/// What a worker is to do.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) folder: PathBuf,
    pub(crate) seed: u64,
    /// Which life of the store this is, from 0.
    pub(crate) life: u64,
    pub(crate) steps: u64,
    /// How many callers there are at a time.
    pub(crate) threads: u64,
}

impl Task {
    /// Makes a command that begins with this program start a worker.
    pub(crate) fn give(&self, subject: &Subject, command: &mut Command) {
        let Self { folder, seed, life, steps, threads } = self;
        let folder = folder.to_str().unwrap();
        command.args([TEST, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(VARIABLE, format!("{} {seed} {life} {steps} {threads} {folder}", subject.name));
        command.stdin(Stdio::null());
    }
}

/// Tells the process that started this one of a fact, with one call of the system.
pub(crate) fn acked(fact: &str) {
    stdout().lock().write_all(format!("{ACKED}{fact}\n").as_bytes()).unwrap();
}

/// Does nothing unless a test started it for that.
#[test]
#[ignore = "the worker of the crash tests, which start it themselves"]
fn works_for_the_test_that_started_it() {
    let Ok(told) = env::var(VARIABLE) else { return };
    let words: Vec<_> = told.splitn(6, ' ').collect();
    let [name, seed, life, steps, threads, folder] = words[..] else { panic!("told: {told}") };
    let subject = SUBJECTS.iter().find(|subject| subject.name == name).unwrap();
    let [seed, life, steps, threads] =
        [seed, life, steps, threads].map(|number| number.parse().unwrap());
    // What the test program wrote before has no end of line yet.
    println!();
    (subject.work)(&Task { folder: folder.into(), seed, life, steps, threads });
}
