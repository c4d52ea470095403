//! The functions as HTTP processes.

use std::{
    ffi::OsStr,
    process::{Command, ExitStatus},
    thread,
    time::Duration,
};

use crate::{
    Environment, binaries,
    http::Request,
    process::{Output, Process, command, output},
    wait,
};

/// From the start to a ready service, Secrets Manager and a busy machine included.
const START_LIMIT: Duration = Duration::from_secs(20);
/// For a service to finish what is under way, longest drain time included.
const END_LIMIT: Duration = Duration::from_secs(40);

/// A running function that has been ready.
#[derive(Debug)]
pub struct Service {
    process: Process,
    base_url: String,
}

impl Service {
    /// Starts `login`, `validate` or `local` with these variables and no others, on a free
    /// port unless `PORT` is one of them, and waits until `/readyz` is 200. Without `DRAIN_SECONDS` it doesn't drain.
    ///
    /// # Panics
    ///
    /// If it ends or isn't ready within 20 s.
    #[must_use]
    pub fn start(name: &str, variables: Environment) -> Self {
        Self::start_and_wait(name, running(binaries::path(name)), variables, |status| status == 200)
    }

    /// The same by a line of shell, in which `"$0"` is the program: for limits and
    /// redirections.
    ///
    /// # Panics
    ///
    /// If it ends or isn't ready within 20 s.
    #[must_use]
    pub fn start_by_shell(name: &str, line: &str, variables: Environment) -> Self {
        let command = |variables: &_| by_shell(name, line, variables);
        Self::start_and_wait(name, command, variables, |status| status == 200)
    }

    /// The same for one whose `/readyz` is 503.
    ///
    /// # Panics
    ///
    /// If it ends, or is ready, or doesn't answer within 20 s.
    #[must_use]
    pub fn start_unready(name: &str, variables: Environment) -> Self {
        Self::start_and_wait(name, running(binaries::path(name)), variables, |status| status == 503)
    }

    /// As [`start`](Self::start), by a command that is made for the variables.
    ///
    /// # Panics
    ///
    /// If it ends or isn't ready within 20 s.
    #[must_use]
    pub fn start_by(
        name: &str,
        command: impl FnOnce(&Environment) -> Command,
        variables: Environment,
    ) -> Self {
        Self::start_and_wait(name, command, variables, |status| status == 200)
    }

    /// As [`start_unready`](Self::start_unready), by a command that is made for the variables.
    ///
    /// # Panics
    ///
    /// If it ends, or is ready, or doesn't answer within 20 s.
    #[must_use]
    pub fn start_unready_by(
        name: &str,
        command: impl FnOnce(&Environment) -> Command,
        variables: Environment,
    ) -> Self {
        Self::start_and_wait(name, command, variables, |status| status == 503)
    }

    fn start_and_wait(
        name: &str,
        command: impl FnOnce(&Environment) -> Command,
        mut variables: Environment,
        good: fn(u16) -> bool,
    ) -> Self {
        let free = || wait::free_port().to_string();
        let port = variables.entry("PORT".into()).or_insert_with(free).clone();
        variables.insert("HOST".into(), "127.0.0.1".into());
        variables.entry("DRAIN_SECONDS".into()).or_insert("0".into());
        let process = Process::start(name, command(&variables));
        let mut service = Self { process, base_url: format!("http://127.0.0.1:{port}") };
        wait::until(&format!("{name} is ready"), START_LIMIT, || {
            if let Some(status) = service.process.ended() {
                panic!("{name} ended at its start: {status}");
            }
            let answer = service.request("GET", "/readyz").try_send().ok()?;
            good(answer.status).then_some(())
        });
        service
    }

    /// The address of a path, such as `/login`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// A request to this service.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &self.url(path))
    }

    /// All that it has logged so far. A thread of its own writes that, a moment after the answers.
    #[must_use]
    pub fn log(&self) -> String {
        let mut log = self.process.log();
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(20));
            let before = std::mem::replace(&mut log, self.process.log());
            if log.len() == before.len() {
                break;
            }
        }
        log
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The process, for signals.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it with SIGTERM: how it ended, and its whole log.
    ///
    /// # Panics
    ///
    /// If it goes on.
    #[must_use]
    pub fn terminate(mut self) -> (ExitStatus, String) {
        let status = self.process.terminate(END_LIMIT);
        (status, self.process.log())
    }
}

fn running(program: impl AsRef<OsStr>) -> impl FnOnce(&Environment) -> Command {
    move |variables| command(program, variables)
}

/// Runs a program of this workspace to its end, such as a function that refuses its
/// configuration, or `auth-admin`.
///
/// # Panics
///
/// If it goes on for more than 40 s.
#[must_use]
pub fn run(name: &str, arguments: &[&str], variables: &Environment, input: &str) -> Output {
    let mut command = command(binaries::path(name), variables);
    command.args(arguments);
    output(command, input.as_bytes(), END_LIMIT)
}

/// As [`run`], by a line of shell in which `"$0"` is the program.
///
/// # Panics
///
/// If it goes on for more than 40 s.
#[must_use]
pub fn run_by_shell(name: &str, line: &str, variables: &Environment) -> Output {
    output(by_shell(name, line, variables), b"", END_LIMIT)
}

fn by_shell(name: &str, line: &str, variables: &Environment) -> Command {
    let mut command = command("/bin/sh", variables);
    command.arg("-c").arg(line).arg(binaries::path(name));
    command
}
