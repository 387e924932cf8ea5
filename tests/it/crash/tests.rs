//! The tests themselves: the harness on a store that is sound and on one that is not, and the
//! engine's own store.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use crate::crash::control;
use crate::crash::disk::{Disk, VARIANTS, Variant};
use crate::crash::engine;
use crate::crash::images::{self, Place, failures, places, reopened, scratch, told};
use crate::crash::recording::Recording;
use crate::crash::worker::{SUBJECTS, Subject, Task};

/// Images of an ordinary run; without optimisation they take many times as long.
const IMAGES: usize = if cfg!(debug_assertions) { 600 } else { 3_000 };
/// One in so many images is of a recovery that was cut short in its turn.
const AGAIN: usize = 3;
/// Images of each recovery that is recorded, at most.
const OF_RECOVERY: usize = 80;
/// Steps that a worker does after it recovered a store.
const STEPS_AFTER: u64 = 4;

pub(crate) fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// How many images, and the first seed.
fn wanted() -> (usize, u64) {
    // Fewer would leave some tests with too few to see anything.
    let images = number("MAILROTA_CRASH_IMAGES", IMAGES as u64).max(600).try_into().unwrap();
    (images, number("MAILROTA_CRASH_SEED", 1))
}

fn task(name: &str, seed: u64, life: u64, steps: u64) -> Task {
    Task { folder: scratch(name), seed, life, steps, threads: 4 }
}

fn kept(subject: &Subject, seed: u64) -> PathBuf {
    let name = format!("crash-{}-{seed}-{}.strace", subject.name, process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Records a run on an empty folder.
pub(crate) fn recorded(subject: &Subject, seed: u64, steps: u64) -> Recording {
    let task = task(&format!("record-{}", subject.name), seed, 0, steps);
    let recording = Recording::of(subject, &task, Disk::default(), &kept(subject, seed));
    fs::remove_dir_all(task.folder).unwrap();
    recording
}

/// Every image of a first life, and of recoveries of some of its images.
fn holds(subject: &Subject, seed: u64, images: usize, steps: u64) {
    let recording = recorded(subject, seed, steps);
    let recoveries = images.div_ceil(AGAIN * OF_RECOVERY);
    let of_each = images.div_ceil(AGAIN * recoveries);
    let first = images - recoveries * of_each;
    let all = places(&recording, first, seed);
    let failed = failures(subject, &recording, &all, &[]);
    let chain = recording.kept.display().to_string();
    assert!(failed.is_empty(), "{}", told(subject, &chain, &failed));

    for (n, place) in all.iter().step_by(first / recoveries).take(recoveries).enumerate() {
        // Every third time the process alone died, and what it had not synced still is not.
        let variant = if n % 3 == 0 { Variant::Kept } else { VARIANTS[n % VARIANTS.len()] };
        let place = Place { variant, ..*place };
        let task = task(&format!("again-{}", subject.name), seed, 1, STEPS_AFTER);
        let again = reopened(subject, &recording, place, &task);
        fs::remove_dir_all(task.folder).unwrap();
        let all = places(&again, of_each, place.seed);
        let failed = failures(subject, &again, &all, &recording.acked(place.point));
        let Place { point, variant, seed } = place;
        let chain = format!("{chain} {point} {variant:?} {seed} {}", again.kept.display());
        assert!(failed.is_empty(), "in a recovery: {}", told(subject, &chain, &failed));
        fs::remove_file(again.kept).unwrap();
    }
    let points = recording.points().len();
    println!(
        "{}: {first} images at {points} points, and {} of {recoveries} recoveries, all sound",
        subject.name,
        recoveries * of_each,
    );
    fs::remove_file(recording.kept).unwrap();
}

#[test]
fn a_store_that_syncs_before_it_answers_loses_nothing() {
    let (images, seed) = wanted();
    holds(&control::FULL, seed, images / 8, 100);
}

/// > Nothing acknowledged is lost.
#[test]
fn the_engine_loses_nothing_that_it_answered() {
    let (images, seed) = wanted();
    holds(&engine::KEEPING, seed, images / 2, 160);
}

/// > After a crash those that nobody began are given back.
#[test]
fn the_engine_loses_no_mark_of_a_send() {
    let (images, seed) = wanted();
    holds(&engine::MARKING, seed, images / 2, 160);
}

/// > Nothing acknowledged is lost.
///
/// A process was killed between a write and its sync. The next one finds what it wrote, though it
/// is not durable yet, and must make it so before it answers anybody with it.
#[test]
fn what_a_killed_process_left_is_durable_before_it_is_answered() {
    let (images, seed) = wanted();
    let recording = recorded(&engine::KEEPING, seed + 2, 30);
    let unsynced = recording.points_before_sync("-wal");
    let chosen = unsynced.iter().step_by((unsynced.len() * 400 / images).max(1));
    for (point, seed) in chosen.zip(seed..) {
        let place = Place { point: *point, variant: Variant::Kept, seed };
        let task = task("left", seed, 1, STEPS_AFTER);
        let again = reopened(&engine::KEEPING, &recording, place, &task);
        fs::remove_dir_all(task.folder).unwrap();
        let lost = |point| Place { point, variant: Variant::Lost, seed };
        let all: Vec<_> = again.points().into_iter().map(lost).collect();
        let failed = failures(&engine::KEEPING, &again, &all, &recording.acked(*point));
        let chain = format!("{} {point} Kept {seed}", recording.kept.display());
        let chain = format!("{chain} {}", again.kept.display());
        assert!(failed.is_empty(), "{}", told(&engine::KEEPING, &chain, &failed));
        fs::remove_file(again.kept).unwrap();
    }
    fs::remove_file(recording.kept).unwrap();
}

/// With `synchronous=NORMAL`, `SQLite` answers before it syncs.
#[test]
fn a_store_that_answers_before_it_syncs_is_seen_to_lose() {
    let (images, seed) = wanted();
    let recording = recorded(&control::NORMAL, seed, 100);
    let all = places(&recording, images / 8, seed);
    let failed = failures(&control::NORMAL, &recording, &all, &[]);
    let lost = |variant| failed.iter().filter(|failure| failure.place.variant == variant).count();
    println!("control-normal: {} of {} images lost something", failed.len(), all.len());
    assert!(lost(Variant::Lost) > all.len() / 20, "{} of {}", lost(Variant::Lost), all.len());
    assert!(lost(Variant::Reordered) > 0 && lost(Variant::Garbage) > 0, "{failed:?}");
    // The process died, the machine did not: the system still has what was written.
    assert_eq!(lost(Variant::Kept), 0);
    fs::remove_file(recording.kept).unwrap();
}

/// The engine's own run on a disk that only says that it synced the log.
#[test]
fn an_engine_on_a_disk_that_lies_is_seen_to_lose() {
    let (images, seed) = wanted();
    let recording = recorded(&engine::KEEPING, seed + 1, 60);
    let recording = recording.without_syncs(|file| file.ends_with("-wal"));
    let all = places(&recording, images / 8, seed);
    let failed = failures(&engine::KEEPING, &recording, &all, &[]);
    println!(
        "keeping, on a disk that lies: {} of {} images lost something",
        failed.len(),
        all.len()
    );
    assert!(failed.len() > all.len() / 20, "{} of {}", failed.len(), all.len());
    fs::remove_file(recording.kept).unwrap();
}

/// Plays the image that a failure named; without one there is nothing to play.
#[test]
fn replay() {
    if let Ok(told) = env::var("MAILROTA_CRASH_REPLAY") {
        images::replay(&SUBJECTS, &told);
    }
}
