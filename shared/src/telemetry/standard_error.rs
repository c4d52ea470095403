//! Where log lines go.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
};

/// Standard error without the lock of the standard library, which one thread holds while
/// the system writes its line, and others wait for. A line is written by one call, so that
/// lines of two threads stay apart without it.
pub(super) struct StandardError(Option<File>);

impl StandardError {
    /// Standard error; with the lock if no file descriptor is left.
    pub(super) fn open() -> Self {
        Self(io::stderr().as_fd().try_clone_to_owned().ok().map(File::from))
    }
}

impl Write for &StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_ref().map_or_else(|| io::stderr().write(bytes), |mut file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
