//! Problems of the configuration that a function reports at its start, and starts that fail.

use std::{fs, net::TcpListener, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use system_tests::{
    Environment, Moto, Process, SECRET, Service, binary, command, contract, environment, forge,
    lambda::runtime_variables, run, scratch, with,
};

const KEY: (&str, &str) = ("JWT_SECRET", SECRET);
/// Variables without problems. An empty variable counts as unset.
const VALID: [(&str, &str); 5] = [
    KEY,
    ("MYSQL_HOST", "db"),
    ("MYSQL_USER", "auth_user"),
    ("MYSQL_DB", "auth"),
    ("MYSQL_PASSWORD", "canary"),
];

/// A row of `start.yaml`.
#[derive(Deserialize)]
struct Row {
    function: String,
    variables: Environment,
    problems: String,
}

#[test]
fn every_problem_is_reported_at_once_by_name_and_never_by_value() {
    let folder = scratch::directory();
    let empty = folder.path().join("empty.pem").display().to_string();
    fs::write(&empty, "").unwrap();
    let places = [
        ("{empty}", &*empty),
        ("{p384}", &*forge::pem("p384")),
        ("{public}", &*forge::pem("ed25519-public")),
        ("{unsupported}", &*with_unsupported_keys(&[])),
        ("{mixed}", &*with_unsupported_keys(&[json!({ "kty": "oct", "k": "k".repeat(64) })])),
    ];
    let rows: Vec<Row> = serde_saphyr::from_str(include_str!("../data/start.yaml")).unwrap();
    for Row { function, variables, problems } in rows {
        let mut all = environment(&VALID);
        all.extend(variables.into_iter().map(|(name, value)| {
            let fill = |value: String, (place, text): &(&str, &str)| value.replace(place, text);
            (name, places.iter().fold(value, fill))
        }));
        let output = run(&function, &[], &all, "");
        let log = output.stderr;
        assert_eq!(output.status.code(), Some(78), "{problems}: {log}");
        for problem in problems.split('|') {
            assert!(log.contains(problem), "{problem}: {log}");
        }
        assert_eq!(log.lines().count(), problems.split('|').count(), "{problems}: {log}");
        assert!(!log.contains("canary") && !log.contains("BEGIN"), "{problems}: {log}");
    }
}

/// A JWK Set of two keys that cannot verify tokens, and these.
fn with_unsupported_keys(keys: &[Value]) -> String {
    let mut encryption = forge::public_jwk(&forge::pem("p256"));
    encryption["use"] = "enc".into();
    let mut all = vec![encryption, json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB" })];
    all.extend_from_slice(keys);
    json!({ "keys": all }).to_string()
}

#[test]
fn validate_starts_with_the_usable_keys_and_lists_the_others_in_one_warning() {
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
fn a_line_break_at_the_end_of_a_key_is_removed_and_quotation_marks_cause_a_warning() {
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

/// The initialisation fails, so that Lambda sends no request.
#[test]
fn a_function_that_cannot_start_on_lambda_ends_before_it_takes_a_request() {
    let api = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    api.set_nonblocking(true).unwrap();
    let variables = runtime_variables(&api.local_addr().unwrap().to_string());
    let output = run("validate", &[], &with(variables, &[("JWT_SECRET", "canary")]), "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(api.accept().is_err(), "it has called the runtime API");
}

#[test]
fn a_port_that_is_in_use_is_reported() {
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
    // A server that never answers; the backlog accepts connections.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let manager = Moto::variables_for(silent.local_addr().unwrap().port());
    let variables = with(manager, &[("JWT_SECRET_ID", "jwt")]);
    let mut validate = Process::start("validate", command(binary("validate"), &variables));
    // After the request the signal handlers are installed.
    let _asked = silent.accept().unwrap();
    let status = validate.terminate(Duration::from_secs(2));
    assert!(status.success(), "{status}");
}
