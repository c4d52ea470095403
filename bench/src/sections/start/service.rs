//! Secrets Manager without the time that it takes: what moto has answered, over TLS.

use std::{fs, net::TcpStream, sync::Arc};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use system_tests::{Environment, certificates::Authority, moto::Moto};
use tempfile::TempDir;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs};

use super::stand_in::{Answer, Request, answer_all, listen};

/// The CAs of the system, which a function has to read.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Answers as long as this process lives.
pub(super) struct Service {
    scratch: TempDir,
    port: u16,
}

/// A call's `SecretId` and `VersionStage`, and its answer.
type Heard = Vec<(Value, Value, Answer)>;

impl Service {
    /// With what moto says of these secrets, at each stage.
    pub(super) fn repeating(moto: &Moto, secrets: &[&str]) -> Self {
        let mut heard = Heard::new();
        for secret in secrets {
            for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
                let input = json!({ "SecretId": secret, "VersionStage": stage });
                let (status, body) = moto.ask("GetSecretValue", &input);
                let answer = (format!("{status} Moto"), body.to_string());
                heard.push((json!(secret), json!(stage), answer));
            }
        }
        let scratch = tempfile::tempdir().expect("a directory");
        let tls = tls(&scratch);
        let port = listen(move |stream| serve(stream, &tls, &heard));
        Self { scratch, port }
    }

    /// What leads a function to it.
    pub(super) fn variables(&self) -> Environment {
        let authorities = self.scratch.path().join("authorities.pem");
        let mut all = Moto::variables_for(self.port);
        let url = format!("https://localhost:{}", self.port);
        all.insert("AWS_ENDPOINT_URL_SECRETS_MANAGER".into(), url);
        all.insert("SSL_CERT_FILE".into(), authorities.display().to_string());
        all
    }
}

fn tls(scratch: &TempDir) -> Arc<ServerConfig> {
    let authority = Authority::new(scratch.path(), "authority");
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| scratch.path().join(name));
    authority.sign_server(&["localhost"], &certificate, &key);
    let mut all = fs::read_to_string(SYSTEM_AUTHORITIES).expect("ca-certificates is installed");
    all += &fs::read_to_string(authority.certificate()).expect("it was written");
    fs::write(scratch.path().join("authorities.pem"), all).expect("scratch can be written");
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("its own versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("the key is the certificate's"))
}

fn serve(stream: TcpStream, tls: &Arc<ServerConfig>, heard: &Heard) {
    let connection = ServerConnection::new(Arc::clone(tls)).expect("a usable configuration");
    answer_all(StreamOwned::new(connection, stream), |request| answer(request, heard));
}

fn answer(request: &Request, heard: &Heard) -> Answer {
    let input: Value = serde_json::from_str(&request.body).unwrap_or_default();
    let is_asked = |(id, stage, _): &&(Value, Value, Answer)| {
        input["SecretId"] == *id && input["VersionStage"] == *stage
    };
    let found = heard.iter().find(is_asked);
    found.map_or_else(|| ("404 Not Heard".into(), "{}".into()), |(_, _, answer)| answer.clone())
}
