//! Keys in a file. A file is replaced as a whole, so that a reader never sees half of one. A lock
//! serialises changes.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, Error, ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::{self, Path},
};

use tempfile::{Builder, NamedTempFile};

/// Locks this file, or the target of a symbolic link, until the result is dropped. The lock is on
/// the directory, since each change replaces the file.
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

/// Creates the file, with mode 0600, or 0644 for public keys.
pub(super) fn create(path: &Path, text: &str, is_public: bool) -> io::Result<()> {
    let path = path::absolute(path)?;
    let file = temporary_beside(&path, text)?;
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

/// Replaces the file, or the target of a symbolic link. It keeps owner, group and their access,
/// since a function may run as another user; other users get no access to private keys.
pub(super) fn replace(path: &Path, text: &str, is_public: bool) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    if !before.is_file() {
        return Err(Error::other("is no regular file, and cannot be replaced"));
    }
    let file = temporary_beside(&path, text)?;
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

/// A temporary file with mode 0600 in the same directory.
fn temporary_beside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = Builder::new().prefix(".auth-admin-").tempfile_in(path.with_file_name(""))?;
    file.write_all(format!("{text}\n").as_bytes())?;
    Ok(file)
}

/// Opens the directory of an absolute path. To sync it makes a new or renamed file durable.
fn directory_of(path: &Path) -> io::Result<File> {
    File::open(path.with_file_name(""))
}
