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

/// How each program stays in the foreground with its file.
const PROGRAMS: [(&str, &[&str]); 4] = [
    ("nginx", &["-p", ".", "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"]),
    ("caddy", &["run", "--config", "Caddyfile"]),
    ("traefik", &["--configFile=traefik.yaml"]),
    // Several of them run here, which would take one another for their predecessors.
    ("envoy", &["--config-path", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1"]),
];

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
        program: &str,
        configuration: &str,
        replacements: &[(&str, String)],
        port: u16,
    ) -> Self {
        let folder = scratch::directory();
        copy(&workspace().join(configuration), folder.path(), replacements);
        let path = match program {
            "nginx" => workspace().join("target/tools/nginx/usr/sbin/nginx"),
            of_the_virtual_environment => python::program(of_the_virtual_environment),
        };
        let (_, arguments) = PROGRAMS.iter().find(|it| it.0 == program).expect("a known program");
        let mut start = command(path, &Environment::new());
        start.args(*arguments).current_dir(folder.path());
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
