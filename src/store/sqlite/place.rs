//! Where a store is: the file that a path leads to, and what to call it.
//!
//! SQLite follows links and lays its log beside the file itself, so the lock and everything else
//! belong there too. It is found out once, and holds whatever becomes of the path: a link that is
//! changed later, or another working folder.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};

use crate::store::error::JournalError;

/// The end of the name of what a repair made, until it has taken the store's place.
pub(crate) const MADE: &str = "-repaired";

/// The file of a store, which need not be there yet.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its whole path, without links.
    file: PathBuf,
    /// The path as it was given.
    name: String,
    /// How to call the file where something beside it is meant, which a link to it has not.
    beside: String,
}

impl Place {
    /// Where a path leads. A link to nothing leads to the place where its file would be.
    pub(crate) fn of(path: &Path) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        let file = resolve(path).map_err(|error| JournalError::Io {
            place: name.clone(),
            problem: error.to_string(),
        })?;
        let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        let beside = if is_link { file.display().to_string() } else { name.clone() };
        Ok(Self { file, name, beside })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The file that is read for the store: what a repair made, if it was cut short after that was
    /// whole.
    pub(crate) fn current(&self) -> PathBuf {
        let made = self.beside(MADE);
        if made.exists() { made } else { self.file.clone() }
    }

    /// What to call the store.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A file beside the store's, whose name is that one's with an end.
    pub(crate) fn beside(&self, end: &str) -> PathBuf {
        let mut beside = self.file.as_os_str().to_owned();
        beside.push(end);
        beside.into()
    }

    /// What to call it.
    pub(crate) fn name_beside(&self, end: &str) -> String {
        format!("{}{end}", self.beside)
    }
}

fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path::absolute(path)?;
    loop {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => return found,
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(path);
        };
        match fs::read_link(&path) {
            // Links that lead in a circle were refused above.
            Ok(target) => path = folder.join(target),
            // If not even the folder is there, whoever opens the file says so.
            Err(_) => return Ok(fs::canonicalize(folder).map_or(path.clone(), |to| to.join(name))),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_path_to_a_file_leads_to_it_also_before_it_is_there() {
        let folder = std::env::temp_dir().join(format!("mailrota-place-{}", std::process::id()));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::create_dir_all(folder.join("b")).unwrap();
        symlink("../a/store.db", folder.join("b/link.db")).unwrap();
        symlink(folder.join("b/link.db"), folder.join("link.db")).unwrap();
        symlink(folder.join("b"), folder.join("a/c")).unwrap();
        symlink("circle.db", folder.join("circle.db")).unwrap();
        let file = fs::canonicalize(folder.join("a")).unwrap().join("store.db");
        let paths = ["a/store.db", "a/../a/store.db", "b/link.db", "link.db", "a/c/link.db"];
        for is_there in [false, true] {
            for path in paths.map(|path| folder.join(path)) {
                let place = Place::of(&path).unwrap();
                assert_eq!((place.file(), place.name()), (&*file, &*path.display().to_string()));
                let is_link = path.ends_with("link.db");
                let named = if is_link { &file } else { &path };
                assert_eq!(place.name_beside("-lock"), format!("{}-lock", named.display()));
                assert!(is_there || !file.exists());
            }
            fs::write(&file, "").unwrap();
        }
        let circle = Place::of(&folder.join("circle.db")).unwrap_err().to_string();
        assert!(circle.contains("circle.db cannot be used: "), "{circle}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_path_from_the_working_folder_holds_in_another() {
        let place = Place::of(Path::new("none.db")).unwrap();
        let here = fs::canonicalize(".").unwrap();
        assert_eq!((place.file(), place.name()), (&*here.join("none.db"), "none.db"));
        assert_eq!(place.name_beside("-lock"), "none.db-lock");
    }
}
