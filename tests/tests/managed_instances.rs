//! `AWS_LAMBDA_MAX_CONCURRENCY`: how many requests one environment takes at once.

use std::{net::TcpListener, thread, time::Duration};

use system_tests::{
    Environment, binaries,
    contract::SECRET,
    http::Request,
    process::{Process, command},
    python, wait,
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Whether a second request is answered while the first one waits for a database that
/// never speaks.
fn two_at_once(concurrency: &str) -> bool {
    let free = wait::free_port();
    let port = free.to_string();
    let mut emulator = command(python::program("cargo-lambda"), &Environment::new());
    emulator.args(["lambda", "watch", "--only-lambda-apis", "--concurrency", "4"]);
    emulator.args(["--invoke-address", "127.0.0.1", "--invoke-port", &port]);
    let _emulator = Process::start("cargo lambda watch", emulator);
    wait::until("the emulator", START_LIMIT, || wait::accepts(free).then_some(()));

    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let database = format!("mysql://u:p@{}/auth", silent.local_addr().expect("an address"));
    let api = format!("http://127.0.0.1:{port}/.rt/login");
    let variables = [
        ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
        ("AWS_LAMBDA_MAX_CONCURRENCY", concurrency),
        ("AWS_LAMBDA_FUNCTION_NAME", "login"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("JWT_SECRET", SECRET),
        ("DATABASE_URL", database.as_str()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let _login = Process::start("login", command(binaries::path("login"), &variables));

    let url = format!("http://127.0.0.1:{port}/lambda-url/login/login");
    let first = thread::spawn({
        let request = Request::new("POST", &url).basic("ada@example.com", "x");
        move || request.send().status
    });
    // The first one is in hand once its connection to the database is there.
    let _connection = silent.accept().expect("login connects");
    assert_eq!(Request::new("GET", &url).send().status, 405);
    let answered_meanwhile = !first.is_finished();
    assert_eq!(first.join().expect("an answer"), 503);
    answered_meanwhile
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn as_many_requests_at_once_as_the_platform_says() {
    assert!(two_at_once("4"));
    assert!(!two_at_once("1"), "classic Lambda sends one after the other");
}
