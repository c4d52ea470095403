//! A service under measurement.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use system_tests::{
    Environment,
    process::{Process, command},
    wait, workspace,
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Whose outputs are thrown away, so that a log costs what writing it costs, and no disk.
pub(crate) struct Server {
    process: Process,
    port: u16,
}

impl Server {
    /// Starts a program with these variables and `PORT`, and waits until it accepts
    /// connections.
    ///
    /// # Panics
    ///
    /// If it ends or doesn't accept connections within 30 s.
    pub(crate) fn start(line: &[String], variables: Environment) -> Self {
        let port = wait::free_port();
        Self::start_on(port, line, variables)
    }

    /// The same for one that is told its port in another way as well.
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    pub(crate) fn start_on(port: u16, line: &[String], mut variables: Environment) -> Self {
        variables.insert("PORT".into(), port.to_string());
        variables.insert("HOST".into(), "127.0.0.1".into());
        variables.insert("DRAIN_SECONDS".into(), "0".into());
        let mut shell = command("/bin/sh", &variables);
        shell.args(["-c", r#"exec "$0" "$@" >/dev/null 2>&1"#]).args(line);
        let name = line.join(" ");
        let mut process = Process::start(&name, shell);
        wait::until(&format!("{name} accepts connections"), START_LIMIT, || {
            if let Some(status) = process.ended() {
                panic!("{name} ended at its start: {status}");
            }
            wait::accepts(port).then_some(())
        });
        Self { process, port }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// A function, as `make release` builds it, or as `PROFILE` says: to try the driver, not to
/// measure.
///
/// # Panics
///
/// If it isn't there.
pub(crate) fn function(name: &str) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into());
    built(workspace().join(target).join(profile()).join(name))
}

/// `release`, or `PROFILE`.
pub(crate) fn profile() -> String {
    env::var("PROFILE").unwrap_or("release".into())
}

/// A program of `bench/baselines`.
///
/// # Panics
///
/// If it isn't there.
pub(crate) fn baseline(name: &str) -> PathBuf {
    built(workspace().join("target/bench/baselines").join(profile()).join(name))
}

/// A program that [`Server::start`] runs, on these cores alone.
pub(crate) fn on_cores(cores: &str, program: &Path) -> Vec<String> {
    let mut line = ["taskset", "-c", cores].map(str::to_owned).to_vec();
    line.extend(alone(program));
    line
}

/// A program that [`Server::start`] runs, without arguments.
pub(crate) fn alone(program: &Path) -> Vec<String> {
    vec![program.display().to_string()]
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `make bench`", path.display());
    path
}
