//! How long the slowest single calls take: every call of each history is timed, none is averaged.
//!
//! A history is the same in every run, so a call that is slow again under the same number is slow
//! by its own work; one that is slow once was kept waiting by the machine. Nothing is subtracted,
//! the clock's own cost stands in the first line. Quantiles are calls that were made: of so many,
//! the one that this share of them did not exceed.
//!
//! `cargo bench --bench tails` for all, `-- midnight steady/1000` for some, by name and size. With
//! `--least-of=5` each history runs in five processes, and each call counts by the least that it
//! took in any of them: by what it does itself, where the machine rarely leaves one alone.

use std::env;
use std::io;
use std::process::{Command, Stdio};

use crate::calls::{Calls, clock_cost};

#[path = "tails/calls.rs"]
mod calls;
#[path = "tails/changes.rs"]
mod changes;
#[path = "tails/crowds.rs"]
mod crowds;
#[path = "tails/pool.rs"]
mod pool;

/// A history: what it is called, its size, and what lives through it.
type Scenario = (&'static str, u64, fn(u64) -> Calls);

const SCENARIOS: [Scenario; 28] = [
    ("steady", 1_000, crowds::steady),
    ("steady", 100_000, crowds::steady),
    ("steady", 1_000_000, crowds::steady),
    ("asleep", 1_000, crowds::asleep),
    ("asleep", 100_000, crowds::asleep),
    ("at-once", 1_000, crowds::at_once),
    ("at-once", 100_000, crowds::at_once),
    ("wake", 1_000, crowds::wake),
    ("wake", 100_000, crowds::wake),
    ("midnight", 1_000, crowds::midnight),
    ("midnight", 100_000, crowds::midnight),
    ("midnight", 1_000_000, crowds::midnight),
    ("idle", 1_000, crowds::idle),
    ("idle", 100_000, crowds::idle),
    ("window", 1_000, crowds::window),
    ("window", 100_000, crowds::window),
    ("memberships", 10_000, changes::memberships),
    ("weights", 1_000, crowds::weights),
    ("weights", 100_000, crowds::weights),
    ("lowered", 1_000, changes::lowered),
    ("lowered", 100_000, changes::lowered),
    ("detach", 1_000, changes::detach),
    ("detach", 100_000, changes::detach),
    ("attach", 1_000, changes::attach),
    ("sharing", 10_000, changes::sharing),
    ("sleeper", 10_000, changes::sleeper),
    ("jump", 1_000, crowds::jump),
    ("jump", 100_000, crowds::jump),
];

/// Has a process live through a history and write its calls down.
const RAW: &str = "--raw";
/// How often each history runs, if its calls count by the least that they took.
const LEAST_OF: &str = "--least-of=";

fn main() {
    let (options, words): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|word| word.starts_with("--"));
    let has = |option: &str| options.iter().any(|given| given == option);
    let runs = options.iter().find_map(|option| option.strip_prefix(LEAST_OF));
    let runs: Option<u32> = runs.map(|runs| runs.parse().expect("a number of runs"));
    if words.is_empty() && !has("--bench") {
        println!("give --bench for all histories, or words of their names");
        return;
    }
    let meant = SCENARIOS.into_iter().filter(|(name, n, _)| {
        let is_meant = |word: &String| name.contains(word.as_str()) || word == &full(name, *n);
        words.is_empty() || words.iter().any(is_meant)
    });
    if has(RAW) {
        meant.for_each(|(_, n, live)| live(n).write(io::stdout()).expect("somebody reads it"));
        return;
    }
    head(runs);
    for (name, n, live) in meant {
        let calls = match runs {
            None => live(n),
            Some(runs) => least_of(runs, &full(name, n)),
        };
        println!("{name:<12} {n:>9} {}", calls.row());
    }
}

fn full(name: &str, n: u64) -> String {
    format!("{name}/{n}")
}

fn head(runs: Option<u32>) {
    let clock = clock_cost();
    println!("the clock, read twice with nothing between, ns: {clock}; nothing is subtracted");
    if let Some(runs) = runs {
        println!("each call counts by the least of {runs} runs");
    }
    println!();
    let (p, slowest) = (["p50", "p99", "p99.9", "max"], "the slowest call");
    println!(
        "{:<12} {:>9} {:>9} {:>8} {:>8} {:>10} {:>13}  {slowest}",
        "scenario", "n", "calls", p[0], p[1], p[2], p[3]
    );
}

/// The calls of a history, each by the least that it took in so many processes: each gets new
/// memory from the system, as the first did.
fn least_of(runs: u32, scenario: &str) -> Calls {
    let run = || {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args([RAW, scenario])
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let calls = Calls::read(child.stdout.take().expect("it is piped"));
        assert!(child.wait().expect("it ends").success(), "{scenario}");
        calls
    };
    let mut least = run();
    (1..runs).for_each(|_| least.least(&run()));
    least
}
