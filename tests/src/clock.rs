//! A wall clock that a test sets forward, by libfaketime. Monotonic time is not changed.

use std::{env::consts::ARCH, fs, path::Path};

use tempfile::TempDir;

use crate::{Environment, environment, scratch};

/// Seconds: the default of `SECRET_REFRESH_SECONDS`, and one more.
pub const REFRESH: u64 = 301;
/// Seconds: the cool-down between two fetches of a secret, and one more.
pub const COOL_DOWN: u64 = 11;

/// The clock of every process that has these [`variables`](Self::variables).
pub struct Clock {
    directory: TempDir,
    ahead: u64,
}

impl Clock {
    /// A clock that shows the system's time.
    #[expect(clippy::new_without_default, reason = "it makes a file")]
    pub fn new() -> Self {
        let mut clock = Self { directory: scratch::directory(), ahead: 0 };
        clock.advance(0);
        clock
    }

    /// The environment variables with which a process uses this clock.
    pub fn variables(&self) -> Environment {
        // Debian's package `libfaketime` has its library for programs with threads here.
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

    /// Sets it forward. The file is replaced as a whole, so that no process reads half of it.
    pub fn advance(&mut self, seconds: u64) {
        self.ahead += seconds;
        let [new, time] = ["new", "time"].map(|name| self.directory.path().join(name));
        fs::write(&new, format!("+{}s\n", self.ahead)).expect("scratch can be written");
        fs::rename(new, time).expect("scratch can be written");
    }
}
