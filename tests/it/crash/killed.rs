//! Killed for real: a process with many callers is killed at random instants, its store is opened
//! by the next, and the parent holds every answer of all lives against what is there.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rand::Rng;
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::crash::engine::{KEEPING, MARKING};
use crate::crash::ledger::Ledger;
use crate::crash::tests::number;
use crate::crash::trace::ACKED;
use crate::crash::worker::{Subject, Task};

/// Kills of an ordinary run.
const KILLS: u64 = if cfg!(debug_assertions) { 20 } else { 60 };
const SIGKILL: i32 = 9;

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Instant {
    /// So long after the process was started, which may be before the store is open.
    AfterStart(Duration),
    /// At this answer, which the process has just told.
    AtAnswer(usize),
    /// So long after its first answer.
    AfterReady(Duration),
}

fn instant(rng: &mut Pcg64) -> Instant {
    match rng.random_range(0..3) {
        0 => Instant::AfterStart(Duration::from_micros(rng.random_range(0..40_000))),
        1 => Instant::AtAnswer(rng.random_range(1..400)),
        _ => Instant::AfterReady(Duration::from_micros(rng.random_range(0..120_000))),
    }
}

/// One life: starts a worker, kills it, and returns what it was told before it died.
fn life(subject: &Subject, task: &Task, instant: Instant) -> Vec<String> {
    let mut command = Command::new(env::current_exe().unwrap());
    task.give(subject, &mut command);
    let mut worker = command.stdout(Stdio::piped()).spawn().unwrap();
    let pipe = BufReader::new(worker.stdout.take().unwrap());
    let (teller, answers) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in pipe.lines() {
            if let Some(fact) = line.unwrap().strip_prefix(ACKED) {
                teller.send(fact.to_owned()).unwrap();
            }
        }
    });
    let mut told = Vec::new();
    match instant {
        Instant::AfterStart(wait) => thread::sleep(wait),
        Instant::AtAnswer(count) => told.extend(answers.iter().take(count)),
        Instant::AfterReady(wait) => {
            told.extend(answers.recv());
            thread::sleep(wait);
        }
    }
    worker.kill().unwrap();
    let status = worker.wait().unwrap();
    assert_eq!(status.signal(), Some(SIGKILL), "{instant:?}: the worker ended by itself: {status}");
    reader.join().unwrap();
    // The pipe outlives the process: what it had told is all there.
    loop {
        match answers.recv_timeout(Duration::ZERO) {
            Ok(fact) => told.push(fact),
            Err(RecvTimeoutError::Disconnected) => return told,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The next worker recovers the store; the parent looks at a copy.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// > Killed at any instruction, it comes back with every answered reservation. No cap is passed and
/// > no spacing broken over all lives, and no number is given out twice.
fn comes_back(subject: &Subject, marks: bool) {
    let kills = number("MAILROTA_KILLS", KILLS).div_ceil(2);
    let seed = number("MAILROTA_CRASH_SEED", 1);
    // On a real disk, where a sync takes time in which to die.
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("killed-{}", subject.name));
    let (folder, looked_at) = (root.join("store"), root.join("copy"));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&folder).unwrap();
    let mut rng = Pcg64::seed_from_u64(seed);
    let (mut answers, mut in_opening) = (Vec::new(), 0);
    for n in 0..kills {
        // Nobody gets to the end of so many steps.
        let task = Task { folder: folder.clone(), seed, life: n, steps: 1_000_000, threads: 8 };
        let instant = instant(&mut rng);
        let told = life(subject, &task, instant);
        in_opening += u32::from(told.is_empty());
        answers.extend(told);
        copy(&folder, &looked_at);
        let lines: Vec<_> = answers.iter().map(String::as_str).collect();
        (subject.check)(&looked_at, &lines).unwrap_or_else(|why| {
            let store = folder.display();
            panic!(
                "kill {n} of seed {seed}, {instant:?}: {why}\nthe store is in {store}; again:\n  \
                 MAILROTA_KILLS={} MAILROTA_CRASH_SEED={seed} cargo test --features sqlite \
                 --test it crash::killed -- --nocapture",
                kills * 2
            )
        });
    }
    let lines: Vec<_> = answers.iter().map(String::as_str).collect();
    let reservations = Ledger::read(&lines, marks).unwrap().emails.len();
    println!(
        "{}: killed {kills} times, {in_opening} of them before the store was open; {} answers, \
         {reservations} reservations, all there",
        subject.name,
        answers.len(),
    );
    assert!(reservations as u64 > kills, "the workers hardly worked");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_killed_process_comes_back_with_every_answer() {
    comes_back(&KEEPING, false);
}

#[test]
fn a_killed_process_comes_back_with_every_mark() {
    comes_back(&MARKING, true);
}
