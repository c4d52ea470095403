//! What processes have taken of the machine, as Linux says it.

use std::{fs, time::Duration};

use rustix::param::clock_ticks_per_second;

use crate::series::float;

/// Time on a CPU, of user and kernel, of a process with all its threads and of those that it
/// started and that live: workers. In steps of 10 ms.
pub(crate) fn cpu(id: u32) -> Duration {
    let ticks: u64 = family(id).into_iter().filter_map(ticks).sum();
    Duration::from_secs_f64(float(ticks) / float(clock_ticks_per_second()))
}

/// Resident memory in MiB, workers included: each page of files is counted for each process.
pub(crate) fn resident_mib(id: u32) -> f64 {
    memory_mib(id, "VmRSS:")
}

/// The most that it ever was.
pub(crate) fn peak_mib(id: u32) -> f64 {
    memory_mib(id, "VmHWM:")
}

fn memory_mib(id: u32, field: &str) -> f64 {
    let of = |id| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let value = status.lines().find_map(|line| line.strip_prefix(field))?;
        value.split_whitespace().next()?.parse::<u64>().ok()
    };
    let kib: u64 = family(id).into_iter().filter_map(of).sum();
    float(kib) / 1024.0
}

/// A process, its children, and theirs.
fn family(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = ids.filter_map(|id| Some((id, parent(id)?))).collect();
    let mut family = vec![id];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        family.extend(parents.iter().filter(|(_, of)| *of == member).map(|(child, _)| *child));
        next += 1;
    }
    family
}

fn parent(id: u32) -> Option<u32> {
    fields(id)?.get(1)?.parse().ok()
}

/// Fields 14 and 15 of the whole line, `proc_pid_stat(5)`.
fn ticks(id: u32) -> Option<u64> {
    let fields = fields(id)?;
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(number(11)? + number(12)?)
}

/// From the third field on; the second is a name, in which anything may be.
fn fields(id: u32) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        hint::black_box,
        process::{Command, Stdio},
        time::Instant,
    };

    use super::*;

    #[test]
    fn time_on_a_cpu_is_seen_and_time_asleep_is_not() {
        let id = std::process::id();
        let before = cpu(id);
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(200) {
            black_box(since);
        }
        let busy = cpu(id);
        assert!(busy >= before + Duration::from_millis(50), "{before:?} {busy:?}");
        std::thread::sleep(Duration::from_millis(200));
        assert!(cpu(id) < busy + Duration::from_millis(150));
    }

    #[test]
    fn children_count() {
        let alone = resident_mib(std::process::id());
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat");
        let together = resident_mib(std::process::id());
        drop(child.stdin.take());
        child.wait().expect("a child");
        assert!(together > alone, "{together} {alone}");
    }
}
