//! What a function says of its configuration before it starts, and secrets in files.

use std::fs;

use system_tests::{
    Environment,
    contract::{SECRET, token},
    process::{self, Process},
    scratch,
    service::{Service, run},
};

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_parts_of_the_database_are_reported_beside_a_doubled_url() {
    let variables = environment(&[
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", "canary"),
        ("DATABASE_URL_FILE", "canary"),
        ("MYSQL_PORT", "canary"),
        ("MYSQL_SSL_MODE", "canary"),
    ]);
    let output = run("login", &[], &variables, "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    for name in ["DATABASE_URL, DATABASE_URL_FILE", "MYSQL_PORT", "MYSQL_SSL_MODE"] {
        assert!(output.stderr.contains(&format!("\"{name}: ")), "{name}: {}", output.stderr);
    }
}

#[test]
fn a_port_in_the_name_of_the_host_is_said_at_the_start() {
    let variables = environment(&[
        ("JWT_SECRET", SECRET),
        ("MYSQL_HOST", "canary:3306"),
        ("MYSQL_USER", "auth_user"),
        ("MYSQL_DB", "auth"),
        ("MYSQL_PASSWORD", "x"),
    ]);
    let output = run("login", &[], &variables, "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(output.stderr.contains("\"MYSQL_HOST: is neither a host name"), "{}", output.stderr);
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
}

#[test]
fn every_problem_is_reported_at_once_by_name_and_never_by_value() {
    let variables = environment(&[
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
    ]);
    let output = run("login", &[], &variables, "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    for name in [
        "JWT_SECRET, JWT_SECRET_FILE",
        "JWT_TTL_SECONDS",
        "MYSQL_HOST",
        "MYSQL_USER",
        "MYSQL_DB",
        "MYSQL_PORT",
        "MYSQL_SSL_MODE",
        "ARGON2_MEMORY_KIB",
        "PORT",
        "HOST",
        "LOG_FORMAT",
        "RUST_LOG",
        "METRICS_PORT",
        "METRICS",
    ] {
        assert!(output.stderr.contains(&format!("\"{name}: ")), "{name}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
}

#[test]
fn without_any_configuration_each_function_says_what_it_needs() {
    for (function, needed) in
        [("validate", vec!["JWT_SECRET"]), ("login", vec!["JWT_SECRET", "DATABASE_URL"])]
    {
        let output = run(function, &[], &Environment::new(), "");
        assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), needed.len(), "{}", output.stderr);
        for name in needed {
            assert!(output.stderr.contains(&format!("{name}: is not set")), "{}", output.stderr);
        }
    }
}

#[test]
fn a_function_that_cannot_start_on_lambda_ends_before_it_takes_a_request() {
    let nobody = format!("127.0.0.1:{}", system_tests::wait::free_port());
    let mut variables =
        environment(&[("AWS_LAMBDA_RUNTIME_API", &nobody), ("JWT_SECRET", "short")]);
    let output = run("validate", &[], &variables, "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(output.stderr.contains("AWS_LAMBDA_FUNCTION_NAME: "), "{}", output.stderr);
    for name in ["FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION"] {
        variables.insert(format!("AWS_LAMBDA_{name}"), "1".into());
    }
    let output = run("validate", &[], &variables, "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(output.stderr.contains("JWT_SECRET: is shorter"), "{}", output.stderr);
}

#[test]
fn a_short_key_is_refused_with_the_way_to_make_one() {
    let output = run("validate", &[], &environment(&[("JWT_SECRET", "admin123")]), "");
    assert_eq!(output.status.code(), Some(78));
    assert!(output.stderr.contains("openssl rand -base64 48"), "{}", output.stderr);
    assert!(!output.stderr.contains("admin123"));
}

#[test]
fn a_database_url_that_cannot_be_read_is_not_quoted() {
    for url in [
        "canary",
        "postgres://u:canary@h/d",
        "mysql://u:can@ary:x@h:port/d",
        "mysql://u:canary@h/d?ssl-mode=on",
    ] {
        let variables = environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", url)]);
        let output = run("login", &[], &variables, "");
        assert_eq!(output.status.code(), Some(78), "{url}: {}", output.stderr);
        assert!(output.stderr.contains("DATABASE_URL: "), "{}", output.stderr);
        assert!(
            !output.stderr.contains("canary") && !output.stderr.contains("ary:x"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn to_verify_the_database_a_file_with_a_ca_is_needed() {
    let folder = scratch::directory();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    for (mode, ca, reason) in [
        ("VERIFY_CA", "", "need a CA"),
        ("VERIFY_IDENTITY", "", "need a CA"),
        ("VERIFY_IDENTITY", "/no/such/file", "No such file"),
        ("", empty, "holds no PEM certificate"),
    ] {
        let variables = environment(&[
            ("JWT_SECRET", SECRET),
            ("MYSQL_HOST", "db"),
            ("MYSQL_USER", "u"),
            ("MYSQL_PASSWORD", "canary"),
            ("MYSQL_DB", "auth"),
            ("MYSQL_SSL_MODE", mode),
            ("MYSQL_SSL_CA", ca),
        ]);
        let output = run("login", &[], &variables, "");
        assert_eq!(output.status.code(), Some(78), "{mode} {ca}: {}", output.stderr);
        assert!(output.stderr.contains(reason), "{mode} {ca}: {}", output.stderr);
    }
}

#[test]
fn the_key_may_be_in_a_file() {
    let folder = scratch::directory();
    let path = folder.path().join("jwt-secret");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    let validate =
        Service::start("validate", environment(&[("JWT_SECRET_FILE", path.to_str().unwrap())]));
    let validated = validate.request("GET", "/").bearer(&token("ada@example.com", false)).send();
    assert_eq!(validated.status, 200);

    let gone = run("validate", &[], &environment(&[("JWT_SECRET_FILE", "/no/such/file")]), "");
    assert_eq!(gone.status.code(), Some(78));
    assert!(
        gone.stderr.contains("JWT_SECRET_FILE (file /no/such/file): No such file"),
        "{}",
        gone.stderr
    );
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for name in ["PORT", "METRICS_PORT"] {
        let variables =
            [("JWT_SECRET", SECRET), ("HOST", "127.0.0.1"), ("PORT", "0"), (name, &port)];
        let output = run("validate", &[], &environment(&variables), "");
        assert_eq!(output.status.code(), Some(1), "{name}");
        let problem = format!("cannot listen on 127.0.0.1:{port}");
        assert!(output.stderr.contains(&problem), "{name}: {}", output.stderr);
    }
}

#[test]
fn metrics_that_could_not_be_had_are_a_problem_and_not_ignored() {
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ];
    for (function, more, problem) in [
        ("validate", vec![("PORT", "9100"), ("METRICS_PORT", "9100")], "METRICS_PORT: is the same"),
        ("validate", vec![("METRICS", "emf")], "METRICS: is for Lambda"),
        ("local", vec![("METRICS_PORT", "9100")], "METRICS_PORT, METRICS: are for login and"),
        ("validate", [&lambda[..], &[("METRICS_PORT", "1")]].concat(), "METRICS_PORT: is for HTTP"),
        ("validate", [&lambda[..], &[("METRICS", "canary")]].concat(), "METRICS: is not `emf`"),
    ] {
        let variables = [&[("JWT_SECRET", SECRET)], &more[..]].concat();
        let output = run(function, &[], &environment(&variables), "");
        assert_eq!(output.status.code(), Some(78), "{more:?}: {}", output.stderr);
        assert!(output.stderr.contains(problem), "{more:?}: {}", output.stderr);
        assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    }
}

#[test]
fn sigterm_ends_a_function_that_is_still_fetching_its_secret() {
    // Accepts connections, as the backlog does without us, and never speaks.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let variables = environment(&[
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("JWT_SECRET_ID", "jwt"),
    ]);
    let path = system_tests::binaries::path("validate");
    let mut validate = Process::start("validate", process::command(path, &variables));
    // It has asked: the handlers are in place.
    let _asked = silent.accept().unwrap();
    let status = validate.terminate(std::time::Duration::from_secs(2));
    assert!(status.success(), "{status}");
}
