//! Instructions, counted by callgrind: exact, and no matter what else the machine does.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::hot_path::HotPath;

/// So many requests make one figure.
const REQUESTS: u64 = 300;

/// Runs `hot-path` under valgrind.
#[derive(Debug)]
pub struct Callgrind {
    program: PathBuf,
    directory: PathBuf,
}

impl Callgrind {
    /// For this `hot-path`; profiles go to `directory`, for `callgrind_annotate`.
    #[must_use]
    pub fn new(program: &Path, directory: &Path) -> Self {
        Self { program: program.into(), directory: directory.into() }
    }

    /// The instructions of one request of `path`.
    ///
    /// The other threads, such as that of the hash, do not count: callgrind counts for each
    /// thread by itself whether it is inside of `measured_requests`.
    ///
    /// # Errors
    ///
    /// If valgrind or the program failed, or the profile is not one.
    pub fn instructions(&self, path: HotPath) -> io::Result<u64> {
        fs::create_dir_all(&self.directory)?;
        let file = |suffix| self.directory.join(format!("{}.{suffix}", path.name()));
        let (profile, log, requests) = (file("callgrind"), file("log"), file("requests"));
        let argument = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let ended = Command::new("valgrind")
            .args(["--tool=callgrind", "--toggle-collect=*measured_requests*"])
            .arg(argument("callgrind-out-file", &profile))
            .arg(argument("log-file", &log))
            .arg(&self.program)
            .args([path.name(), &REQUESTS.to_string()])
            // The same surroundings everywhere: what is in them takes instructions to read.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // The lines of the log, and of a panic.
            .stderr(File::create(&requests)?)
            .status()?;
        if !ended.success() {
            let (log, requests) = (log.display(), requests.display());
            return Err(io::Error::other(format!("{ended}; see {log} and {requests}")));
        }
        let total = total(&fs::read_to_string(&profile)?);
        // A figure of nothing would never grow.
        let total = total.filter(|total| *total > REQUESTS);
        total
            .map(|total| total / REQUESTS)
            .ok_or_else(|| io::Error::other(format!("no instructions in {}", profile.display())))
    }
}

/// The total of a profile in callgrind's format.
fn total(profile: &str) -> Option<u64> {
    let line = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    line?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_profile_is_read() {
        let profile = "events: Ir\nsummary: 7\n\nfn=(1) main\n1 7\ntotals: 4611\n";
        assert_eq!(total(profile), Some(4611));
        assert_eq!(total("events: Ir\n"), None);
    }
}
