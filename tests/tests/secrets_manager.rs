//! Secrets from Secrets Manager at a cold start.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use system_tests::{
    Authority, Environment, Moto, Process, SECRET, Service, environment, fake_http, forge, process,
    run, scratch, seconds, token, with,
};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:signing-key-AbCdEf";
const JWT: (&str, &str) = ("JWT_SECRET_ID", "jwt");

/// Panics unless `validate` starts with these variables and gets the key.
#[track_caller]
fn assert_validates(variables: Environment) {
    let validate = Service::start("validate", variables);
    let validated = validate.request("GET", "/").bearer(&token("ada@example.com", false)).send();
    assert_eq!(validated.status, 200, "{}", validate.log());
}

/// Panics unless a function exits with one error line that has this secret and reason.
#[track_caller]
fn assert_fails(function: &str, variables: &Environment, secret: &str, reason: &str) {
    let output = run(function, &[], variables, "");
    assert_eq!(output.status.code(), Some(78), "{secret}: {}", output.stderr);
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    let errors = output.stderr.lines().filter(|line| line.contains("ERROR"));
    let [error] = errors.collect::<Vec<_>>()[..] else { panic!("{secret}: {}", output.stderr) };
    let named = error.contains(&format!("(secret {secret})"));
    assert!(named && error.contains(reason), "{secret}, {reason}: {error}");
}

#[test]
#[ignore = "needs moto: make test"]
fn an_unusable_secret_is_one_error_line_and_exit_status_78() {
    let moto = Moto::start();
    for (name, text) in [
        ("short", "canary"),
        ("jwt", SECRET),
        ("text", "canary, not JSON"),
        ("bare", r#"{"username":"u","password":"canary"}"#),
    ] {
        let _ = moto.create_secret(name, text);
    }
    let nowhere = [JWT, ("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")];
    let elsewhere = [JWT, ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "localhost:1")];
    for (function, variables, secret, reason) in [
        ("validate", &[("JWT_SECRET_ID", "gone")][..], "gone", "ResourceNotFoundException"),
        ("validate", &[("JWT_SECRET_ID", "short")], "short", "shorter than 32 bytes"),
        ("validate", &nowhere, "jwt", "AWS_REGION"),
        ("validate", &elsewhere, "jwt", "the endpoint of Secrets Manager makes no URL"),
        ("login", &[JWT, ("DATABASE_SECRET_ID", "text")], "text", "is not a JSON object"),
        ("login", &[JWT, ("DATABASE_SECRET_ID", "bare")], "bare", "MYSQL_HOST"),
    ] {
        assert_fails(function, &with(moto.variables(), variables), secret, reason);
    }
    let both = with(moto.variables(), &[("JWT_SECRET_ID", "one"), ("DATABASE_SECRET_ID", "two")]);
    let said = run("login", &[], &both, "").stderr;
    assert!(said.contains("(secret one)") && said.contains("(secret two)"), "{said}");
}

#[test]
#[ignore = "needs moto: make test"]
fn credentials_are_read_from_the_standard_places_of_the_aws_sdks() {
    let (moto, folder) = (Moto::start(), scratch::directory());
    let _ = moto.create_secret("jwt", SECRET);
    let [key, secret] = &moto.enforce_iam();
    let authority = Authority::new(folder.path(), "ca");
    let (_proxy, port) = authority.tls_proxy(folder.path(), moto.port);
    let [config, given] =
        ["config", "given"].map(|name| folder.path().join(name).display().to_string());
    let credentials = json!({ "Version": 1, "AccessKeyId": key, "SecretAccessKey": secret });
    fs::write(&given, credentials.to_string()).unwrap();
    // The command may take longer than the timeout of a call.
    let profile = format!(
        "[profile work]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:{}\n\
         credential_process = sleep 2; cat {given}",
        moto.port
    );
    fs::write(&config, profile).unwrap();
    assert_validates(environment(&[JWT, ("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "work")]));

    let over_tls = |secret: &str| {
        environment(&[
            JWT,
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", &format!("https://localhost:{port}")),
            ("SSL_CERT_FILE", &authority.certificate.display().to_string()),
        ])
    };
    assert_validates(over_tls(secret));
    let mut unknown = over_tls(secret);
    unknown.remove("SSL_CERT_FILE");
    let validate = Service::start_unready("validate", unknown);
    assert!(validate.log().contains("UnknownIssuer"), "{}", validate.log());
    // For a denied request moto returns the status, but not the name of the error.
    let refused = "(secret jwt): Secrets Manager answered HTTP 40";
    assert_fails("validate", &over_tls("another"), "jwt", refused);
}

#[test]
fn the_endpoint_of_the_region_is_called_through_the_proxy() {
    for ([region, default_region, variants], host) in [
        (["eu-west-1", "", "false"], "secretsmanager.eu-west-1.amazonaws.com"),
        (["", "cn-north-1", "false"], "secretsmanager.cn-north-1.amazonaws.com.cn"),
        (["cn-north-1", "", "true"], "secretsmanager-fips.cn-north-1.api.amazonwebservices.com.cn"),
    ] {
        let proxy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let variables = environment(&[
            JWT,
            ("HTTPS_PROXY", &address),
            ("AWS_ENDPOINT_URL", ""),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", default_region),
            ("AWS_USE_FIPS_ENDPOINT", variants),
            ("AWS_USE_DUALSTACK_ENDPOINT", variants),
        ]);
        let command = process::command(process::binary("validate"), &variables);
        let _validate = Process::start("validate", command);
        let mut asked = String::new();
        BufReader::new(proxy.accept().unwrap().0).read_line(&mut asked).unwrap();
        assert_eq!(asked, format!("CONNECT {host}:443 HTTP/1.1\r\n"));
    }
}

/// The variables for a fake of the Lambda extension on this port: AWS offers no program of it.
fn extension(port: u16) -> Environment {
    environment(&[JWT, ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port.to_string())])
}

#[test]
fn the_extension_is_used_if_its_variable_is_set() {
    let is_ready = Arc::new(AtomicBool::new(false));
    let port = fake_http::start(move |head, _| {
        let head = head.replace("%2D", "-").replace("%3A", ":");
        let has_token = head.contains("\r\nx-aws-parameters-secrets-token: the session\r\n");
        let asks_for = |id| {
            let path = format!("/secretsmanager/get?secretId={id}&versionStage=AWSCURRENT");
            head.starts_with(&format!("GET {path} HTTP"))
        };
        let (status, body) = match is_ready.swap(true, Ordering::SeqCst) {
            // While the extension starts, it refuses all requests.
            false => (400, "not ready to serve traffic, please wait".into()),
            _ if !has_token => (401, "incorrect token".into()),
            _ if asks_for("signing-key") || asks_for(ARN) => {
                (200, json!({ "SecretString": SECRET }).to_string())
            }
            // The extension returns errors of the service as text of AWS's SDK for Go.
            _ => (400, "operation error Secrets Manager: ResourceNotFoundException".into()),
        };
        fake_http::json(status, &body)
    });
    // There are no other variables for Secrets Manager.
    let variables = with(extension(port), &[("AWS_SESSION_TOKEN", "the session")]);
    for id in ["signing-key", ARN] {
        assert_validates(with(variables.clone(), &[("JWT_SECRET_ID", id)]));
    }
    let gone = with(variables, &[("JWT_SECRET_ID", "gone")]);
    assert_fails("validate", &gone, "gone", "ResourceNotFoundException");
}

#[test]
fn a_start_waits_for_the_current_keys_and_the_published_key_set_also_for_the_previous_keys() {
    let is_started = Arc::new(AtomicBool::new(false));
    let current = json!({ "keys": [forge::public_jwk(&forge::generate()), { "kty": "AKP" }] });
    let (is_released, keys) = (Arc::clone(&is_started), [current.to_string(), forge::generate()]);
    let port = fake_http::start(move |head, _| {
        let is_previous = head.contains("AWSPREVIOUS");
        while is_previous && !is_released.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        let answer = json!({ "SecretString": keys[usize::from(is_previous)] });
        fake_http::json(200, &answer.to_string())
    });
    let validate = Service::start("validate", extension(port));
    is_started.store(true, Ordering::SeqCst);
    let published = validate.request("GET", "/.well-known/jwks.json").send();
    let set: Value = serde_json::from_str(published.text()).unwrap();
    assert_eq!(set["keys"].as_array().map(Vec::len), Some(2), "{set}");
    let log = validate.log();
    assert!(!log.contains("renewed"), "{log}");
    assert_eq!(log.matches("keys that verify no tokens are ignored").count(), 1, "{log}");
}

#[test]
fn while_the_previous_keys_are_missing_a_token_with_an_unknown_key_gets_503() {
    let (current, previous) = (forge::generate(), forge::generate());
    let key = current.clone();
    let port = fake_http::start(move |head, _| {
        let status = if head.contains("AWSPREVIOUS") { 503 } else { 200 };
        fake_http::json(status, &json!({ "SecretString": key }).to_string())
    });
    let validate = Service::start("validate", extension(port));
    let claims = json!({ "username": "a", "admin": false, "exp": seconds(60) }).to_string();
    let status = |key: &str| {
        let token = forge::token(key, r#"{"alg":"ES256"}"#, &claims);
        validate.request("GET", "/").bearer(&token).send().status
    };
    assert_eq!([&current, &previous].map(|key| status(key)), [200, 503]);
    for path in ["/.well-known/jwks.json", "/readyz"] {
        assert_eq!(validate.request("GET", path).send().status, 503, "{path}");
    }
    assert_eq!(status(&current), 200);
}
