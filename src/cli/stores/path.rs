//! The path of a store: whether a file can be read there, and beside which file the rest lies.
//!
//! Knows nothing of what is in it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::writing::failure::Failure;

/// The file of a store, beside which the rest of it lies; a link to it leads there.
pub(crate) fn file(store: &Path) -> PathBuf {
    let is_link = store.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    let file = if is_link { store.canonicalize().ok() } else { None };
    file.unwrap_or_else(|| store.to_owned())
}

/// Refuses a path at which no file can be read, before anything is made beside it.
pub(crate) fn there(store: &Path) -> Result<(), Failure> {
    let is_folder = File::open(store).and_then(|file| Ok(file.metadata()?.is_dir()));
    let opened = is_folder.and_then(|is_folder| {
        if is_folder { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(()) }
    });
    opened.map_err(|error| {
        Failure::new(format!("cannot read {}: {error}; give the file of a store", store.display()))
    })
}
