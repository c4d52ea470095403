//! The functions as HTTP processes.

use std::{
    process::{Command, ExitStatus},
    thread,
    time::Duration,
};

use crate::{
    Environment, contract,
    http::{Answer, Request},
    process::{Output, Process, binary, command, output},
    wait,
};

/// From the start to a ready service, Secrets Manager and a busy machine included.
const START_LIMIT: Duration = Duration::from_secs(20);
/// For a service to finish what is under way, longest drain time included.
const END_LIMIT: Duration = Duration::from_secs(40);

/// A running function.
#[derive(Debug)]
pub struct Service {
    process: Process,
    base_url: String,
}

impl Service {
    /// Starts `login`, `validate`, `authorizer` or `local` with these variables, and waits up to 20 s
    /// until `/readyz` is 200. Unless the variables say otherwise it is on a free port, has the
    /// key of the contract's tokens (but `local`, which makes one), and does not drain.
    pub fn start(name: &str, variables: Environment) -> Self {
        Self::start_by(name, |variables| command(binary(name), variables), 200, variables)
    }

    /// The same for one whose `/readyz` is 503.
    pub fn start_unready(name: &str, variables: Environment) -> Self {
        Self::start_by(name, |variables| command(binary(name), variables), 503, variables)
    }

    /// The same by a command that is made for the variables, such as [`shell`], and until
    /// `/readyz` has this status.
    pub fn start_by(
        name: &str,
        command: impl FnOnce(&Environment) -> Command,
        readiness: u16,
        mut variables: Environment,
    ) -> Self {
        if name != "local" {
            variables = contract::with_key(variables);
        }
        let free = || wait::free_port().to_string();
        let port = variables.entry("PORT".into()).or_insert_with(free).clone();
        variables.insert("HOST".into(), "127.0.0.1".into());
        variables.entry("DRAIN_SECONDS".into()).or_insert("0".into());
        let process = Process::start(name, command(&variables));
        let mut service = Self { process, base_url: format!("http://127.0.0.1:{port}") };
        wait::until(&format!("/readyz of {name} is {readiness}"), START_LIMIT, || {
            if let Some(status) = service.process.ended() {
                panic!("{name} ended at its start: {status}");
            }
            let answer = service.request("GET", "/readyz").try_send().ok()?;
            (answer.status == readiness).then_some(())
        });
        service
    }

    /// The address of a path, such as `/login`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// A request to this service.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &self.url(path))
    }

    /// All that it has logged so far. A thread of its own writes that, a moment after the answers.
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
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The process, for signals.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it with SIGTERM within 40 s: how it ended, and its whole log.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        let status = self.process.terminate(END_LIMIT);
        (status, self.process.log())
    }
}

/// A line of shell in which `"$0"` is this program: for limits and redirections.
pub fn shell(name: &str, line: &str) -> impl Fn(&Environment) -> Command {
    let (program, line) = (binary(name), line.to_owned());
    move |variables| {
        let mut command = command("/bin/sh", variables);
        command.arg("-c").arg(&line).arg(&program);
        command
    }
}

/// Runs a program of this workspace to its end, within 40 s, such as a function that refuses its
/// configuration, or `auth-admin`.
pub fn run(name: &str, arguments: &[&str], variables: &Environment, input: &str) -> Output {
    let mut command = command(binary(name), variables);
    command.args(arguments);
    output(command, input.as_bytes(), END_LIMIT)
}

/// Both functions as HTTP services.
pub struct Functions {
    /// `login`.
    pub login: Service,
    /// `validate`.
    pub validate: Service,
}

impl Functions {
    /// Starts both as processes; `database` is where `login` finds its users.
    pub fn start(database: Environment) -> Self {
        Self {
            login: Service::start("login", database),
            validate: Service::start("validate", Environment::new()),
        }
    }

    /// What `login` or `validate` answers.
    pub fn send(&self, function: &str, request: &Request) -> Answer {
        let service = if function == "login" { &self.login } else { &self.validate };
        request.clone().to(&service.base_url).send()
    }

    /// Checks every row of the contract.
    pub fn check_contract(&self) {
        contract::check(|function, request| self.send(function, request), |_, _| true);
    }
}
