//! Child processes that end with the test. A [`Process`] is ended when it is dropped, with all
//! processes that it has started. If the test process is killed, the kernel kills the child too.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Seek, Write},
    net::TcpStream,
    os::unix::{fs::FileExt, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        LazyLock,
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};

use crate::{Environment, wait, workspace};

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// How many lines of the log a failed test prints.
const TAIL_LINES: usize = 40;

/// The path of a program of this workspace, in the target directory and profile of the running
/// test. `cargo test` builds only the programs of the package under test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    // target/debug/deps/stores-0123456789abcdef
    let profile = test.parent().and_then(|deps| deps.parent()).expect("a test lies in deps/");
    let path = profile.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}

/// A command whose environment is only `PATH` and `variables`; `PATH` begins with the folders
/// where `tests/setup` installs. The kernel kills its process when this one ends.
pub fn command(program: impl AsRef<OsStr>, variables: &Environment) -> Command {
    // `setpriv` execs the program, so the child's id is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    let target = workspace().join("target").display().to_string();
    let own = ["venv/bin", "tools/nginx/usr/sbin", "tools/prometheus/usr/bin"];
    let own = own.map(|folder| format!("{target}/{folder}:")).concat();
    let path = own + &std::env::var("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).envs(variables);
    command
}

/// Spawns from a thread that never ends: the kernel kills a child when the thread that spawned it
/// ends, and libtest ends a thread after each test.
fn spawn(mut command: Command) -> io::Result<Child> {
    type Order = Box<dyn FnOnce() + Send>;
    static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = channel::<Order>();
        thread::spawn(move || orders.into_iter().for_each(|order| order()));
        sender
    });
    let (reply, child) = channel();
    let order = move || drop(reply.send(command.spawn()));
    SPAWNER.send(Box::new(order)).expect("the thread never ends");
    child.recv().expect("the thread never ends")
}

/// A running process. Its standard output and standard error go to one log.
pub struct Process {
    name: String,
    child: Child,
    log: File,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`; `name` is for messages.
    pub fn start(name: &str, mut command: Command) -> Self {
        let log = tempfile::tempfile().expect("a file");
        command.stdin(Stdio::null()).stdout(shared(&log));
        Self::spawn(name, command, log)
    }

    /// Like [`start`](Self::start), and waits up to a minute until it listens on this local port.
    pub fn start_on(port: u16, name: &str, command: Command) -> Self {
        let mut process = Self::start(name, command);
        wait::until(&format!("{name} listens"), Duration::from_mins(1), || {
            assert!(process.exit_status().is_none(), "{name} ended at its start");
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        process
    }

    fn spawn(name: &str, mut command: Command, log: File) -> Self {
        // In its own group, so that Ctrl-C reaches only the test process, which then ends this one.
        command.stderr(shared(&log)).process_group(0);
        let child = spawn(command).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), child, log, status: None }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A value of `/proc/…/status` in KiB, such as `VmHWM`: the peak of its resident memory.
    pub fn memory_kib(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("Linux says so")
    }

    /// All that it has written so far.
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// Its exit status, if it has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be waited for");
            if self.status.is_some() {
                // Its group has the same id, which is not reused while the group has a member.
                let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            }
        }
        self.status
    }

    /// Waits until it ends by itself, within `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait::until(&what, limit, || self.exit_status())
    }

    /// Sends SIGTERM, once.
    pub fn signal_terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Ends it with SIGTERM within `limit`, and returns its exit status.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(limit)
    }

    /// Ends it with SIGKILL, for processes whose data is not kept.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait(GRACE);
    }

    /// Suspends it, as Lambda does between two requests.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
        // On a busy machine its threads go on for a while.
        let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
        wait::until("the stop", GRACE, || {
            waitpid(Some(Pid::from_child(&self.child)), options).expect("a child").map(drop)
        });
    }

    /// Resumes it.
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Signals only a process that has not ended: another one may have its id by now.
    fn signal(&mut self, signal: Signal) {
        if self.exit_status().is_none() {
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        // A frozen process handles the signal when it is resumed.
        self.signal(Signal::CONT);
        let start = Instant::now();
        while self.exit_status().is_none() && start.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(5));
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            eprintln!("--- the last lines of {}:\n{}\n---", self.name, tail.join("\n"));
        }
    }
}

/// The result of a process that has ended.
#[derive(Debug)]
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` for up to `limit`, with `input` as its standard input.
pub fn output(mut command: Command, input: &[u8], limit: Duration) -> Output {
    // Files need no reader while the process writes; pipes would.
    let [mut stdin, stdout, stderr] = [(); 3].map(|()| tempfile::tempfile().expect("a file"));
    stdin.write_all(input).and_then(|()| stdin.rewind()).expect("a file");
    command.stdin(stdin).stdout(shared(&stdout));
    let name = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let mut process = Process::spawn(&name, command, stderr);
    Output { status: process.wait(limit), stdout: text(&stdout), stderr: process.log() }
}

fn shared(file: &File) -> File {
    file.try_clone().expect("a file can be shared")
}

/// Reads the whole file, and keeps the position at which the process that shares it writes.
fn text(file: &File) -> String {
    let length = file.metadata().expect("a file").len();
    let mut bytes = vec![0; usize::try_from(length).expect("it fits into memory")];
    file.read_exact_at(&mut bytes, 0).expect("it does not get shorter");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs a script of `tests/python`, for up to a minute.
pub fn run_python(script: &str, variables: &Environment) -> Output {
    let mut python = command("python", variables);
    python.arg(workspace().join("tests/python").join(script));
    output(python, b"", Duration::from_mins(1))
}

/// The environment variables that cargo needs.
pub fn cargo_variables() -> Environment {
    // The profile is included: with another one cargo would build everything again.
    let names = "HOME CARGO_HOME RUSTUP_HOME CARGO_TARGET_DIR RUSTUP_TOOLCHAIN CARGO_INCREMENTAL \
                 CARGO_PROFILE_DEV_DEBUG CARGO_PROFILE_DEV_STRIP";
    let set = names.split(' ').filter_map(|name| Some((name.into(), std::env::var(name).ok()?)));
    set.collect()
}
