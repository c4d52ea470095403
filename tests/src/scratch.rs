//! Directories for the data of a test process, which are deleted when they are dropped.

use std::{fs, path::Path, sync::Once};

use tempfile::TempDir;

/// A new empty directory in `target/test-servers`.
pub fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    // Independent of `CARGO_TARGET_DIR`, so that it is always at the same place.
    let parent = crate::workspace().join("target/test-servers");
    fs::create_dir_all(&parent).expect("target/ can be written");
    // Delete what killed test processes have left; names begin with the id of the process.
    SWEPT.call_once(|| {
        for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.split_once('-').map(|(id, _)| Path::new("/proc").join(id));
            if owner.is_some_and(|owner| !owner.exists()) {
                // An error is likely when another test process deletes it at the same time.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
    let prefix = format!("{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).expect("target/ can be written")
}
