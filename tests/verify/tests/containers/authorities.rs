//! The CAs in the image: Secrets Manager is asked over TLS, and believed if they vouch for it.

use std::{path::Path, time::Duration};

use system_tests::{
    Environment,
    certificates::Authority,
    contract::{SECRET, token},
    moto::Moto,
    process::{Process, command},
    python, scratch, wait, workspace,
};

use crate::container;

/// Where the image has them.
const CAS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// TLS in front of Secrets Manager, with a certificate of `authority` for `localhost`.
fn tls_proxy(authority: &Authority, folder: &Path, target: u16) -> (Process, u16) {
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name));
    authority.sign_server(&["localhost"], &certificate, &key);
    let port = wait::free_port();
    let mut proxy = command(python::program("python"), &Environment::new());
    proxy.arg(workspace().join("tests/python/tls_proxy.py")).arg(port.to_string());
    proxy.args([certificate, key]).arg(target.to_string());
    let proxy = Process::start("TLS proxy", proxy);
    wait::until("TLS", Duration::from_secs(20), || wait::accepts(port).then_some(()));
    (proxy, port)
}

#[test]
#[ignore = "needs moto and the images: make verify"]
fn secrets_manager_is_believed_if_the_cas_of_the_image_vouch_for_it() {
    let folder = scratch::directory();
    let authority = Authority::new(folder.path(), "ca");
    let manager = Moto::start();
    let (_proxy, port) = tls_proxy(&authority, folder.path(), manager.port());
    let mut variables = manager.variables();
    let url = format!("https://localhost:{port}");
    variables.insert("AWS_ENDPOINT_URL_SECRETS_MANAGER".into(), url);
    variables.insert("JWT_SECRET_ID".into(), manager.create_secret("signing-key", SECRET));

    let bearer = token("ada@example.com", false);
    let cas = format!("--volume={}:{CAS}:ro", authority.certificate().display());
    let vouched = container::start("validate", &[&cas], variables.clone());
    let answer = vouched.request("GET", "/validate").bearer(&bearer).send();
    assert_eq!(answer.status, 200, "{}", vouched.log());

    let strange = container::start_unready("validate", variables);
    let answer = strange.request("GET", "/validate").bearer(&bearer).send();
    assert_eq!(answer.status, 503, "{}", strange.log());
    assert!(strange.log().contains("UnknownIssuer"), "{}", strange.log());
}
