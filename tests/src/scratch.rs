//! Directories for the data and logs of one test process, which vanish when they are dropped.

use std::{fs, sync::Once};

use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

/// A new empty directory in `target/test-servers`.
pub fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    // Independent of `CARGO_TARGET_DIR`, so that a person knows where to look.
    let parent = crate::workspace().join("target/test-servers");
    fs::create_dir_all(&parent).expect("target/ can be written");
    // What a killed test process left behind: names begin with the id of the process.
    SWEPT.call_once(|| {
        for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
            let owner = owner.and_then(Pid::from_raw).map(test_kill_process);
            if owner == Some(Err(rustix::io::Errno::SRCH)) {
                // Another test process may be sweeping too.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
    let prefix = format!("{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).expect("target/ can be written")
}
