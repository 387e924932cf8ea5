//! A disk as it may be after the power went: what is surely there, what was written since, and
//! ways in which that may have come to be.
//!
//! Knows files and their names, not what is in them. A sync covers what had returned before it
//! began. Names are as durable as the folder's last sync.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rand::Rng;
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::crash::trace::Call;
use crate::crash::trace::Step;

/// What a disk writes as a whole, or loses as a whole, unless it tears inside.
const SECTOR: usize = 512;

/// The files of one folder, by name.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// What becomes of all that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// All of it is there.
    Kept,
    /// None of it is there, but the names are.
    Lost,
    /// None of it is there, nor any name that was not synced.
    LostNames,
    /// The last write is there in part, up to a sector's end.
    Torn,
    /// The last write is there up to any byte.
    TornInside,
    /// Some writes are there, others are not.
    Reordered,
    /// Some sectors are there, others are not.
    Sectors,
    /// One file's writes are there, no other's.
    OneFile,
    /// What was appended has its length; some sectors hold garbage.
    Garbage,
    /// What was appended has its length, and is zeros.
    Zeros,
}

/// Every variant, in the order in which they are tried.
pub(crate) const VARIANTS: [Variant; 10] = [
    Variant::Lost,
    Variant::Reordered,
    Variant::TornInside,
    Variant::Garbage,
    Variant::LostNames,
    Variant::Sectors,
    Variant::OneFile,
    Variant::Torn,
    Variant::Zeros,
    Variant::Kept,
];

#[derive(Clone, Debug)]
enum Change {
    Resize(usize),
    Write(usize, Arc<[u8]>),
}

#[derive(Clone, Debug)]
enum Naming {
    Create(String, usize),
    Remove(String),
    Rename(String, String),
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    /// With the line on which each had returned.
    since: Vec<(usize, Change)>,
}

/// A folder's files and all that is known of what is durable of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    files: Vec<File>,
    /// As the running process sees them.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    since: Vec<(usize, Naming)>,
}

impl Disk {
    /// The disk that the next process finds. If only the process died, the system still has what
    /// was not synced, and it still is not.
    pub(crate) fn next(&self, variant: Variant, seed: u64) -> Self {
        if variant != Variant::Kept {
            return Self::of(&self.image(variant, seed));
        }
        let mut disk = self.clone();
        let files = disk.files.iter_mut().flat_map(|file| &mut file.since);
        let ended = files.map(|(ended, _)| ended);
        // All of it came before the next process began.
        for ended in ended.chain(disk.since.iter_mut().map(|(ended, _)| ended)) {
            *ended = 0;
        }
        disk
    }

    /// A disk on which exactly this is durable.
    fn of(image: &Image) -> Self {
        let files = image.values().map(|bytes| File { synced: bytes.clone(), since: Vec::new() });
        let names: BTreeMap<_, _> = image.keys().cloned().zip(0..).collect();
        Self { files: files.collect(), synced_names: names.clone(), names, since: Vec::new() }
    }

    /// Takes in what a call did.
    pub(crate) fn apply(&mut self, call: &Call) {
        match &call.step {
            Step::Acked(_) => {}
            Step::Create(name) if self.names.contains_key(name) => {}
            Step::Create(name) => {
                self.files.push(File::default());
                self.rename(call, Naming::Create(name.clone(), self.files.len() - 1));
            }
            Step::Remove(name) => self.rename(call, Naming::Remove(name.clone())),
            Step::Rename(from, to) => self.rename(call, Naming::Rename(from.clone(), to.clone())),
            Step::Resize(name, len) => self.change(call, name, Change::Resize(*len)),
            Step::Write(name, at, bytes) => {
                self.change(call, name, Change::Write(*at, bytes.as_slice().into()));
            }
            Step::Sync(name) => {
                let file = &mut self.files[self.names[name]];
                let (covered, since) = split(&mut file.since, call.began);
                file.since = since;
                for change in covered {
                    change.apply(&mut file.synced);
                }
            }
            Step::SyncFolder => {
                let (covered, since) = split(&mut self.since, call.began);
                self.since = since;
                for naming in covered {
                    naming.apply(&mut self.synced_names);
                }
            }
        }
    }

    fn rename(&mut self, call: &Call, naming: Naming) {
        naming.apply(&mut self.names);
        self.since.push((call.ended, naming));
    }

    fn change(&mut self, call: &Call, name: &str, change: Change) {
        self.files[self.names[name]].since.push((call.ended, change));
    }

    /// The disk after a crash at this point. The same seed gives the same image.
    pub(crate) fn image(&self, variant: Variant, seed: u64) -> Image {
        let mut rng = Pcg64::seed_from_u64(seed);
        let names = self.names_after(variant, &mut rng);
        let chosen = names.values().nth(rng.random_range(0..names.len().max(1)));
        let mut image = Image::new();
        for (name, file) in &names {
            let kept = match (variant == Variant::OneFile, chosen == Some(file)) {
                (true, true) => Variant::Kept,
                (true, false) => Variant::Lost,
                (false, _) => variant,
            };
            image.insert(name.clone(), self.files[*file].after(kept, &mut rng));
        }
        image
    }

    /// Names are changed in their order; how far that came differs.
    fn names_after(&self, variant: Variant, rng: &mut Pcg64) -> BTreeMap<String, usize> {
        let count = if variant == Variant::LostNames {
            0
        } else if [Variant::Kept, Variant::Lost].contains(&variant) || rng.random_ratio(1, 2) {
            self.since.len()
        } else {
            rng.random_range(0..=self.since.len())
        };
        let mut names = self.synced_names.clone();
        for (_, naming) in &self.since[..count] {
            naming.apply(&mut names);
        }
        names
    }
}

impl File {
    fn after(&self, variant: Variant, rng: &mut Pcg64) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let mut since: Vec<Change> = self.since.iter().map(|(_, change)| change.clone()).collect();
        match variant {
            Variant::Kept | Variant::OneFile => {}
            Variant::Lost | Variant::LostNames => since.clear(),
            Variant::Torn => tear(&mut since, SECTOR, rng),
            Variant::TornInside => tear(&mut since, 1, rng),
            Variant::Reordered => since.retain(|_| rng.random_ratio(1, 2)),
            Variant::Sectors => {
                since = sectors(since);
                since.retain(|_| rng.random_ratio(1, 2));
            }
            Variant::Garbage | Variant::Zeros => {
                let end = bytes.len();
                since = sectors(since);
                let spoil = |change: &mut Change| spoil(change, end, variant, rng);
                since.iter_mut().for_each(spoil);
            }
        }
        for change in since {
            change.apply(&mut bytes);
        }
        bytes
    }
}

/// Ends the last write early, at a multiple of `unit` on the disk.
fn tear(since: &mut Vec<Change>, unit: usize, rng: &mut Pcg64) {
    if let Some(Change::Write(at, bytes)) = since.pop() {
        let end = (at..=at + bytes.len()).filter(|end| end % unit == 0).collect::<Vec<_>>();
        if !end.is_empty() {
            let kept = end[rng.random_range(0..end.len())] - at;
            since.push(Change::Write(at, bytes[..kept].into()));
        }
    }
}

/// The same changes, each within one sector.
fn sectors(since: Vec<Change>) -> Vec<Change> {
    let mut split = Vec::new();
    for change in since {
        match change {
            Change::Resize(_) => split.push(change),
            Change::Write(mut at, bytes) => {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (piece, more) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    split.push(Change::Write(at, piece.into()));
                    (at, rest) = (at + piece.len(), more);
                }
            }
        }
    }
    split
}

/// What was written behind the synced end is there in length only.
fn spoil(change: &mut Change, end: usize, variant: Variant, rng: &mut Pcg64) {
    let Change::Write(at, bytes) = change else { return };
    if *at < end {
        return;
    }
    *bytes = if variant == Variant::Zeros {
        vec![0; bytes.len()].into()
    } else if rng.random_ratio(1, 2) {
        (0..bytes.len()).map(|_| rng.random()).collect()
    } else {
        return;
    };
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Resize(len) => file.resize(*len, 0),
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Naming {
    /// A name that is not there any more has nothing to lose.
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

/// Those that had returned before the line `began`, and the rest.
fn split<T>(since: &mut Vec<(usize, T)>, began: usize) -> (Vec<T>, Vec<(usize, T)>) {
    let (covered, rest): (Vec<_>, Vec<_>) = since.drain(..).partition(|(ended, _)| *ended < began);
    (covered.into_iter().map(|(_, covered)| covered).collect(), rest)
}

/// Writes the files into an empty folder.
pub(crate) fn write(image: &Image, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in image {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(steps: &[(usize, usize, Step)]) -> Disk {
        let mut disk = Disk::default();
        for (began, ended, step) in steps {
            disk.apply(&Call { began: *began, ended: *ended, step: step.clone() });
        }
        disk
    }

    fn write(at: usize, byte: u8, count: usize) -> Step {
        Step::Write("a".to_owned(), at, vec![byte; count])
    }

    fn images(disk: &Disk, variant: Variant) -> Vec<Option<Vec<u8>>> {
        (0..200).map(|seed| disk.image(variant, seed).remove("a")).collect()
    }

    #[test]
    fn what_was_synced_is_there_in_every_variant() {
        let [create, sync] = [Step::Create, Step::Sync].map(|step| step("a".to_owned()));
        let before =
            [(1, 1, create), (2, 2, write(0, 1, 2_000)), (3, 3, sync), (4, 4, Step::SyncFolder)];
        let disk = disk(&[&before[..], &[(5, 5, write(2_000, 2, 2_000))]].concat());
        for variant in VARIANTS {
            for image in images(&disk, variant) {
                assert_eq!(image.unwrap()[..2_000], [1; 2_000], "{variant:?}");
            }
        }
    }

    #[test]
    fn what_was_not_synced_comes_in_every_form_of_its_variant() {
        let create = Step::Create("a".to_owned());
        let parts = [(2, 2, write(0, 1, 1_024)), (3, 3, write(1_024, 2, 1_024))];
        let disk = disk(&[&[(1, 1, create)], &parts[..]].concat());
        let whole = [vec![1; 1_024], vec![2; 1_024]].concat();
        let all = |variant, holds: &dyn Fn(&[u8]) -> bool| {
            images(&disk, variant).iter().flatten().all(|image| holds(image))
        };
        let any = |variant, holds: &dyn Fn(&[u8]) -> bool| {
            images(&disk, variant).iter().flatten().any(|image| holds(image))
        };
        assert!(all(Variant::Kept, &|image| image == whole));
        assert!(all(Variant::Lost, &|image| image.is_empty()));
        assert!(images(&disk, Variant::LostNames).iter().all(Option::is_none));
        assert!(all(Variant::Torn, &|image| image.len() % 512 == 0 && whole.starts_with(image)));
        assert!(any(Variant::Torn, &|image| image.len() == 1_536));
        assert!(all(Variant::TornInside, &|image| whole.starts_with(image)));
        assert!(any(Variant::TornInside, &|image| image.len() % 512 > 0));
        // The second without the first, and the other way round.
        assert!(any(Variant::Reordered, &|image| image.len() == 2_048 && image[0] == 0));
        assert!(any(Variant::Reordered, &|image| image.len() == 1_024));
        assert!(any(Variant::Sectors, &|image| image.starts_with(&[0; 512]) && image[512] == 1));
        assert!(any(Variant::OneFile, &|image| image == whole));
        assert!(all(Variant::Zeros, &|image| image == [0; 2_048]));
        assert!(any(Variant::Garbage, &|image| image.len() == 2_048 && image[..512] != [1; 512]));
        assert!(images(&disk, Variant::Sectors).contains(&None), "its name may be lost");
    }

    /// A process that died left what it had not synced in the system's memory.
    #[test]
    fn a_sync_covers_what_had_returned_before_it_began() {
        let [create, sync] = [Step::Create, Step::Sync].map(|step| step("a".to_owned()));
        let late = [(1, 1, create), (2, 5, write(0, 1, 9)), (3, 4, sync.clone())];
        let mut disk = disk(&late);
        assert!(images(&disk, Variant::Lost).contains(&Some(Vec::new())));
        disk = disk.next(Variant::Kept, 0);
        assert!(images(&disk, Variant::Lost).contains(&Some(Vec::new())));
        disk.apply(&Call { began: 1, ended: 1, step: sync });
        assert!(images(&disk, Variant::Lost).iter().flatten().all(|image| *image == [1; 9]));
        assert_eq!(disk.next(Variant::LostNames, 0).image(Variant::Kept, 0), Image::new());
    }
}
