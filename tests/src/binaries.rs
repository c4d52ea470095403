//! The programs that this workspace builds.

use std::path::PathBuf;

/// The path of a binary of this workspace, built with the profile of the running test
/// and in its target directory.
///
/// # Panics
///
/// If it has not been built: `cargo test` builds the programs of the package under test
/// only.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    // target/debug/deps/stores-0123456789abcdef
    let profile = test.parent().and_then(|deps| deps.parent()).expect("a test lies in deps/");
    let path = profile.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}
