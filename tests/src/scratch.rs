//! Directories for the data and logs of one test process, which vanish when they are dropped.

use std::{fs, path::Path, sync::Once};

use tempfile::TempDir;

/// A new empty directory in `target/test-servers`.
pub fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    // Independent of `CARGO_TARGET_DIR`, so that a person knows where to look.
    let parent = crate::workspace().join("target/test-servers");
    fs::create_dir_all(&parent).expect("target/ can be written");
    // Files of killed test processes: names begin with the id of the process.
    SWEPT.call_once(|| {
        for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.split_once('-').map(|(id, _)| Path::new("/proc").join(id));
            if owner.is_some_and(|owner| !owner.exists()) {
                // Another test process may be sweeping too.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
    let prefix = format!("{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).expect("target/ can be written")
}
