//! The functions with a fake of Lambda's runtime API, for deadlines, snapshots and concurrency.
//! `contract.rs` and `metrics.rs` test the rest with an emulator.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant, SystemTime},
};

use serde_json::json;
use system_tests::{
    Answer, Environment, Moto, Process, Request, SECRET, binary, command, environment, fake_http,
    gateway_events::AwsGateway,
    lambda::{TRACE, answer, runtime_variables},
    token, wait, with,
};

/// For a start with a fetch of secrets.
const LIMIT: Duration = Duration::from_secs(20);

/// A fake runtime API, for which a test answers each call.
struct RuntimeApi {
    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    address: String,
    calls: Receiver<Call>,
}

/// A call of the function, which waits for the answer.
struct Call {
    /// The path after `/2018-06-01/runtime`.
    path: String,
    body: String,
    answer: Sender<Vec<u8>>,
}

impl RuntimeApi {
    fn start() -> Self {
        let (sender, calls) = channel();
        let port = fake_http::start(move |head, body| {
            let (answer, answered) = channel();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let path = path.trim_start_matches("/2018-06-01/runtime").to_owned();
            // An error means that the test has ended.
            let _ = sender.send(Call { path, body: body.to_owned(), answer });
            answered.recv().unwrap_or_default()
        });
        Self { address: format!("127.0.0.1:{port}"), calls }
    }

    /// Waits for the next call.
    fn any_call(&self) -> Call {
        self.calls.recv_timeout(LIMIT).expect("a call of the function")
    }

    /// Waits for the next call, which must have this path.
    fn next_call(&self, path: &str) -> Call {
        let call = self.any_call();
        assert_eq!(call.path, path);
        call
    }
}

impl Call {
    /// Answers it with an invocation whose deadline is far away.
    fn answer(self, body: &str) {
        self.answer_until(9_999_999_999_999, body);
    }

    /// Answers it with an invocation whose `deadline` is in milliseconds since 1970.
    fn answer_until(self, deadline: u128, body: &str) {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
             Lambda-Runtime-Aws-Request-Id: one\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Trace-Id: Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=0\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:0:function:f\r\n\r\n{body}",
            body.len()
        );
        self.answer.send(answer.into()).expect("the function waits");
    }
}

/// Starts a function that uses this runtime API.
fn start(name: &str, api: &RuntimeApi, variables: Environment) -> Process {
    let mut all = runtime_variables(&api.address);
    all.extend(variables);
    Process::start(name, command(binary(name), &all))
}

/// The event for a request to the function URL.
fn event(request: &Request) -> String {
    AwsGateway::FunctionUrl.event(request).to_string()
}

/// Converts the function's response to the answer that the client gets.
fn answer_of(response: &Call) -> Answer {
    answer(AwsGateway::FunctionUrl, &serde_json::from_str(&response.body).unwrap())
}

/// Sends a request to the function URL as this invocation, and returns the answer.
fn exchange(api: &RuntimeApi, invocation: Call, request: &Request) -> Answer {
    invocation.answer(&event(request));
    answer_of(&api.next_call("/invocation/one/response"))
}

/// A fake database that accepts connections but never sends anything, and its port. A function
/// starts with it all the same.
fn silent_database() -> (TcpListener, String) {
    let database = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    database.set_nonblocking(true).unwrap();
    let port = database.local_addr().unwrap().port().to_string();
    (database, port)
}

/// Starts `login` with a [`silent_database`], as Lambda does on demand.
fn start_login(api: &RuntimeApi, concurrency: &str) -> (Process, TcpListener) {
    let (database, port) = silent_database();
    let variables = [
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", concurrency),
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", &format!("mysql://u:x@127.0.0.1:{port}/auth")),
    ];
    (start("login", api, environment(&variables)), database)
}

#[test]
fn login_connects_first_and_then_takes_as_many_concurrent_invocations_as_configured() {
    let api = RuntimeApi::start();
    let (_login, database) = start_login(&api, "4");
    let [first, second, ..] = [(); 4].map(|()| api.next_call("/invocation/next"));
    let _connection = wait::until("a connection", LIMIT, || database.accept().ok());
    let login = Request::new("POST", "/login");
    first.answer(&event(&login.clone().basic("ada@example.com", "x")));
    second.answer(&event(&login));
    // It may call for more invocations before it answers.
    let calls = std::iter::repeat_with(|| api.any_call());
    let answers = calls.skip_while(|call| call.path == "/invocation/next").map(|it| answer_of(&it));
    assert_eq!(answers.map(|it| it.status).next(), Some(401), "the request without credentials");
}

#[test]
fn an_invocation_is_answered_with_503_before_its_deadline() {
    let api = RuntimeApi::start();
    let (login, _database) = start_login(&api, "1");
    let request = Request::new("POST", "/login").basic("ada@example.com", "x");
    for left in [1000, 400].map(Duration::from_millis) {
        let invocation = api.next_call("/invocation/next");
        let since = Instant::now();
        let deadline = (SystemTime::now() + left).duration_since(SystemTime::UNIX_EPOCH).unwrap();
        invocation.answer_until(deadline.as_millis(), &event(&request));
        let response = api.next_call("/invocation/one/response");
        let elapsed = since.elapsed();
        let said = answer_of(&response);
        assert_eq!((said.status, said.header("retry-after")), (503, Some("2")));
        assert!((left / 2..left).contains(&elapsed), "{elapsed:?} of {left:?}");
        response.answer("");
    }
    assert_eq!(login.log().matches("no answer in time").count(), 2, "{}", login.log());
    let traced = format!(r#""request_id":"one","trace_id":"{TRACE}""#);
    assert_eq!(login.log().matches(&traced).count(), 2, "{}", login.log());
}

/// The variables that Lambda sets with `SnapStart`: credentials are fetched from a URL.
fn snapstart_variables(manager: u16) -> Environment {
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

/// `SnapStart`: Lambda starts the process, takes a snapshot, and starts all environments from it.
#[test]
#[ignore = "needs moto: make test"]
fn secrets_and_connections_are_fetched_and_opened_only_after_the_snapshot() {
    let (moto, (database, port)) = (Moto::start(), silent_database());
    let _ = moto.create_secret("jwt", SECRET);
    let _ = moto.create_secret("db", r#"{"username":"auth_user","password":"x"}"#);
    let validate = snapstart_variables(moto.port);
    let account = [("DATABASE_SECRET_ID", "db"), ("MYSQL_HOST", "127.0.0.1")];
    let parts = [("MYSQL_PORT", port.as_str()), ("MYSQL_DB", "auth")];
    let login = with(with(validate.clone(), &account), &parts);
    for (function, variables) in [("login", login), ("validate", validate)] {
        let (api, before) = (RuntimeApi::start(), moto.requests());
        let _process = start(function, &api, variables);
        let restore = api.next_call("/restore/next");
        assert_eq!(moto.requests(), before, "the snapshot would contain the secret");
        assert!(database.accept().is_err(), "a connection does not survive a snapshot");
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
fn a_function_restored_without_secrets_manager_takes_invocations() {
    let (api, manager) = (RuntimeApi::start(), wait::free_port());
    let _validate = start("validate", &api, snapstart_variables(manager));
    api.next_call("/restore/next").answer("");
    let since = Instant::now();
    let invocation = api.next_call("/invocation/next");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let request = Request::new("GET", "/.well-known/jwks.json");
    assert_eq!(exchange(&api, invocation, &request).status, 503);
}
