//! No room, and writes that fail: the call gets the error, nothing of it stays in memory, and what
//! was answered is there when the store is opened again.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use mailrota::{
    Account, AccountId, DurableEngine, DurableError, JournalError, Options, Recovery, Snapshot,
    StoreError,
};

use crate::crash::engine::{self, KEEPING};
use crate::crash::images::scratch;
use crate::crash::trace::ACKED;
use crate::crash::worker::Task;
use crate::world::{OWNER, monday};

const NO_MOUNT: &str = "\
**********************************************************************
**  NO SMALL DISK: A FULL ONE WAS NOT TRIED FOR REAL.               **
**                                                                  **
**  Mounting one of memory needs root. Writes past a limit on the   **
**  size of files were tried all the same.                          **
**********************************************************************";

/// A disk of its own, as long as it is looked at.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = scratch("small-disk");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "mailrota"]).arg(&folder);
        if mount.output().is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        fs::remove_dir_all(folder).unwrap();
        None
    }

    /// Takes all room there is.
    fn fill(&self) {
        let mut page = 0;
        while fs::write(self.0.join(format!("ballast-{page}")), [1; 4_096]).is_ok() {
            page += 1;
        }
    }

    /// Gives back what was taken.
    fn clear(&self) {
        for file in fs::read_dir(&self.0).unwrap() {
            let file = file.unwrap();
            if file.file_name().to_str().unwrap().starts_with("ballast") {
                fs::remove_file(file.path()).unwrap();
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        if unmounted.is_ok_and(|status| status.success()) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

const NONE: [String; 0] = [];

/// The lines in which two states differ, without all the rest.
fn differences(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let [before, after] = [before, after].map(|state| serde_json::to_string_pretty(state).unwrap());
    assert_eq!(before.lines().count(), after.lines().count(), "one of them has more");
    let pairs = before.lines().zip(after.lines());
    pairs.filter(|(a, b)| a != b).map(|(a, b)| format!("{a} is {b}")).take(5).collect()
}

fn is_full(error: &StoreError) -> bool {
    matches!(error, StoreError::Journal(JournalError::Full { .. }))
}

/// > Disk full: the call gets the error, nothing half-applied in memory, later calls work once
/// > there is room.
#[test]
fn a_full_disk_refuses_and_forgets_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("{NO_MOUNT}");
        return;
    };
    let told = Mutex::new(Vec::new());
    let tell = |fact: &str| told.lock().unwrap().push(fact.to_owned());
    let life = |life, steps| Task { folder: disk.0.clone(), seed: 1, life, steps, threads: 8 };
    // Without snapshots nothing makes room by itself.
    let options = Options::default();
    let open = || DurableEngine::open(engine::path(&disk.0), &options, monday());
    let engine = open().unwrap();
    engine::service(&engine, &life(0, 40), false, &tell).unwrap();
    for round in 1..=3 {
        disk.fill();
        let refused = engine::service(&engine, &life(round * 2, 10_000), false, &tell);
        let refused = refused.unwrap_err();
        assert!(is_full(&refused), "{refused}");
        let before = engine.snapshot();
        let account = Account::new(AccountId(100 + round), OWNER, "late@acme.example");
        let now = engine.seen().unwrap().to_datetime();
        let again = engine.add_account(account, now).unwrap_err();
        assert!(matches!(&again, DurableError::Store(error) if is_full(error)), "{again}");
        assert_eq!(differences(&before, &engine.snapshot()), NONE);
        disk.clear();
        engine::service(&engine, &life(round * 2 + 1, 40), false, &tell).unwrap();
    }
    // Closed and opened with no room at all, it may be refused, and is sound once there is room. A
    // fact tells the clock, which an answer that changes nothing does not.
    let last = Account::new(AccountId(200), OWNER, "last@acme.example");
    engine.add_account(last, engine.seen().unwrap().to_datetime()).unwrap();
    let before = engine.snapshot();
    disk.fill();
    drop(engine);
    if let Err(refused) = open() {
        assert!(matches!(refused, StoreError::Journal(_)), "{refused}");
    }
    disk.clear();
    let engine = open().unwrap();
    assert_eq!(differences(&before, &engine.snapshot()), NONE);
    drop(engine);
    let told = told.into_inner().unwrap();
    let lines: Vec<_> = told.iter().map(String::as_str).collect();
    engine::check(&disk.0, &lines, Recovery::Keep).unwrap();
    println!("a full disk: {} answers before, between and after, all there", lines.len());
}

/// A file that may grow no further makes a write fail as a broken disk does: `SQLite` does not take
/// it for a lack of room.
#[test]
fn a_write_that_fails_stops_the_store_and_loses_nothing() {
    let (mut refused, mut answers) = (0, 0);
    for blocks in (8..=800).step_by(24) {
        let folder = scratch("no-growth");
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\"", &blocks.to_string()]);
        limited.arg(env::current_exe().unwrap());
        let task = Task { folder: folder.clone(), seed: blocks, life: 0, steps: 400, threads: 4 };
        task.give(&KEEPING, &mut limited);
        let run = limited.output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        let lines: Vec<_> = said.lines().filter_map(|line| line.strip_prefix(ACKED)).collect();
        let refusal = said.lines().find_map(|line| line.strip_prefix("refused: "));
        // Below some size the store cannot even be made.
        assert!(refusal.is_some() || lines.is_empty(), "{blocks} blocks were enough: {said}");
        let is_typed =
            |text: &str| text.starts_with("Journal(Io") || text.starts_with("Stopped(Io");
        assert!(refusal.is_none_or(is_typed), "{refusal:?}");
        engine::check(&folder, &lines, Recovery::Keep).unwrap_or_else(|why| {
            panic!("{blocks} blocks: {why}\nthe store is in {}", folder.display());
        });
        (refused, answers) = (refused + usize::from(refusal.is_some()), answers + lines.len());
        fs::remove_dir_all(folder).unwrap();
    }
    println!("{refused} stores that could not grow: {answers} answers, all there");
    assert!(refused > 20);
}
