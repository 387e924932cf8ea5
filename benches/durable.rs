//! What durability costs: reserve and settle, each answered once it is on the disk, by 1, 8 and 64
//! callers.
//!
//! Beside them in the same run, in the folder that `MAILROTA_BENCH_DIR` names or the build's own:
//! the raw rate of syncs, and the facts of one such run written to a bare SQLite file, and to redb,
//! in the same batches with one sync each. At the end all are measured in turns, each time another
//! first; the medians are given as multiples of the raw rate, and of bare SQLite's.
//!
//! `cargo bench --features sqlite --bench durable -- --quick` for a first look.

use std::path::PathBuf;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};

#[path = "durable/bare.rs"]
mod bare;
#[path = "durable/recorded.rs"]
mod recorded;
#[path = "durable/service.rs"]
mod service;
#[path = "durable/tasks.rs"]
mod tasks;

use recorded::Written;

/// Callers, and how many emails each sends in one run.
const CROWDS: [(u64, u64); 3] = [(1, 100), (8, 50), (64, 50)];
const ROUNDS: usize = 7;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    RawSyncs,
    Threads,
    Tasks,
    Sqlite,
    Redb,
}

const WAYS: [(Way, &str); 5] = [
    (Way::RawSyncs, "raw syncs"),
    (Way::Threads, "mailrota, threads"),
    (Way::Tasks, "mailrota, futures"),
    (Way::Sqlite, "bare SQLite"),
    (Way::Redb, "redb"),
];

/// Files of this run.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let parent = std::env::var_os("MAILROTA_BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        Self(parent.join(format!("mailrota-durable-{}", std::process::id())))
    }

    /// An empty folder.
    fn cleared(&self) -> PathBuf {
        drop(std::fs::remove_dir_all(&self.0));
        std::fs::create_dir_all(&self.0).expect("the folder can be made");
        self.0.join("file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// How long it takes until everything is durable; for raw syncs, one for each email.
fn run(folder: &Folder, way: Way, (callers, each): (u64, u64), written: &Written) -> Duration {
    let path = folder.cleared();
    match way {
        Way::RawSyncs => bare::syncs(&path, callers * each, written),
        Way::Threads => service::threads(&service::open(&path), callers, each),
        Way::Tasks => service::tasks(&service::open(&path), callers, each),
        Way::Sqlite => bare::sqlite(&path, written),
        Way::Redb => bare::redb(&path, written),
    }
}

/// The batches of one run by so many threads.
fn record(folder: &Folder, (callers, each): (u64, u64)) -> Written {
    let (engine, log) = recorded::open(&folder.cleared());
    service::set_up(&engine);
    log.clear();
    service::threads(&engine, callers, each);
    engine.close().expect("it did not fail");
    log.take()
}

fn main() {
    let folder = Folder::new();
    let runs = CROWDS.map(|crowd| (crowd, record(&folder, crowd)));
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for (crowd, written) in &runs {
        let mut group = criterion.benchmark_group(format!("durable, {} callers", crowd.0));
        group.throughput(Throughput::Elements(crowd.0 * crowd.1));
        for (way, name) in WAYS {
            group.bench_function(BenchmarkId::from_parameter(name), |bench| {
                bench.iter_custom(|iterations| {
                    (0..iterations).map(|_| run(&folder, way, *crowd, written)).sum()
                });
            });
        }
        group.finish();
    }
    // `cargo test --benches` only asks whether it runs.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    for (crowd, written) in &runs {
        side_by_side(&folder, *crowd, written, rounds);
    }
    criterion.final_summary();
}

fn side_by_side(folder: &Folder, crowd: (u64, u64), written: &Written, rounds: usize) {
    let mut times = WAYS.map(|_| Vec::new());
    for round in 0..rounds {
        for n in (0..WAYS.len()).map(|n| (n + round) % WAYS.len()) {
            times[n].push(run(folder, WAYS[n].0, crowd, written).as_nanos());
        }
    }
    let emails = u128::from(crowd.0 * crowd.1);
    let rates = times.map(|mut times| {
        times.sort_unstable();
        emails * 1_000_000_000 / times[times.len() / 2].max(1)
    });
    let (facts, batches) = (written.facts(), written.batches().len());
    eprintln!("{} callers, {emails} emails, {facts} facts in {batches} batches", crowd.0);
    let sqlite = WAYS.iter().position(|(way, _)| *way == Way::Sqlite).expect("it is one");
    for ((_, name), rate) in WAYS.iter().zip(rates) {
        let tenths = rate * 10 / rates[0].max(1);
        let percent = rate * 100 / rates[sqlite].max(1);
        eprintln!(
            "  {name}: {rate} a second, {}.{} x the raw rate, {percent} % of bare SQLite",
            tenths / 10,
            tenths % 10
        );
    }
}
