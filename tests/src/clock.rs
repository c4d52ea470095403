//! A wall clock that a test moves, by libfaketime. Monotonic time goes on as ever.

use std::{env::consts::ARCH, fs, path::Path};

use tempfile::TempDir;

use crate::{Environment, environment, scratch};

/// `SECRET_REFRESH_SECONDS` where nothing else is configured, and a second.
pub const REFRESH: u64 = 301;
/// The cool-down of a source of secrets, and a second.
pub const PAUSE: u64 = 11;

/// The clock of every process that is started with its [`variables`](Self::variables).
pub struct Clock {
    directory: TempDir,
    ahead: u64,
}

impl Clock {
    /// A clock that is right.
    #[expect(clippy::new_without_default, reason = "it makes a file")]
    pub fn new() -> Self {
        let mut clock = Self { directory: scratch::directory(), ahead: 0 };
        clock.advance(0);
        clock
    }

    /// What a process needs in order to follow this clock.
    pub fn variables(&self) -> Environment {
        // Where Debian's package `libfaketime` puts its library for programs with threads.
        let library = format!("/usr/lib/{ARCH}-linux-gnu/faketime/libfaketimeMT.so.1");
        assert!(Path::new(&library).exists(), "libfaketime is missing: run `make test`");
        environment(&[
            ("LD_PRELOAD", &library),
            ("FAKETIME_TIMESTAMP_FILE", &self.directory.path().join("time").display().to_string()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_RESET", "1"),
        ])
    }

    /// Moves it ahead, at once: no process reads half of the file.
    pub fn advance(&mut self, seconds: u64) {
        self.ahead += seconds;
        let [new, time] = ["new", "time"].map(|name| self.directory.path().join(name));
        fs::write(&new, format!("+{}s\n", self.ahead)).expect("scratch can be written");
        fs::rename(new, time).expect("scratch can be written");
    }
}
