//! `SnapStart`: the process is started, a snapshot is taken of it, and every environment
//! goes on from there. No emulator of Lambda does that, so that this plays its part: the
//! runtime API, up to one invocation.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;
use system_tests::{
    Environment,
    contract::{SECRET, token},
    environment, fake_http,
    http::Request,
    moto::Moto,
    runtime_api::RuntimeApi,
    wait, with,
};

use crate::{exchange, start};

/// For a start, a fetch, or both.
const LIMIT: Duration = Duration::from_secs(20);

/// As Lambda sets them where it starts from snapshots: credentials come from an address.
fn of_a_snapshot(manager: u16) -> Environment {
    let credentials = json!({
        "AccessKeyId": "test", "SecretAccessKey": "test", "Token": "test",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    let credentials = fake_http::start(move |_, _| fake_http::json(200, &credentials.to_string()));
    let credentials = format!("http://127.0.0.1:{credentials}/credentials");
    let variables = [
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "test"),
        ("JWT_SECRET_ID", "jwt"),
    ];
    let mut variables = with(Moto::variables_for(manager), &variables);
    variables.retain(|name, _| !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(&&**name));
    variables
}

/// A database that hangs up on all that connect, which keeps no function from starting.
fn database() -> (TcpListener, String) {
    let database = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    database.set_nonblocking(true).expect("a socket");
    let port = database.local_addr().expect("it is bound").port().to_string();
    (database, port)
}

#[test]
#[ignore = "needs moto: make test"]
fn nothing_is_fetched_or_connected_to_before_the_snapshot_and_everything_after_it() {
    let (moto, (database, port)) = (Moto::start(), database());
    let _ = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret("db", r#"{"username":"auth_user","password":"x"}"#);
    let validate = of_a_snapshot(moto.port);
    let account = [("DATABASE_SECRET_ID", "db"), ("MYSQL_HOST", "127.0.0.1")];
    let parts = [("MYSQL_PORT", port.as_str()), ("MYSQL_DB", "auth")];
    let login = with(with(validate.clone(), &account), &parts);
    for (function, variables) in [("login", login), ("validate", validate)] {
        let (api, before) = (RuntimeApi::start(), moto.requests());
        let _process = start(function, &api, variables);
        let restore = api.next_call("/restore/next");
        assert_eq!(moto.requests(), before, "a snapshot would contain it");
        assert!(database.accept().is_err(), "a connection would not survive it");
        restore.answer("");
        if function == "login" {
            wait::until("a connection", LIMIT, || database.accept().ok());
        }
        let invocation = api.next_call("/invocation/next");
        assert_eq!(moto.requests() - before, 2, "fetched before the first invocation");
        if function == "validate" {
            let bearer = token("ada@example.com", false);
            let request = Request::new("GET", "/validate").bearer(&bearer);
            assert_eq!(exchange(&api, invocation, &request).status, 200);
        }
    }
}

#[test]
fn without_a_snapshot_login_connects_before_its_first_invocation() {
    let (api, (database, port)) = (RuntimeApi::start(), database());
    let url = format!("mysql://u:x@127.0.0.1:{port}/auth");
    let variables = [
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", url.as_str()),
    ];
    let _login = start("login", &api, environment(&variables));
    let _invocation = api.next_call("/invocation/next");
    wait::until("a connection", LIMIT, || database.accept().ok());
}

#[test]
fn a_restore_without_secrets_manager_takes_invocations_all_the_same() {
    let (api, manager) = (RuntimeApi::start(), wait::free_port());
    let _validate = start("validate", &api, of_a_snapshot(manager));
    api.next_call("/restore/next").answer("");
    let since = Instant::now();
    let invocation = api.next_call("/invocation/next");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let request = Request::new("GET", "/.well-known/jwks.json");
    assert_eq!(exchange(&api, invocation, &request).status, 503);
}
