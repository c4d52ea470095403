//! Keys in a file. A reader sees the old file or the new one, and never half of one; of those
//! that change it, one at a time reads and writes.

use std::{
    fs::{self, File, Metadata, Permissions, TryLockError},
    io::{self, Error, ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

/// What owner and group may do stays as it was; others have no business with private keys.
const OWNER_AND_GROUP: u32 = 0o770;
const ALL: u32 = 0o777;

/// Waits for the right to change this file, behind a symbolic link the one that it leads to, until
/// it is dropped. On the directory, since the file is another one after each change.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let directory = File::open(directory_of(&fs::canonicalize(path)?))?;
    match directory.try_lock() {
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another process that changes {}", path.display());
            directory.lock()?;
        }
        locked => locked?,
    }
    Ok(directory)
}

/// Makes the file, with mode 0600, or 0644 of public keys.
pub(super) fn create(path: &Path, text: &str, is_public: bool) -> io::Result<()> {
    let directory = directory_of(path);
    let file = beside(directory, text)?;
    if is_public {
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => {
            Error::other("exists already; add a key to it with: auth-admin key rotate")
        }
        _ => error.error,
    })?;
    sync(directory)
}

/// Replaces the file; behind a symbolic link, the one that it leads to.
pub(super) fn replace(path: &Path, text: &str, is_public: bool) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    if !before.is_file() {
        return Err(Error::other("is no regular file, and cannot be replaced"));
    }
    let directory = directory_of(&path);
    let file = beside(directory, text)?;
    keep_access(file.as_file(), &before, if is_public { ALL } else { OWNER_AND_GROUP })?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    sync(directory)
}

/// A file of mode 0600 in the directory, gone again unless it gets its name.
fn beside(directory: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = Builder::new().prefix(".auth-admin-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    Ok(file)
}

/// Lets those read the new file who could read the one before: the service may not be the
/// user who is at work here.
fn keep_access(file: &File, before: &Metadata, kept: u32) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid())).map_err(|error| {
            Error::other(format!("its owner and group cannot be kept: {error}"))
        })?;
    }
    file.set_permissions(Permissions::from_mode(before.mode() & kept))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name is on the disk when its directory is.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
