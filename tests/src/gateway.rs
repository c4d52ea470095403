//! Gateways of others: the real programs, with a configuration of this project in which nothing
//! but addresses is changed.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use tempfile::TempDir;

use crate::{
    Environment,
    http::Request,
    process::{Process, command},
    python, scratch, wait, workspace,
};

/// For a gateway to listen, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Which program: nginx as `tests/setup nginx` unpacks it, the others of the virtual environment.
#[expect(missing_docs, reason = "their names say it")]
#[derive(Debug, Clone, Copy)]
pub enum Program {
    Nginx,
    Caddy,
    Traefik,
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
    _folder: TempDir,
}

impl Gateway {
    /// Starts it with the files of `configuration`, a folder of this workspace. In them each first
    /// text of `replacements`, which has to be there, becomes the second, and `/tmp/` a folder of its
    /// own; `port` is where it listens then.
    pub fn start(
        program: Program,
        configuration: &str,
        replacements: &[(&str, String)],
        port: u16,
    ) -> Self {
        let folder = scratch::directory();
        copy(&workspace().join(configuration), folder.path(), replacements);
        let (path, arguments) = program.command();
        let mut start = command(path, &Environment::new());
        start.args(arguments).current_dir(folder.path());
        let mut process = Process::start(configuration, start);
        wait::until(configuration, START_LIMIT, || {
            assert!(process.ended().is_none(), "{configuration}: {}", process.log());
            wait::accepts(port).then_some(())
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { _process: process, address, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request to it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("http://{}{path}", self.address))
    }
}

fn copy(from: &Path, to: &Path, replacements: &[(&str, String)]) {
    let files = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    let mut before = String::new();
    for file in files.map(|file| file.expect("a file")) {
        let text = fs::read_to_string(file.path()).expect("a text");
        let here = replaced(&text, replacements).replace("/tmp/", &format!("{}/", to.display()));
        fs::write(to.join(file.file_name()), here).expect("scratch can be written");
        before += &text;
    }
    let missing = replacements.iter().find(|(there, _)| !before.contains(there));
    assert!(missing.is_none(), "{} has no {missing:?}", from.display());
}

/// Replaces each in what is around the others: port 48082 has 8082 in it.
fn replaced(text: &str, replacements: &[(&str, String)]) -> String {
    let Some(((there, real), others)) = replacements.split_first() else { return text.into() };
    text.split(there).map(|part| replaced(part, others)).collect::<Vec<_>>().join(real)
}
