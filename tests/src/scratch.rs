//! Directories for the data and logs of one test process.
//!
//! They are removed when dropped. What a killed test process left behind is removed by
//! the next one: a directory's name begins with the id of the process that made it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Once,
};

use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

/// A new empty directory in `target/test-servers`.
///
/// # Panics
///
/// If it cannot be made.
#[must_use]
pub fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    let parent = parent();
    fs::create_dir_all(&parent).expect("target/ can be written");
    SWEPT.call_once(|| sweep(&parent));
    let prefix = format!("{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).expect("target/ can be written")
}

/// Independent of `CARGO_TARGET_DIR`, so that a person knows where to look.
fn parent() -> PathBuf {
    crate::workspace().join("target/test-servers")
}

fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        let Some(owner) = owner.and_then(Pid::from_raw) else { continue };
        if test_kill_process(owner) == Err(rustix::io::Errno::SRCH) {
            // Another test process may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
