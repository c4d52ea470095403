//! Keys in a file. A reader sees the old file or the new one, and never half of one; of those
//! that change it, one at a time reads and writes.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, Error, ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::{self, Path},
};

use tempfile::{Builder, NamedTempFile};

/// Locks this file, or the target of a symbolic link, until the result is dropped. The lock is on
/// the directory, since the file is another one after each change.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let directory = directory_of(&fs::canonicalize(path)?)?;
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
    let path = path::absolute(path)?;
    let file = beside(&path, text)?;
    if is_public {
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => {
            Error::other("exists already; add a key to it with: auth-admin key rotate")
        }
        _ => error.error,
    })?;
    directory_of(&path)?.sync_all()
}

/// Replaces the file, or the target of a symbolic link. Who could read it before still can, since the
/// service may run as another user than this command; others get no access to private keys.
pub(super) fn replace(path: &Path, text: &str, is_public: bool) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    if !before.is_file() {
        return Err(Error::other("is no regular file, and cannot be replaced"));
    }
    let file = beside(&path, text)?;
    let now = file.as_file().metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file.as_file(), Some(before.uid()), Some(before.gid())).map_err(|error| {
            Error::other(format!("its owner and group cannot be kept: {error}"))
        })?;
    }
    let kept = if is_public { 0o777 } else { 0o770 };
    file.as_file().set_permissions(Permissions::from_mode(before.mode() & kept))?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    directory_of(&path)?.sync_all()
}

/// A file of mode 0600 in the same directory, gone again unless it gets its name.
fn beside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = Builder::new().prefix(".auth-admin-").tempfile_in(path.with_file_name(""))?;
    file.write_all(format!("{text}\n").as_bytes())?;
    Ok(file)
}

/// The directory of an absolute path. A name is on the disk when its directory is.
fn directory_of(path: &Path) -> io::Result<File> {
    File::open(path.with_file_name(""))
}
