//! Secrets at cold start, from Secrets Manager.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
};

use serde_json::json;
use shared::users::{NewUser, UserDirectory};
use system_tests::{
    Environment, binaries,
    certificates::Authority,
    contract::{SECRET, hash, token},
    database::AUTH_PASSWORD,
    mariadb,
    moto::Moto,
    process::{self, Process},
    scratch,
    secrets_extension::SecretsExtension,
    service::{Service, run},
    stores,
};

const USER: (&str, &str) = ("secrets@example.com", "a long enough passphrase");

fn with(environment: &Environment, variables: &[(&str, &str)]) -> Environment {
    let mut all = environment.clone();
    all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

/// Logs `USER` in.
fn log_in(login: &Service) -> u16 {
    login.request("POST", "/login").basic(USER.0, USER.1).send().status
}

#[tokio::test]
#[ignore = "needs MariaDB and moto: make test"]
async fn both_secrets_may_come_from_secrets_manager() {
    let moto = Moto::start();
    let server = mariadb::shared();
    let user = NewUser { email: USER.0.into(), hash: hash(USER.1).await, admin: false };
    stores::open(&server.root_variables(), 1).await.add(&[user]).await.unwrap();

    let port = server.port();
    let arn = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret(
        "rds",
        &json!({
            "username": "auth_user", "password": AUTH_PASSWORD, "engine": "mariadb",
            "host": "127.0.0.1", "port": port.to_string(), "dbname": "auth",
        })
        .to_string(),
    );
    let managed = json!({ "username": "auth_user", "password": AUTH_PASSWORD }).to_string();
    let _ = moto.create_secret("rds!managed", &managed);
    let port = port.to_string();
    let parts = [("MYSQL_HOST", "127.0.0.1"), ("MYSQL_PORT", port.as_str()), ("MYSQL_DB", "auth")];

    let by_name =
        with(&moto.variables(), &[("JWT_SECRET_ID", "jwt"), ("DATABASE_SECRET_ID", "rds")]);
    assert_eq!(log_in(&Service::start("login", by_name)), 200, "as RDS writes it");

    let by_arn =
        with(&moto.variables(), &[("JWT_SECRET_ID", &arn), ("DATABASE_SECRET_ID", "rds!managed")]);
    assert_eq!(log_in(&Service::start("login", with(&by_arn, &parts))), 200, "managed by RDS");

    let validate = Service::start("validate", with(&moto.variables(), &[("JWT_SECRET_ID", "jwt")]));
    let validated = validate.request("GET", "/").bearer(&token(USER.0, false)).send();
    assert_eq!(validated.status, 200);
}

#[test]
#[ignore = "needs moto: make test"]
fn a_secret_that_cannot_be_had_is_one_clear_line_and_exit_78() {
    let moto = Moto::start();
    let _ = moto.create_secret("short", "canary");
    let _ = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret("text", "canary, not JSON");
    let _ = moto.create_secret("bare", r#"{"username":"u","password":"canary"}"#);
    moto.create_binary_secret("binary");
    let jwt = ("JWT_SECRET_ID", "jwt");
    for (function, variables, secret, reason) in [
        ("validate", vec![("JWT_SECRET_ID", "gone")], "gone", "ResourceNotFoundException"),
        ("validate", vec![("JWT_SECRET_ID", "short")], "short", "shorter than 32 bytes"),
        ("validate", vec![("JWT_SECRET_ID", "binary")], "binary", "holds no text"),
        (
            "validate",
            vec![jwt, ("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")],
            "jwt",
            "AWS_REGION",
        ),
        ("validate", vec![jwt, ("AWS_REGION", "eu west")], "jwt", "`region`"),
        (
            "validate",
            vec![jwt, ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:1")],
            "jwt",
            "the endpoint makes no URL",
        ),
        ("login", vec![jwt, ("DATABASE_SECRET_ID", "gone")], "gone", "ResourceNotFoundException"),
        ("login", vec![jwt, ("DATABASE_SECRET_ID", "text")], "text", "is not a JSON object"),
        ("login", vec![jwt, ("DATABASE_SECRET_ID", "bare")], "bare", "MYSQL_HOST"),
    ] {
        let output = run(function, &[], &with(&moto.variables(), &variables), "");
        assert_eq!(output.status.code(), Some(78), "{secret}: {}", output.stderr);
        let lines: Vec<&str> =
            output.stderr.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(lines.len(), 1, "{secret}: {}", output.stderr);
        let expected = format!("(secret {secret})");
        assert!(
            lines[0].contains(&expected) && lines[0].contains(reason),
            "{reason}: {}",
            lines[0]
        );
        assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    }
}

#[test]
#[ignore = "needs moto: make test"]
fn both_secrets_are_reported_at_once() {
    let moto = Moto::start();
    let variables =
        with(&moto.variables(), &[("JWT_SECRET_ID", "one"), ("DATABASE_SECRET_ID", "two")]);
    let output = run("login", &[], &variables, "");
    assert_eq!(output.status.code(), Some(78));
    assert!(output.stderr.contains("(secret one)") && output.stderr.contains("(secret two)"));
}

#[test]
#[ignore = "needs moto: make test"]
fn access_denied_is_said() {
    let moto = Moto::start();
    let _ = moto.create_secret("jwt", SECRET);
    moto.refuse_strangers();
    let output = run("validate", &[], &with(&moto.variables(), &[("JWT_SECRET_ID", "jwt")]), "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    // moto gives the status of a refusal, but not its name.
    let said = "(secret jwt): Secrets Manager answered HTTP 40";
    assert!(output.stderr.contains(said), "{}", output.stderr);
}

#[test]
#[ignore = "needs moto: make test"]
fn calls_are_signed_and_only_whoever_may_read_the_secret_gets_it() {
    let moto = Moto::start();
    let _ = moto.create_secret("jwt", SECRET);
    let reader = moto.create_user("reader", "secretsmanager:GetSecretValue");
    let other = moto.create_user("other", "secretsmanager:ListSecrets");
    moto.refuse_strangers();
    let id = [("JWT_SECRET_ID", "jwt")];

    let validate = Service::start("validate", with(&reader, &id));
    let validated = validate.request("GET", "/").bearer(&token(USER.0, false)).send();
    assert_eq!(validated.status, 200, "{}", validate.log());

    let forged = with(&reader, &[("AWS_SECRET_ACCESS_KEY", "another")]);
    for strangers in [forged, other] {
        let output = run("validate", &[], &with(&strangers, &id), "");
        assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    }
}

#[test]
#[ignore = "needs moto: make test"]
fn credentials_region_endpoint_and_authorities_come_from_where_the_sdks_of_aws_look() {
    let (moto, folder) = (Moto::start(), scratch::directory());
    let _ = moto.create_secret("jwt", SECRET);
    let reader = moto.create_user("reader", "secretsmanager:GetSecretValue");
    moto.refuse_strangers();
    let plain = format!("http://127.0.0.1:{}", moto.port());
    let authority = Authority::new(folder.path(), "ca");
    let (_proxy, port) = authority.tls_proxy(folder.path(), moto.port());
    let tls = format!("https://localhost:{port}");
    let [key, secret] =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| reader[name].as_str());

    let config = folder.path().join("config").display().to_string();
    let given = folder.path().join("given").display().to_string();
    let credentials = json!({ "Version": 1, "AccessKeyId": key, "SecretAccessKey": secret });
    fs::write(&given, credentials.to_string()).unwrap();
    // It may take longer than an attempt at a call.
    let lines = [
        "[profile work]",
        "region = eu-west-1",
        &format!("endpoint_url = {plain}"),
        &format!("credential_process = sleep 2; cat {given}"),
    ];
    fs::write(&config, lines.join("\n")).unwrap();

    let profile = vec![("AWS_CONFIG_FILE", config.as_str()), ("AWS_PROFILE", "work")];
    let keys = [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)];
    let over =
        |url| [&keys[..], &[("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", url)]].concat();
    let authorities = authority.certificate().display().to_string();
    let vouched = [over(&tls), vec![("SSL_CERT_FILE", authorities.as_str())]].concat();
    for variables in [profile, over(&plain), vouched] {
        let variables = with(&Environment::new(), &variables);
        let validate = Service::start("validate", with(&variables, &[("JWT_SECRET_ID", "jwt")]));
        let validated = validate.request("GET", "/").bearer(&token(USER.0, false)).send();
        assert_eq!(validated.status, 200, "{}", validate.log());
    }
    let strange = with(&Environment::new(), &over(&tls));
    let strange = Service::start_unready("validate", with(&strange, &[("JWT_SECRET_ID", "jwt")]));
    assert!(strange.log().contains("UnknownIssuer"), "{}", strange.log());
}

#[test]
fn the_endpoint_is_that_of_the_region_and_asked_through_a_proxy() {
    for (variables, host) in [
        (vec![("AWS_REGION", "eu-west-1")], "secretsmanager.eu-west-1.amazonaws.com"),
        (
            vec![("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "cn-north-1")],
            "secretsmanager.cn-north-1.amazonaws.com.cn",
        ),
        (
            vec![
                ("AWS_REGION", "cn-north-1"),
                ("AWS_USE_FIPS_ENDPOINT", "true"),
                ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ],
            "secretsmanager-fips.cn-north-1.api.amazonwebservices.com.cn",
        ),
    ] {
        let proxy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let all = [
            ("HTTPS_PROXY", address.as_str()),
            ("AWS_ENDPOINT_URL", ""),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("JWT_SECRET_ID", "jwt"),
        ];
        let variables = with(&with(&Environment::new(), &all), &variables);
        let command = process::command(binaries::path("validate"), &variables);
        let _validate = Process::start("validate", command);
        let mut asked = String::new();
        BufReader::new(proxy.accept().unwrap().0).read_line(&mut asked).unwrap();
        assert_eq!(asked, format!("CONNECT {host}:443 HTTP/1.1\r\n"));
    }
}

#[test]
#[ignore = "needs moto: make test"]
fn the_extension_is_asked_where_a_variable_announces_it() {
    let moto = Moto::start();
    let arn = moto.create_secret("signing-key", SECRET);
    let extension = SecretsExtension::start(moto.port(), "the session", 1);
    let port = extension.port().to_string();
    // Nothing else leads to Secrets Manager.
    let variables = |id: &str| {
        let pairs = [
            ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", port.as_str()),
            ("AWS_SESSION_TOKEN", "the session"),
            ("JWT_SECRET_ID", id),
        ];
        with(&Environment::new(), &pairs)
    };
    for id in ["signing-key", &arn] {
        let validate = Service::start("validate", variables(id));
        let validated = validate.request("GET", "/").bearer(&token(USER.0, false)).send();
        assert_eq!(validated.status, 200, "{}", validate.log());
    }
    // The current version and the previous one, twice, and the one that was too early.
    assert_eq!(extension.answered(), 5);

    let output = run("validate", &[], &variables("gone"), "");
    assert_eq!(output.status.code(), Some(78), "{}", output.stderr);
    assert!(output.stderr.contains("(secret gone)"), "{}", output.stderr);
}

#[test]
fn two_secrets_are_asked_for_at_once_and_neither_for_ever() {
    // Accepts connections, as the backlog does without us, and never speaks.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let variables = [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{}", silent.local_addr().unwrap())),
        ("AWS_REGION", "eu-west-1".into()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("JWT_SECRET_ID", "one".into()),
        ("DATABASE_SECRET_ID", "two".into()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
    let since = std::time::Instant::now();
    let login = Service::start_unready("login", variables);
    // Each may take 8 s, one after the other 16.
    assert!(since.elapsed().as_secs() < 14, "{:?}", since.elapsed());
    let log = login.log();
    assert!(log.contains("(secret one)") && log.contains("(secret two)"), "{log}");
}
