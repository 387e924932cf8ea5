//! Goes over the points of a recording, rebuilds the disk there in its variants, opens each image,
//! and says of one that fails how to play it again.
//!
//! Knows nothing of the store but its subject's check.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::crash::disk::{self, Disk, Image, VARIANTS, Variant};
use crate::crash::recording::Recording;
use crate::crash::worker::{Subject, Task};

/// How many failures are told in full.
const TOLD: usize = 3;
const THREADS: usize = 2;

/// One image of a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// After so many calls.
    pub(crate) point: usize,
    pub(crate) variant: Variant,
    pub(crate) seed: u64,
}

/// An image that did not hold what it must, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) place: Place,
    why: String,
}

/// What was acknowledged in earlier lives, on whose image the recording was made.
pub(crate) type Before<'a> = &'a [&'a str];

/// An empty folder that nobody else has, in memory if possible, named for what it is for.
pub(crate) fn scratch(what: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = root.join(format!("mailrota-{what}-{}-{n}", process::id()));
    disk::write(&Image::new(), &folder);
    folder
}

/// The place of every image, spread evenly over the points of the recording.
pub(crate) fn places(recording: &Recording, images: usize, seed: u64) -> Vec<Place> {
    let points = recording.points();
    let place = |n: usize| Place {
        point: points[n * points.len() / images],
        variant: VARIANTS[n % VARIANTS.len()],
        seed: seed + n as u64,
    };
    (0..images).map(place).collect()
}

/// Opens every image, on as many threads as there are, and returns those that fail.
pub(crate) fn failures(
    subject: &Subject,
    recording: &Recording,
    places: &[Place],
    before: Before<'_>,
) -> Vec<Failure> {
    let share = |thread: usize| {
        let folder = scratch(&format!("image-{}-{thread}", subject.name));
        let mut disk = recording.base.clone();
        let mut at = 0;
        let mut failures = Vec::new();
        for place in places.iter().skip(thread).step_by(THREADS) {
            for call in &recording.calls[at..place.point] {
                disk.apply(call);
            }
            at = place.point;
            let image = disk.image(place.variant, place.seed);
            disk::write(&image, &folder);
            if place.seed % 2 == 0 {
                garble_memory(&image, &folder);
            }
            let acked = [before, &recording.acked(place.point)].concat();
            if let Err(why) = (subject.check)(&folder, &acked) {
                failures.push(Failure { place: *place, why });
            }
        }
        fs::remove_dir_all(folder).unwrap();
        failures
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || share(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The index of a write-ahead log is shared memory, and anything may be in it after a crash.
fn garble_memory(image: &Image, folder: &Path) {
    for log in image.keys().filter_map(|name| name.strip_suffix("-wal")) {
        fs::write(folder.join(format!("{log}-shm")), vec![0xa5; 32 * 1_024]).unwrap();
    }
}

/// Records what opening an image does to its files, and the work that follows.
pub(crate) fn reopened(
    subject: &Subject,
    recording: &Recording,
    place: Place,
    task: &Task,
) -> Recording {
    let disk = recording.disk(place.point);
    disk::write(&disk.image(place.variant, place.seed), &task.folder);
    let disk = disk.next(place.variant, place.seed);
    let kept = recording.kept.with_extension(format!("{}.strace", place.seed));
    Recording::of(subject, task, disk, &kept)
}

/// The failures in words, each with the one command that plays it again. `chain` is the recordings
/// and places that led to the recording in which they were found.
pub(crate) fn told(subject: &Subject, chain: &str, failures: &[Failure]) -> String {
    let mut text = format!("{} images failed\n", failures.len());
    for Failure { place: Place { point, variant, seed }, why } in failures.iter().take(TOLD) {
        let (name, chain) = (subject.name, chain.trim());
        write!(
            text,
            "{why}\n  MAILROTA_CRASH_REPLAY='{name} {chain} {point} {variant:?} {seed}' \
             cargo test --features sqlite --test it crash::tests::replay -- --nocapture\n"
        )
        .unwrap();
    }
    text
}

/// Plays one image again from what [`told`] said of it, and leaves its files to be looked at.
pub(crate) fn replay(subjects: &[&Subject], told: &str) {
    let words: Vec<_> = told.split_whitespace().collect();
    let (name, links) = words.split_first().unwrap();
    let subject = subjects.iter().find(|subject| subject.name == *name).unwrap();
    let (mut disk, mut image, mut acked) = (Disk::default(), Image::new(), Vec::new());
    for link in links.chunks(4) {
        let [kept, point, variant, seed] = link[..] else { panic!("told: {told}") };
        let recording = Recording::read(Path::new(kept), disk);
        let point = point.parse().unwrap();
        let variant = VARIANTS.iter().find(|known| format!("{known:?}") == variant).unwrap();
        let (crashed, seed) = (recording.disk(point), seed.parse().unwrap());
        (image, disk) = (crashed.image(*variant, seed), crashed.next(*variant, seed));
        acked.extend(recording.acked(point).into_iter().map(str::to_owned));
    }
    let folder = scratch("replay");
    disk::write(&image, &folder);
    println!("the image is in {}; a copy is opened", folder.display());
    let copy = scratch("replay-opened");
    disk::write(&image, &copy);
    let acked: Vec<_> = acked.iter().map(String::as_str).collect();
    (subject.check)(&copy, &acked).unwrap();
}
