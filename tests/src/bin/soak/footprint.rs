//! What a process takes of the machine, as Linux says it.

use std::fs;

/// Of one process.
#[derive(Debug, Clone)]
pub(crate) struct Footprint {
    pub(crate) name: &'static str,
    /// Resident memory in KiB.
    pub(crate) memory: usize,
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

impl Footprint {
    pub(crate) fn of(name: &'static str, id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it lives");
        let number = |field: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(field));
            let value = value.and_then(|value| value.split_whitespace().next());
            value.and_then(|value| value.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).expect("it lives").count();
        Self { name, memory: number("VmRSS:"), threads: number("Threads:"), descriptors }
    }
}
