//! Files of this repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where a file is, by its path from the root.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// The text of a file.
///
/// # Errors
///
/// What is wrong with which file.
pub(crate) fn read(name: &str) -> Result<String, String> {
    fs::read_to_string(path(name)).map_err(|error| format!("{name}: {error}"))
}
