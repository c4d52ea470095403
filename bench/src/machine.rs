//! What it was measured on.

use std::{fs, process::Command, thread::available_parallelism};

use serde::Serialize;
use system_tests::workspace;

use crate::server::profile;

/// The machine, the code, and what else the machine had to do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) commit: String,
    /// Of the functions and the baselines.
    pub(crate) profile: String,
    pub(crate) date: String,
    /// Of the minute before: well above 0, and the figures are of a busy machine.
    pub(crate) load_average: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let first = |path: &str, prefix: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(prefix));
            line.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']).to_owned()
        };
        let load = first("/proc/loadavg", "");
        Self {
            cpu: first("/proc/cpuinfo", "model name"),
            cores: cores(),
            kernel: first("/proc/sys/kernel/osrelease", ""),
            rustc: said("rustc", &["--version"]),
            profile: profile(),
            commit: said("git", &["describe", "--always", "--dirty"]),
            date: said("date", &["-u", "+%Y-%m-%d %H:%M"]),
            load_average: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let Self { cpu, cores, kernel, rustc, commit, profile, date, load_average } = self;
        format!(
            "{date} UTC, commit {commit}, profile {profile}, {cores} cores of {cpu}, Linux {kernel}, {rustc}, \
             load average before {load_average}"
        )
    }
}

/// As many as this process may use.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(workspace()).output();
    let output = output.ok().filter(|output| output.status.success());
    output.map_or("unknown".into(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}
