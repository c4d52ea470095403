//! `SnapStart`: the process is started, a snapshot is taken of it, and every environment
//! goes on from there. No emulator of Lambda does that, so that this plays its part: the
//! runtime API, up to one invocation.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use system_tests::{
    Environment, binaries,
    contract::{SECRET, token},
    fake_http,
    moto::Moto,
    process::{Process, command},
    runtime_api::{API, RuntimeApi},
    wait,
};

/// For a start, a fetch, or both.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// As Lambda sets them where it starts from snapshots: credentials come from an address.
fn environment(api: &str, moto: &Moto) -> Environment {
    const CREDENTIALS: &str = r#"{"AccessKeyId":"test","SecretAccessKey":"test","Token":"test","Expiration":"2099-01-01T00:00:00Z"}"#;
    let credentials = fake_http::start(|_, _| fake_http::json(200, CREDENTIALS));
    let credentials = format!("http://127.0.0.1:{credentials}/credentials");
    let mut variables = moto.variables();
    variables.retain(|name, _| !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(&&**name));
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),
        ("AWS_LAMBDA_FUNCTION_NAME", "validate"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &credentials),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "test"),
        ("JWT_SECRET_ID", "jwt"),
    ] {
        variables.insert(name.into(), value.into());
    }
    variables
}

#[test]
#[ignore = "needs moto: make test"]
fn nothing_is_fetched_before_the_snapshot_and_everything_after_it() {
    let (moto, api) = (Moto::start(), RuntimeApi::new());
    let _ = moto.create_secret("jwt", SECRET);
    let before = moto.requests();
    let variables = environment(&api.address(), &moto);
    let _validate = Process::start("validate", command(binaries::path("validate"), &variables));

    let restore = api.next_call();
    assert_eq!(restore.path, format!("{API}/restore/next"));
    assert_eq!(moto.requests(), before, "a snapshot would contain it");
    restore.answer("");

    let invocation = api.next_call();
    assert_eq!(invocation.path, format!("{API}/invocation/next"));
    assert_eq!(moto.requests() - before, 2, "fetched before the first invocation");
    let event = json!({
        "version": "2.0", "rawPath": "/validate", "rawQueryString": "",
        "headers": { "authorization": format!("Bearer {}", token("ada@example.com", false)) },
        "requestContext": { "http": { "method": "GET", "path": "/validate" }, "stage": "$default" },
        "isBase64Encoded": false,
    });
    invocation.answer(&event.to_string());
    let response = api.next_call();
    assert_eq!(response.path, format!("{API}/invocation/one/response"));
    let answered: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(answered["statusCode"], 200, "{answered}");
    response.answer("");
}

#[test]
#[ignore = "needs moto: make test"]
fn login_fetches_both_secrets_and_connects_after_the_snapshot() {
    let (moto, api) = (Moto::start(), RuntimeApi::new());
    let _ = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret("db", r#"{"username":"auth_user","password":"x"}"#);
    let database = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    database.set_nonblocking(true).unwrap();
    let mut variables = environment(&api.address(), &moto);
    variables.extend(with_database(&database));
    let before = moto.requests();
    let _login = Process::start("login", command(binaries::path("login"), &variables));

    let restore = api.next_call();
    assert_eq!(restore.path, format!("{API}/restore/next"));
    assert_eq!(moto.requests(), before, "a snapshot would contain them");
    assert!(database.accept().is_err(), "a connection would not survive it");
    restore.answer("");
    // Whoever connects is hung up on: a database that is away keeps nobody from starting.
    wait::until("a connection", CALL_LIMIT, || database.accept().ok());
    assert_eq!(api.next_call().path, format!("{API}/invocation/next"));
    assert_eq!(moto.requests() - before, 2, "one text each");
}

#[test]
#[ignore = "needs moto: make test"]
fn without_a_snapshot_login_connects_before_its_first_invocation() {
    let (moto, api) = (Moto::start(), RuntimeApi::new());
    let _ = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret("db", r#"{"username":"auth_user","password":"x"}"#);
    let database = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    database.set_nonblocking(true).unwrap();
    let mut variables = environment(&api.address(), &moto);
    variables.extend(with_database(&database));
    variables.insert("AWS_LAMBDA_INITIALIZATION_TYPE".into(), "on-demand".into());
    let _login = Process::start("login", command(binaries::path("login"), &variables));
    let invocation = api.next_call();
    assert_eq!(invocation.path, format!("{API}/invocation/next"));
    wait::until("a connection", CALL_LIMIT, || database.accept().ok());
}

/// The database that listens there, whose account is in a secret.
fn with_database(listener: &TcpListener) -> Environment {
    let port = listener.local_addr().expect("it is bound").port().to_string();
    [
        ("DATABASE_SECRET_ID", "db"),
        ("MYSQL_HOST", "127.0.0.1"),
        ("MYSQL_PORT", &port),
        ("MYSQL_DB", "auth"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[test]
#[ignore = "needs moto: make test"]
fn a_restore_without_secrets_manager_takes_invocations_all_the_same() {
    let (mut moto, api) = (Moto::start(), RuntimeApi::new());
    let variables = environment(&api.address(), &moto);
    moto.process().kill();
    let validate = Process::start("validate", command(binaries::path("validate"), &variables));
    api.next_call().answer("");
    let since = Instant::now();
    let invocation = api.next_call();
    assert_eq!(invocation.path, format!("{API}/invocation/next"));
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    invocation.answer(r#"{"version":"2.0","rawPath":"/.well-known/jwks.json","rawQueryString":"","headers":{},"requestContext":{"http":{"method":"GET","path":"/.well-known/jwks.json"},"stage":"$default"},"isBase64Encoded":false}"#);
    let response = api.next_call();
    let answered: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(answered["statusCode"], 503, "{answered}");
    response.answer("");
    drop(api);
    drop(validate);
}
