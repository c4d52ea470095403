//! Secrets at cold start, from Secrets Manager.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use system_tests::{
    Environment, binaries,
    certificates::Authority,
    contract::{SECRET, token},
    database::AUTH_PASSWORD,
    fake_http, mariadb,
    moto::Moto,
    process::{self, Process},
    scratch,
    service::{Service, run},
    users,
};

const SESSION: &str = "the session";
const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:signing-key-AbCdEf";

fn with(environment: &Environment, variables: &[(&str, &str)]) -> Environment {
    let mut all = environment.clone();
    all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

/// That `validate` starts with these variables, and has the key.
#[track_caller]
fn validates(variables: Environment) {
    let validate = Service::start("validate", variables);
    let validated = validate.request("GET", "/").bearer(&token("ada@example.com", false)).send();
    assert_eq!(validated.status, 200, "{}", validate.log());
}

/// The one line with which a function ends that cannot have this secret.
#[track_caller]
fn refusal(function: &str, variables: &Environment, secret: &str) -> String {
    let output = run(function, &[], variables, "");
    assert_eq!(output.status.code(), Some(78), "{secret}: {}", output.stderr);
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    let mut errors = output.stderr.lines().filter(|line| line.contains("ERROR"));
    let (line, more) = (errors.next().unwrap_or_default(), errors.next());
    let named = line.contains(&format!("(secret {secret})"));
    assert!(named && more.is_none(), "{secret}: {}", output.stderr);
    line.to_owned()
}

#[test]
#[ignore = "needs MariaDB and moto: make test"]
fn both_secrets_may_come_from_secrets_manager() {
    let (moto, server) = (Moto::start(), mariadb::shared());
    users::add(&server, users::quick());
    let port = server.port().to_string();
    let arn = moto.create_secret("jwt", SECRET);
    let managed = json!({ "username": "auth_user", "password": AUTH_PASSWORD });
    let _ = moto.create_secret("rds!managed", &managed.to_string());
    let mut written = managed;
    for (name, value) in
        [("engine", "mariadb"), ("host", "127.0.0.1"), ("port", port.as_str()), ("dbname", "auth")]
    {
        written[name] = value.into();
    }
    let _ = moto.create_secret("rds", &written.to_string());

    let parts = [("MYSQL_HOST", "127.0.0.1"), ("MYSQL_PORT", port.as_str()), ("MYSQL_DB", "auth")];
    for (jwt, database, parts) in [("jwt", "rds", &[][..]), (&arn, "rds!managed", &parts)] {
        let ids = [("JWT_SECRET_ID", jwt), ("DATABASE_SECRET_ID", database)];
        let login = Service::start("login", with(&with(&moto.variables(), &ids), parts));
        let request = login.request("POST", "/login").basic("right-0@example.com", users::PASSWORD);
        assert_eq!(request.send().status, 200, "{database}");
    }
    validates(with(&moto.variables(), &[("JWT_SECRET_ID", "jwt")]));
}

#[test]
#[ignore = "needs moto: make test"]
fn a_secret_that_cannot_be_had_is_one_clear_line_and_exit_78() {
    let moto = Moto::start();
    let _ = moto.create_secret("short", "canary");
    let _ = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret("text", "canary, not JSON");
    let _ = moto.create_secret("bare", r#"{"username":"u","password":"canary"}"#);
    let _ = moto.call("CreateSecret", &json!({ "Name": "binary", "SecretBinary": "AAEC" }));
    let jwt = ("JWT_SECRET_ID", "jwt");
    let nowhere = vec![jwt, ("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")];
    let elsewhere = vec![jwt, ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:1")];
    let strange = vec![jwt, ("AWS_ENDPOINT_URL_STS", "localhost:1")];
    for (function, variables, secret, reason) in [
        ("validate", vec![("JWT_SECRET_ID", "gone")], "gone", "ResourceNotFoundException"),
        ("validate", vec![("JWT_SECRET_ID", "short")], "short", "shorter than 32 bytes"),
        ("validate", vec![("JWT_SECRET_ID", "binary")], "binary", "holds no text"),
        ("validate", nowhere, "jwt", "AWS_REGION"),
        ("validate", vec![jwt, ("AWS_REGION", "eu west")], "jwt", "`region`"),
        ("validate", elsewhere, "jwt", "the endpoint of Secrets Manager makes no URL"),
        ("validate", strange, "jwt", "the endpoint of STS makes no URL; see AWS_ENDPOINT_URL"),
        ("login", vec![jwt, ("DATABASE_SECRET_ID", "gone")], "gone", "ResourceNotFoundException"),
        ("login", vec![jwt, ("DATABASE_SECRET_ID", "text")], "text", "is not a JSON object"),
        ("login", vec![jwt, ("DATABASE_SECRET_ID", "bare")], "bare", "MYSQL_HOST"),
    ] {
        let line = refusal(function, &with(&moto.variables(), &variables), secret);
        assert!(line.contains(reason), "{reason}: {line}");
    }
    let both = with(&moto.variables(), &[("JWT_SECRET_ID", "one"), ("DATABASE_SECRET_ID", "two")]);
    let said = run("login", &[], &both, "").stderr;
    assert!(said.contains("(secret one)") && said.contains("(secret two)"), "{said}");
}

#[test]
#[ignore = "needs moto: make test"]
fn calls_are_signed_with_credentials_from_where_the_sdks_of_aws_look() {
    let (moto, folder) = (Moto::start(), scratch::directory());
    let _ = moto.create_secret("jwt", SECRET);
    let reader = moto.know_one_user();
    let plain = format!("http://127.0.0.1:{}", moto.port());
    let authority = Authority::new(folder.path(), "ca");
    let (_proxy, port) = authority.tls_proxy(folder.path(), moto.port());
    let tls = format!("https://localhost:{port}");
    let [key, secret] =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| reader[name].as_str());

    let [config, given] =
        ["config", "given"].map(|name| folder.path().join(name).display().to_string());
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

    let id = ("JWT_SECRET_ID", "jwt");
    let over = |url, secret| {
        let keys = [id, ("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)];
        [&keys[..], &[("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", url)]].concat()
    };
    let alone = |variables: &[_]| with(&Environment::new(), variables);
    validates(alone(&[id, ("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "work")]));
    validates(alone(&over(&plain, secret)));
    let authorities = authority.certificate().display().to_string();
    let vouched = with(&alone(&over(&tls, secret)), &[("SSL_CERT_FILE", &authorities)]);
    validates(vouched);
    let strange = Service::start_unready("validate", alone(&over(&tls, secret)));
    assert!(strange.log().contains("UnknownIssuer"), "{}", strange.log());
    // moto gives the status of a refusal, but not its name.
    let line = refusal("validate", &alone(&over(&plain, "another")), "jwt");
    assert!(line.contains("(secret jwt): Secrets Manager answered HTTP 40"), "{line}");
}

#[test]
fn the_endpoint_is_that_of_the_region_and_asked_through_a_proxy() {
    for ([region, default_region, variants], host) in [
        (["eu-west-1", "", "false"], "secretsmanager.eu-west-1.amazonaws.com"),
        (["", "cn-north-1", "false"], "secretsmanager.cn-north-1.amazonaws.com.cn"),
        (["cn-north-1", "", "true"], "secretsmanager-fips.cn-north-1.api.amazonwebservices.com.cn"),
    ] {
        let proxy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let variables = [
            ("HTTPS_PROXY", address.as_str()),
            ("AWS_ENDPOINT_URL", ""),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", default_region),
            ("AWS_USE_FIPS_ENDPOINT", variants),
            ("AWS_USE_DUALSTACK_ENDPOINT", variants),
            ("JWT_SECRET_ID", "jwt"),
        ];
        let variables = with(&Environment::new(), &variables);
        let command = process::command(binaries::path("validate"), &variables);
        let _validate = Process::start("validate", command);
        let mut asked = String::new();
        BufReader::new(proxy.accept().unwrap().0).read_line(&mut asked).unwrap();
        assert_eq!(asked, format!("CONNECT {host}:443 HTTP/1.1\r\n"));
    }
}

/// What the AWS Parameters and Secrets extension answers, which is not to be had as a program.
fn extension(head: &str) -> (u16, String) {
    if !head.contains(&format!("\r\nx-aws-parameters-secrets-token: {SESSION}\r\n")) {
        return (401, "incorrect token".into());
    }
    let head = head.replace("%2D", "-").replace("%3A", ":");
    let asked = |id| format!("GET /secretsmanager/get?secretId={id}&versionStage=AWSCURRENT HTTP");
    if ["signing-key", ARN].iter().any(|id| head.starts_with(&asked(id))) {
        return (200, json!({ "SecretString": SECRET }).to_string());
    }
    // The service's refusal comes in words, as AWS's SDK for Go puts it.
    (400, "operation error Secrets Manager: StatusCode: 400, ResourceNotFoundException".into())
}

#[test]
fn the_extension_is_asked_where_a_variable_announces_it() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let port = fake_http::start(move |head, _| {
        // While it starts it refuses everything.
        let (status, body) = match count.fetch_add(1, Ordering::SeqCst) {
            0 => (400, "not ready to serve traffic, please wait".into()),
            _ => extension(head),
        };
        fake_http::json(status, &body)
    });
    // Nothing else leads to Secrets Manager.
    let port = port.to_string();
    let announced =
        [("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &*port), ("AWS_SESSION_TOKEN", SESSION)];
    let announced = with(&Environment::new(), &announced);
    for id in ["signing-key", ARN] {
        validates(with(&announced, &[("JWT_SECRET_ID", id)]));
    }
    // The current version and the previous one, twice, and the one that was too early.
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    refusal("validate", &with(&announced, &[("JWT_SECRET_ID", "gone")]), "gone");
}
