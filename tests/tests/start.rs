//! What a function says of its configuration before it starts, and secrets in files.

use std::{fs, net::TcpListener, time::Duration};

use system_tests::{
    contract::SECRET,
    environment, forge,
    lambda::runtime_variables,
    moto::Moto,
    process::{Process, binary, command},
    scratch,
    service::run,
    with,
};

const KEY: (&str, &str) = ("JWT_SECRET", SECRET);
const DATABASE: [(&str, &str); 5] = [
    KEY,
    ("MYSQL_HOST", "db"),
    ("MYSQL_USER", "auth_user"),
    ("MYSQL_DB", "auth"),
    ("MYSQL_PASSWORD", "canary"),
];
/// All but the numbers are values that must not be quoted.
const EVERYTHING: [(&str, &str); 13] = [
    ("JWT_SECRET", "canary-1"),
    ("JWT_SECRET_FILE", "/canary-2"),
    ("JWT_TTL_SECONDS", "canary-3"),
    ("MYSQL_PASSWORD", "canary-4"),
    ("MYSQL_PORT", "canary-5"),
    ("MYSQL_SSL_MODE", "canary-6"),
    ("ARGON2_MEMORY_KIB", "1"),
    ("PORT", "99999"),
    ("HOST", "canary-7"),
    ("LOG_FORMAT", "canary-8"),
    ("RUST_LOG", "canary=9"),
    ("METRICS_PORT", "canary-10"),
    ("METRICS", "canary-11"),
];

/// Each line of the log names one of these problems, and none quotes a value.
fn assert_refused(function: &str, variables: &[(&str, &str)], problems: &[&str]) {
    let output = run(function, &[], &environment(variables), "");
    let log = output.stderr;
    assert_eq!(output.status.code(), Some(78), "{problems:?}: {log}");
    for problem in problems {
        assert!(log.contains(&format!("\"{problem}")), "{problem}: {log}");
    }
    assert_eq!(log.lines().count(), problems.len(), "{problems:?}: {log}");
    assert!(!log.contains("canary"), "{problems:?}: {log}");
}

#[test]
fn every_problem_is_reported_at_once_by_name_and_never_by_value() {
    let names = "JWT_SECRET, JWT_SECRET_FILE: |JWT_TTL_SECONDS: |MYSQL_HOST: |MYSQL_USER: |\
                 MYSQL_DB: |MYSQL_PORT: |MYSQL_SSL_MODE: |ARGON2_MEMORY_KIB: |PORT: |HOST: |\
                 LOG_FORMAT: |RUST_LOG: |METRICS_PORT: |METRICS: ";
    assert_refused("login", &EVERYTHING, &names.split('|').collect::<Vec<_>>());
    assert_refused("login", &[], &["JWT_SECRET: is not set", "DATABASE_URL: is not set"]);
    let short = [("JWT_SECRET", "canary")];
    assert_refused("validate", &short, &["JWT_SECRET: is shorter than 32 bytes"]);
    // Each kind of weakness is in `shared/src/keys/tests.rs`.
    for (function, key, reason) in [
        ("validate", "canary-canary-canary-canary-canary".to_owned(), "a few characters"),
        ("validate", forge::pem("p384"), "another curve"),
        ("login", forge::pem("ed25519-public"), "holds no key that can sign"),
    ] {
        let output = run(function, &[], &with(environment(&DATABASE), &[("JWT_SECRET", &key)]), "");
        assert_eq!(output.status.code(), Some(78), "{reason}: {}", output.stderr);
        let log = output.stderr.split_once("JWT_SECRET: ").expect("it is named").1;
        assert!(log.contains(reason) && !log.contains(&key), "{reason}: {log}");
    }
    let no_file = [("JWT_SECRET_FILE", "/no/such/file")];
    let reason = "JWT_SECRET_FILE (file /no/such/file): No such file";
    assert_refused("validate", &no_file, &[reason]);
    let local = [KEY, ("METRICS_PORT", "9100"), ("LOG_FORMAT", "json")];
    assert_refused("local", &local, &["METRICS_PORT, METRICS: are for login and"]);
    let lambda = [KEY, ("AWS_LAMBDA_RUNTIME_API", "canary")];
    let set_by_lambda = ["NAME: ", "MEMORY_SIZE: ", "VERSION: "];
    let set_by_lambda = set_by_lambda.map(|name| format!("AWS_LAMBDA_FUNCTION_{name}"));
    assert_refused("validate", &lambda, &set_by_lambda.each_ref().map(String::as_str));
}

#[test]
fn to_verify_the_database_a_file_with_a_ca_is_needed() {
    let folder = scratch::directory();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").expect("scratch can be written");
    let empty = empty.to_str().expect("UTF-8");
    for (mode, ca, reason) in [
        ("VERIFY_CA", "", "need a CA"),
        ("VERIFY_IDENTITY", "", "need a CA"),
        ("VERIFY_IDENTITY", "/no/such/file", "No such file"),
        ("", empty, "holds no PEM certificate"),
    ] {
        let tls = [("MYSQL_SSL_MODE", mode), ("MYSQL_SSL_CA", ca)];
        let output = run("login", &[], &with(environment(&DATABASE), &tls), "");
        assert_eq!(output.status.code(), Some(78), "{mode} {ca}: {}", output.stderr);
        assert!(output.stderr.contains(reason), "{mode} {ca}: {}", output.stderr);
    }
}

/// `init` fails, so that Lambda sends no request.
#[test]
fn a_function_that_cannot_start_on_lambda_ends_before_it_takes_a_request() {
    let api = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    api.set_nonblocking(true).expect("a socket");
    let variables = runtime_variables(&api.local_addr().expect("it is bound").to_string());
    let output = run("validate", &[], &with(variables, &[("JWT_SECRET", "canary")]), "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(output.stderr.contains("JWT_SECRET: is shorter"), "{}", output.stderr);
    assert!(api.accept().is_err(), "it has called");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    for name in ["PORT", "METRICS_PORT"] {
        let variables = [KEY, ("HOST", "127.0.0.1"), ("PORT", "0"), (name, &port)];
        let output = run("validate", &[], &environment(&variables), "");
        assert_eq!(output.status.code(), Some(1), "{name}");
        let problem = format!("cannot listen on 127.0.0.1:{port}");
        assert!(output.stderr.contains(&problem), "{name}: {}", output.stderr);
    }
}

#[test]
fn sigterm_ends_a_function_that_is_still_fetching_its_secret() {
    // Accepts connections, as the backlog does without us, and never speaks.
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let manager = Moto::variables_for(silent.local_addr().expect("it is bound").port());
    let variables = with(manager, &[("JWT_SECRET_ID", "jwt")]);
    let mut validate = Process::start("validate", command(binary("validate"), &variables));
    // It has asked: the handlers are in place.
    let _asked = silent.accept().expect("it asks");
    let status = validate.terminate(Duration::from_secs(2));
    assert!(status.success(), "{status}");
}
