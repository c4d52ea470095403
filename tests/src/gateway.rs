//! Gateways of others: the real programs, with a configuration of this project in which nothing
//! but addresses is changed.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use crate::{
    Environment,
    http::Request,
    process::{Process, command},
    python, wait, workspace,
};

/// For a gateway to listen, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Which program.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    /// nginx, as `tests/setup nginx` unpacks it.
    Nginx,
    /// Caddy, of the virtual environment.
    Caddy,
    /// Traefik, of the virtual environment.
    Traefik,
    /// Envoy, of the virtual environment.
    Envoy,
}

impl Program {
    /// The program, and how it is told to stay in the foreground with its file.
    fn command(self) -> (std::path::PathBuf, &'static [&'static str]) {
        match self {
            Self::Nginx => (
                workspace().join("target/tools/nginx/usr/sbin/nginx"),
                &["-p", ".", "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"],
            ),
            Self::Caddy => (python::program("caddy"), &["run", "--config", "Caddyfile"]),
            Self::Traefik => (python::program("traefik"), &["--configFile=traefik.yaml"]),
            // Several of them run here, which would take one another for their predecessors.
            Self::Envoy => (
                python::program("envoy"),
                &["--config-path", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1"],
            ),
        }
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    _process: Process,
    address: SocketAddr,
}

impl Gateway {
    /// Starts it in `folder`, with the files of `configuration`, a folder of this workspace. In
    /// them each first text of `places`, which has to be there, becomes the second, and `/tmp/` becomes
    /// `folder`; `port` is where it listens then.
    #[must_use]
    pub fn start(
        program: Program,
        configuration: &str,
        folder: &Path,
        places: &[(&str, String)],
        port: u16,
    ) -> Self {
        copy(&workspace().join(configuration), folder, places);
        let (path, arguments) = program.command();
        let mut start = command(path, &Environment::new());
        start.args(arguments).current_dir(folder);
        let mut process = Process::start(configuration, start);
        wait::until(configuration, START_LIMIT, || {
            assert!(process.ended().is_none(), "{configuration}: {}", process.log());
            wait::accepts(port).then_some(())
        });
        Self { _process: process, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request to it.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("http://{}{path}", self.address))
    }
}

fn copy(from: &Path, to: &Path, places: &[(&str, String)]) {
    let mut found = vec![false; places.len()];
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a file");
        let mut text = fs::read_to_string(entry.path()).expect("a text");
        text = text.replace("/tmp/", &format!("{}/", to.display()));
        // By way of marks, since what comes in may have the next place in it: port 48082 has 8082.
        let mark = |number: usize| format!("\0{number}\0");
        for (number, (place, _)) in places.iter().enumerate() {
            found[number] |= text.contains(place);
            text = text.replace(place, &mark(number));
        }
        for (number, (_, real)) in places.iter().enumerate() {
            text = text.replace(&mark(number), real);
        }
        fs::write(to.join(entry.file_name()), text).expect("scratch can be written");
    }
    for ((place, _), found) in places.iter().zip(found) {
        assert!(found, "{} has no {place}", from.display());
    }
}
