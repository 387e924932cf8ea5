//! How long the slowest single calls take: every call of each history is timed, none is averaged.
//!
//! A history is the same in every run, so a call that is slow again under the same number is slow
//! by its own work; one that is slow once was kept waiting by the machine. Nothing is subtracted,
//! the clock's own cost stands in the first line. Quantiles are calls that were made: of so many,
//! the one that this share of them did not exceed.
//!
//! `cargo bench --bench tails` for all, `-- midnight steady/1000` for some, by name and size.

use std::env;

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

const SCENARIOS: [Scenario; 26] = [
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

fn main() {
    let (options, words): (Vec<_>, Vec<_>) =
        env::args().skip(1).partition(|word| word.starts_with("--"));
    if words.is_empty() && !options.iter().any(|option| option == "--bench") {
        println!("give --bench for all histories, or words of their names");
        return;
    }
    let clock = clock_cost();
    println!("the clock, read twice with nothing between, ns: {clock}; nothing is subtracted");
    println!();
    let (p, slowest) = (["p50", "p99", "p99.9", "max"], "the slowest call");
    println!(
        "{:<12} {:>9} {:>9} {:>8} {:>8} {:>10} {:>13}  {slowest}",
        "scenario", "n", "calls", p[0], p[1], p[2], p[3]
    );
    for (name, n, live) in SCENARIOS {
        let with_size = format!("{name}/{n}");
        let is_meant = |word: &String| name.contains(word.as_str()) || with_size == *word;
        if words.is_empty() || words.iter().any(is_meant) {
            println!("{name:<12} {n:>9} {}", live(n).row());
        }
    }
}
