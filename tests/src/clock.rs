//! A wall clock that a test moves, for the functions as processes: libfaketime between
//! them and the C library. Monotonic time goes on as ever.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{Environment, environment, scratch};

/// Where Debian's package `libfaketime` puts its library for programs with threads.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// The clock of every process that is started with its [`variables`](Self::variables).
#[derive(Debug)]
pub struct Clock {
    directory: TempDir,
    ahead: u64,
}

impl Clock {
    /// A clock that is right.
    #[expect(clippy::new_without_default, reason = "it makes a file")]
    pub fn new() -> Self {
        let clock = Self { directory: scratch::directory(), ahead: 0 };
        clock.set();
        clock
    }

    /// What a process needs in order to follow this clock.
    pub fn variables(&self) -> Environment {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        environment(&[
            ("LD_PRELOAD", library.expect("libfaketime is missing: run `make test`")),
            ("FAKETIME_TIMESTAMP_FILE", &self.path().display().to_string()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_RESET", "1"),
        ])
    }

    /// Moves it ahead.
    pub fn advance(&mut self, seconds: u64) {
        self.ahead += seconds;
        self.set();
    }

    /// Replaced at once, so that no process reads half of it.
    fn set(&self) {
        let new = self.directory.path().join("new");
        fs::write(&new, format!("+{}s\n", self.ahead)).expect("scratch can be written");
        fs::rename(new, self.path()).expect("scratch can be written");
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("time")
    }
}
