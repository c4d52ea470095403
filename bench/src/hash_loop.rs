//! Argon2id with `login`'s parameters and nothing around it, on some threads: each loop is a
//! process of its own, so that its CPU time is told apart.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use rustix::time::{ClockId, clock_gettime};
use shared::{
    config::Argon2Config,
    password::{PasswordHasher, Verification},
};
use system_tests::{
    Environment,
    process::{command, output},
    traffic::users::PASSWORD,
    workspace,
};

use crate::series::{Series, float};

/// The memory of a hash in huge pages, as k8s-knative/base/login.yaml has it.
pub(crate) const HUGE_PAGES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

/// Whose loop it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `shared::password`, as `login` calls it.
    Ours,
    /// The crate `argon2` in memory that is used again.
    Crate,
    /// The C reference, by argon2-cffi.
    Reference,
}

/// What was measured of a loop, round by round.
#[derive(Debug)]
pub(crate) struct HashLoop {
    kind: Kind,
    cores: String,
    threads: usize,
    /// Hashes in a second, of all threads.
    pub(crate) rate: Series,
    /// Microseconds on a CPU for each of them.
    pub(crate) cpu: Series,
}

impl HashLoop {
    /// With a thread on each of `threads` cores, which are the ones that `cores` lists.
    pub(crate) fn new(kind: Kind, cores: &str, threads: usize) -> Self {
        let (rate, cpu) = Default::default();
        Self { kind, cores: cores.to_owned(), threads, rate, cpu }
    }

    /// One round.
    ///
    /// # Panics
    ///
    /// If the loop does not say what it has done.
    pub(crate) fn measure(&mut self, time: Duration) {
        let huge_pages = (self.kind == Kind::Ours).then_some(HUGE_PAGES);
        let variables: Environment =
            huge_pages.map(|(name, value)| (name.into(), value.into())).into_iter().collect();
        let mut line = command("taskset", &variables);
        line.args(["-c", &self.cores]);
        let name = match self.kind {
            Kind::Ours => "ours",
            Kind::Crate => "crate",
            Kind::Reference => {
                line.arg(workspace().join("target/bench/venv/bin/python"));
                line.arg(workspace().join("bench/flask/argon2id.py"));
                ""
            }
        };
        if self.kind != Kind::Reference {
            line.arg(std::env::current_exe().expect("this program has a path"));
            line.args(["hash-loop", name]);
        }
        line.args([time.as_secs_f64().to_string(), self.threads.to_string()]);
        let said = output(line, b"", time + Duration::from_secs(30));
        let numbers = said.stdout.split_whitespace().map(|word| word.parse::<f64>().ok());
        let numbers: Option<Vec<f64>> = numbers.collect();
        let [count, seconds, cpu] = numbers.as_deref().unwrap_or_default() else {
            panic!("the loop said: {said:?}");
        };
        assert!(*count >= 1.0, "the loop said: {said:?}");
        self.rate.push(count / seconds);
        self.cpu.push(cpu * 1e6 / count);
    }
}

/// `hash-loop KIND SECONDS THREADS`: prints the hashes, the seconds that passed, and the CPU
/// seconds that they took.
pub(crate) fn main(kind: &str, seconds: &str, threads: &str) -> ExitCode {
    let compute = match kind {
        "ours" => ours,
        "crate" => bare,
        _ => return ExitCode::FAILURE,
    };
    let (Ok(seconds), Ok(threads)) = (seconds.parse(), threads.parse::<usize>()) else {
        return ExitCode::FAILURE;
    };
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let end = began + Duration::from_secs_f64(seconds);
    let workers: Vec<_> = (0..threads).map(|_| thread::spawn(move || compute(end))).collect();
    let count: u64 = workers.into_iter().map(|worker| worker.join().expect("no panic")).sum();
    println!("{count} {} {}", began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    ExitCode::SUCCESS
}

fn bare(end: Instant) -> u64 {
    let Argon2Config { memory_kib, iterations, parallelism } = Argon2Config::default();
    let params = Params::new(memory_kib, iterations, parallelism, Some(32)).expect("parameters");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut count, mut hash, mut first) = (0, [0; 32], None);
    while Instant::now() < end {
        let salt = b"sixteen bytes of";
        let password = PASSWORD.as_bytes();
        let done = argon2.hash_password_into_with_memory(password, salt, &mut hash, &mut memory);
        done.expect("a hash");
        assert_eq!(*first.get_or_insert(hash), hash, "one password, one hash");
        count += 1;
    }
    count
}

fn ours(end: Instant) -> u64 {
    let mut check = Checks::new(Argon2Config::default());
    let mut count = 0;
    while Instant::now() < end {
        check.right_password();
        count += 1;
    }
    count
}

/// A right password again and again, as `login` checks it.
pub(crate) struct Checks {
    runtime: tokio::runtime::Runtime,
    hasher: PasswordHasher,
    stored: String,
}

impl Checks {
    /// With a hash of these parameters, in memory that was used.
    ///
    /// # Panics
    ///
    /// If there is no hash.
    pub(crate) fn new(config: Argon2Config) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let hasher = PasswordHasher::new(config, 1);
        let stored = runtime.block_on(hasher.hash(PASSWORD.into())).expect("a hash");
        Self { runtime, hasher, stored }
    }

    /// One check.
    ///
    /// # Panics
    ///
    /// If the password is wrong.
    pub(crate) fn right_password(&mut self) {
        let check = self.hasher.verify(PASSWORD.into(), Some(self.stored.clone().into()));
        let checked = self.runtime.block_on(check).expect("a slot");
        assert!(matches!(checked, Verification::Right { replacement: None }), "{checked:?}");
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    float(time.tv_sec.unsigned_abs()) + float(time.tv_nsec.unsigned_abs()) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_asked_for_as_the_manifest_does() {
        let manifest = workspace().join("k8s-knative/base/login.yaml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let (name, value) = HUGE_PAGES;
        let variable = format!("- name: {name}\n              value: {value}\n");
        assert!(manifest.contains(&variable), "{variable}");
    }
}
