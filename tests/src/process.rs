//! Child processes that end with the test.
//!
//! A [`Process`] is ended when it is dropped, by its own id, and so are the processes
//! that it started and left behind. If the test process is killed, the kernel ends it.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::{Environment, scratch, spawner, wait};

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// How much of a log a failed test shows.
const TAIL_LINES: usize = 40;
const LOG: &str = "log";

/// A command with no environment but `PATH` and `variables`, to be given to
/// [`Process::start`] or [`output`].
#[must_use]
pub fn command(program: impl AsRef<OsStr>, variables: &Environment) -> Command {
    let program = program.as_ref().to_str().expect("paths of this workspace are UTF-8");
    let mut command = spawner::command(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(variables);
    command
}

/// A running process. Both its outputs go to one log.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    directory: TempDir,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`; `name` is for messages.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command) -> Self {
        let directory = scratch::directory();
        let log = create(&directory, LOG);
        let again = log.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(log).stderr(again);
        Self::spawn(name, command, directory)
    }

    fn spawn(name: &str, mut command: Command, directory: TempDir) -> Self {
        // A group of its own: Ctrl-C is for the test process, which then ends this one.
        command.process_group(0);
        let child = spawner::spawn(command).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), child, directory, status: None }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.directory, LOG)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be waited for");
            if self.status.is_some() {
                // The group has the child's id, and keeps it while it has a member.
                let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            }
        }
        self.status
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    ///
    /// If that takes longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait::until(&what, limit, || self.ended())
    }

    /// Sends SIGTERM, once.
    pub fn signal_terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Ends it with SIGTERM and says how it ended.
    ///
    /// # Panics
    ///
    /// If it has not ended within `limit`.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(limit)
    }

    /// Ends it at once, for processes whose data is thrown away.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait(GRACE);
    }

    /// Stops it where it is, as Lambda does between two requests.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    /// A process that was waited for has given its id back, perhaps to another one.
    fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    fn show_tail(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
        eprintln!("--- the last lines of {}:\n{}\n---", self.name, tail.join("\n"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        // A frozen one gets it when it goes on.
        self.signal(Signal::CONT);
        let start = Instant::now();
        while self.ended().is_none() && start.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            self.show_tail();
        }
    }
}

/// How a process ended and what it wrote.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` to its end with `input` as its standard input.
///
/// # Panics
///
/// If it cannot be started, or takes longer than `limit`.
#[must_use]
pub fn output(mut command: Command, input: &[u8], limit: Duration) -> Output {
    // Files and not pipes: nobody has to read while the process writes.
    let directory = scratch::directory();
    create(&directory, "in").write_all(input).expect("scratch can be written");
    let input = File::open(directory.path().join("in")).expect("just written");
    command.stdin(input).stdout(create(&directory, "out")).stderr(create(&directory, LOG));
    let name = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let mut process = Process::spawn(&name, command, directory);
    let status = process.wait(limit);
    Output { status, stdout: read(&process.directory, "out"), stderr: process.log() }
}

fn create(directory: &TempDir, name: &str) -> File {
    File::create(directory.path().join(name)).expect("scratch can be written")
}

fn read(directory: &TempDir, name: &str) -> String {
    let bytes = fs::read(directory.path().join(name)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The most memory that a process had resident at any time, in KiB.
///
/// # Panics
///
/// If there is no such process.
#[must_use]
pub fn peak_memory(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("Linux says so")
}
