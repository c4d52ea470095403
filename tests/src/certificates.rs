//! A certificate authority (CA) for tests, and server certificates of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::{Environment, Process, command, wait, workspace};

/// A certificate authority whose certificate is in a file.
pub struct Authority {
    /// The file with its certificate, for clients that trust it.
    pub certificate: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority; its certificate is written to `directory/name.pem`.
    pub fn new(directory: &Path, name: &str) -> Self {
        let mut params = parameters(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = directory.join(format!("{name}.pem"));
        let pem = params.self_signed(&key).expect("a certificate").pem();
        fs::write(&certificate, pem).expect("scratch can be written");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Signs a server certificate for these host names and addresses, and writes it and its key
    /// to files in the directory. The certificate is not a CA's: rustls would refuse one.
    pub fn sign_server(&self, names: &[&str], directory: &Path) -> [PathBuf; 2] {
        let params = parameters("server", names);
        let pair = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&pair, &self.issuer).expect("a certificate");
        [("cert.pem", signed.pem()), ("key.pem", pair.serialize_pem())].map(|(name, pem)| {
            fs::write(directory.join(name), pem).expect("scratch can be written");
            directory.join(name)
        })
    }

    /// Starts a proxy with TLS for `localhost` in front of a local port; returns it and its port.
    pub fn tls_proxy(&self, directory: &Path, target: u16) -> (Process, u16) {
        let port = wait::free_port();
        let mut proxy = command("python", &Environment::new());
        proxy.arg(workspace().join("tests/python/tls_proxy.py")).arg(port.to_string());
        proxy.args(self.sign_server(&["localhost"], directory)).arg(target.to_string());
        (Process::start_on(port, "TLS proxy", proxy), port)
    }
}

fn parameters(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names of hosts");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}
