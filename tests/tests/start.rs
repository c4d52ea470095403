//! What a function says of its configuration before it starts, and when it ends without having
//! started.

use std::{fs, net::TcpListener, time::Duration};

use serde_json::{Value, json};
use system_tests::{
    Moto, Process, SECRET, Service, binary, command, contract, environment, forge,
    lambda::runtime_variables, run, scratch, with,
};

const KEY: (&str, &str) = ("JWT_SECRET", SECRET);
/// With nothing wrong. A variable that is set to nothing is unset.
const USABLE: [(&str, &str); 5] = [
    KEY,
    ("MYSQL_HOST", "db"),
    ("MYSQL_USER", "auth_user"),
    ("MYSQL_DB", "auth"),
    ("MYSQL_PASSWORD", "canary"),
];
/// All but the numbers are values that must not be quoted.
const EVERYTHING: [(&str, &str); 14] = [
    ("JWT_SECRET", "canary-1"),
    ("JWT_SECRET_FILE", "/canary-2"),
    ("JWT_TTL_SECONDS", "canary-3"),
    ("MYSQL_HOST", ""),
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
/// The first one alone.
const MISSPELT: [(&str, &str); 8] = [
    ("JWT_ISSURE", "canary"),
    ("JWT_SECRET", "canary"),
    ("LOGIN_MAX_FAILURES", "canary"),
    ("LOGIN_PORT", "tcp://canary:8080"),
    ("MYSQL_PORT", "tcp://canary:3306"),
    ("MYSQL_PORT_3306_TCP_ADDR", "canary"),
    ("MYSQL_SERVICE_HOST", "canary"),
    ("MYSQL_PRIMARY_SERVICE_PORT_SQL", "3306"),
];
/// Where [`EVERYTHING`] is wrong.
const PROBLEMS: &str = "JWT_SECRET, JWT_SECRET_FILE: |JWT_TTL_SECONDS: |MYSQL_HOST: |MYSQL_PORT: |\
    MYSQL_SSL_MODE: |ARGON2_MEMORY_KIB: |PORT: |HOST: |LOG_FORMAT: |RUST_LOG: |METRICS_PORT: |METRICS: ";

#[test]
fn every_problem_is_reported_at_once_by_name_and_never_by_value() {
    let folder = scratch::directory();
    let empty = folder.path().join("empty.pem").display().to_string();
    fs::write(&empty, "").unwrap();
    let (p384, public) = (forge::pem("p384"), forge::pem("ed25519-public"));
    let unsupported = with_unsupported_keys(&[]);
    let mixed = with_unsupported_keys(&[json!({ "kty": "oct", "k": "k".repeat(64) })]);
    let first_key = "JWT_SECRET: key 1 of the JWK Set is not for signatures";
    let (no_key, no_file) = (("JWT_SECRET", ""), ("JWT_SECRET_FILE", "/no/such/file"));
    let lambda = ("AWS_LAMBDA_RUNTIME_API", "canary");
    let sqlite = [
        ("DATABASE_URL", "sqlite:/canary"),
        ("MYSQL_HOST", ""),
        ("MYSQL_USER", ""),
        ("MYSQL_DB", ""),
        ("MYSQL_PASSWORD", ""),
        ("USER_GROUPS_COLUMN", "teams"),
    ];
    let names = "FUNCTION_NAME: |FUNCTION_MEMORY_SIZE: |FUNCTION_VERSION: ";
    for (function, variables, problems) in [
        ("login", &EVERYTHING[..], PROBLEMS),
        ("login", &[no_key, ("MYSQL_PASSWORD", "")], "JWT_SECRET: is not|DATABASE_URL: is not"),
        ("validate", &[("JWT_SECRET", "canary")], "JWT_SECRET: is shorter than 32 bytes"),
        // Each kind of weakness is in `shared/src/keys/tests.rs`.
        ("validate", &[("JWT_SECRET", &"canary-".repeat(5))], "JWT_SECRET: is a few characters"),
        ("validate", &[("JWT_SECRET", &p384)], "JWT_SECRET: holds a key on another curve"),
        ("login", &[("JWT_SECRET", &public)], "JWT_SECRET: holds no key that can sign"),
        ("login", &[("JWT_SECRET", &mixed)], first_key),
        ("validate", &[("JWT_SECRET", &unsupported)], first_key),
        ("validate", &[no_key, no_file], "JWT_SECRET_FILE (file /no/such/file): No such file"),
        ("login", &[("MYSQL_SSL_MODE", "VERIFY_CA")], "MYSQL_SSL_CA: VERIFY_CA and"),
        ("login", &[("MYSQL_SSL_MODE", "VERIFY_IDENTITY")], "MYSQL_SSL_CA: VERIFY_CA and"),
        (
            "login",
            &[("MYSQL_SSL_CA", "/no/such/file")],
            "MYSQL_SSL_CA: the CA file /no/such/file: No",
        ),
        ("login", &[("MYSQL_SSL_CA", &empty)], "MYSQL_SSL_CA: the CA file"),
        (
            "validate",
            &[("RUST_LOG", "warning")],
            "the levels are off, error, warn, info, debug and trace",
        ),
        ("validate", &[("RUST_LOG", "info,sqlx")], "RUST_LOG: "),
        ("login", &[("MYSQL_PORT", "tcp://canary:1")], "MYSQL_PORT: is an address, as Kubernetes"),
        // What Kubernetes sets, and what the other function reads, is known.
        (
            "validate",
            &MISSPELT,
            "variable of these functions; did you mean JWT_ISSUER?|JWT_SECRET: ",
        ),
        ("login", &sqlite, "USER_GROUPS_COLUMN: is for MySQL and MariaDB alone"),
        ("local", &[("METRICS_PORT", "9100")], "METRICS_PORT, METRICS: are for login and"),
        ("validate", &[lambda], names),
    ] {
        let output = run(function, &[], &with(environment(&USABLE), variables), "");
        let log = output.stderr;
        assert_eq!(output.status.code(), Some(78), "{problems}: {log}");
        for problem in problems.split('|') {
            assert!(log.contains(problem), "{problem}: {log}");
        }
        assert_eq!(log.lines().count(), problems.split('|').count(), "{problems}: {log}");
        assert!(!log.contains("canary") && !log.contains("BEGIN"), "{problems}: {log}");
    }
}

/// A JWK Set of two keys that verify no tokens, and these.
fn with_unsupported_keys(keys: &[Value]) -> String {
    let mut encryption = forge::public_jwk(&forge::pem("p256"));
    encryption["use"] = "enc".into();
    let mut all = vec![encryption, json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB" })];
    all.extend_from_slice(keys);
    json!({ "keys": all }).to_string()
}

#[test]
fn validate_starts_with_the_keys_that_it_can_use_and_names_the_others_in_one_warning() {
    let set = with_unsupported_keys(&[forge::public_jwk(&forge::pem("p256"))]);
    let validate = Service::start("validate", environment(&[("JWT_SECRET", &set)]));
    let log = validate.process.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for part in
        ["\"count\":2", "key 1 of the JWK Set is not for", "key 2 of the JWK Set has another"]
    {
        assert!(warnings[0].contains(part), "{part}: {log}");
    }
}

#[test]
fn a_key_loses_a_line_break_at_its_end_but_keeps_quotation_marks_with_a_warning() {
    let quoted = format!("'{SECRET}'");
    let variables = environment(&[("JWT_SECRET", &format!("{quoted}\n"))]);
    let validate = Service::start("validate", variables);
    let claims =
        json!({ "username": "ada", "admin": false, "iat": 1, "exp": contract::seconds(60) });
    let token = forge::hs256(&quoted, r#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string());
    assert_eq!(validate.request("GET", "/").bearer(&token).send().status, 200);
    let log = validate.log();
    assert!(log.contains("\"JWT_SECRET: has quotation marks around it"), "{log}");
}

/// `init` fails, so that Lambda sends no request.
#[test]
fn a_function_that_cannot_start_on_lambda_ends_before_it_takes_a_request() {
    let api = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    api.set_nonblocking(true).unwrap();
    let variables = runtime_variables(&api.local_addr().unwrap().to_string());
    let output = run("validate", &[], &with(variables, &[("JWT_SECRET", "canary")]), "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(api.accept().is_err(), "it has called");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
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
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let manager = Moto::variables_for(silent.local_addr().unwrap().port());
    let variables = with(manager, &[("JWT_SECRET_ID", "jwt")]);
    let mut validate = Process::start("validate", command(binary("validate"), &variables));
    // It has asked: the handlers are in place.
    let _asked = silent.accept().unwrap();
    let status = validate.terminate(Duration::from_secs(2));
    assert!(status.success(), "{status}");
}
