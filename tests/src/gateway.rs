//! Real gateways with a configuration of this project, in which only addresses are changed.

use std::fs;

use tempfile::TempDir;

use crate::{Environment, Process, Request, command, scratch, workspace};

/// A running gateway.
pub struct Gateway {
    _process: Process,
    /// Its port on 127.0.0.1.
    pub port: u16,
    _folder: TempDir,
}

impl Gateway {
    /// Starts it with the files of `configuration`, a folder of this workspace. In these files the
    /// first text of each pair in `replacements` must occur and is replaced by the second, and
    /// `/tmp/` by a scratch folder. `port` is the port on which the gateway listens then.
    pub fn start(
        program: &str,
        configuration: &str,
        replacements: &[(&str, String)],
        port: u16,
    ) -> Self {
        let (folder, mut before) = (scratch::directory(), String::new());
        let own = format!("{}/", folder.path().display());
        for file in fs::read_dir(workspace().join(configuration)).expect("a folder").flatten() {
            let text = fs::read_to_string(file.path()).expect("a text");
            let here = replaced(&text, replacements).replace("/tmp/", &own);
            fs::write(folder.path().join(file.file_name()), here).expect("scratch can be written");
            before += &text;
        }
        let missing = replacements.iter().find(|(there, _)| !before.contains(there));
        assert!(missing.is_none(), "{configuration} has no {missing:?}");

        let arguments = match program {
            "nginx" => "-p . -c nginx.conf -e stderr -g 'daemon off;'",
            "caddy" => "run --config Caddyfile",
            "traefik" => "--configFile=traefik.yaml",
            // Without the option, several Envoys on a machine take each other for predecessors.
            "envoy" => "--config-path envoy.yaml --disable-hot-restart --concurrency 1",
            other => panic!("unknown gateway: {other}"),
        };
        let mut start = command("/bin/sh", &Environment::new());
        start.arg("-c").arg(format!("exec {program} {arguments}"));
        start.current_dir(folder.path());
        let process = Process::start_on(port, configuration, start);
        Self { _process: process, port, _folder: folder }
    }

    /// A request to it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, path).to(self.port)
    }
}

/// Replaces all texts at once: a replacement such as port 48082 may contain another text, 8082.
fn replaced(text: &str, replacements: &[(&str, String)]) -> String {
    let Some(((there, real), others)) = replacements.split_first() else { return text.into() };
    text.split(there).map(|part| replaced(part, others)).collect::<Vec<_>>().join(real)
}
