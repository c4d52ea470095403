//! Bodies that are announced and never sent, and what they cost the logins of others.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    Environment,
    contract::{SECRET, USER, add_users},
    gateway::{Gateway, Program},
    http::basic,
    lambda_process::LambdaProcess,
    raw::{self, Connection, head},
    scratch,
    service::Service,
    stores::Sqlite,
    wait,
};
use tempfile::TempDir;

const UNFINISHED: u32 = 200;
const DISTANCE: Duration = Duration::from_millis(50);
const LOGINS: usize = 100;

/// What `login` needs for the users of the contract, which live as long as the store.
async fn variables() -> (Environment, Sqlite) {
    let store = Sqlite::with(&[]).await;
    add_users(&store.users).await;
    let mut variables = store.variables();
    variables.insert("JWT_SECRET".into(), SECRET.into());
    variables.insert("HASH_SLOTS".into(), "2".into());
    (variables, store)
}

async fn login() -> (Service, Sqlite) {
    let (variables, store) = variables().await;
    (Service::start("login", variables), store)
}

fn request(path: &str, (email, password): (&str, &str), headers: &str) -> String {
    let credentials = format!("Authorization: {}\r\n{headers}", basic(email, password));
    head(&format!("POST {path}"), &credentials)
}

/// How long 99 of 100 logins take at most, one after the other, each on its own connection.
fn p99(address: SocketAddr, path: &str) -> Duration {
    let request = request(path, USER, "Connection: close\r\n");
    let mut times: Vec<Duration> = (0..LOGINS)
        .map(|_| {
            let since = Instant::now();
            let mut connection = Connection::open(address).expect("it listens");
            let answer = connection.exchange(&request).expect("an answer");
            assert_eq!(answer.status, 200, "{answer:?}");
            since.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[LOGINS * 99 / 100 - 1]
}

/// Sends 200 heads whose bodies never come, 20 in a second, and keeps their connections.
fn send_unfinished(address: SocketAddr, path: &str) -> Vec<Connection> {
    let request = request(path, ("other@example.com", "x"), "Content-Length: 100\r\n");
    let since = Instant::now();
    let send = |number| {
        thread::sleep((DISTANCE * number).saturating_sub(since.elapsed()));
        let mut connection = Connection::open(address).expect("it listens");
        connection.send(&request).expect("a connection");
        connection
    };
    (0..UNFINISHED).map(send).collect()
}

/// The connections of the unfinished ones.
fn assert_logins_do_not_wait(door: &str, address: SocketAddr, path: &str) -> Vec<Connection> {
    let alone = p99(address, path);
    let (beside, unfinished) = thread::scope(|scope| {
        let unfinished = scope.spawn(|| send_unfinished(address, path));
        thread::sleep(4 * DISTANCE);
        (p99(address, path), unfinished.join().expect("all are sent"))
    });
    println!("{door}: 99 % of logins within {alone:?} alone, {beside:?} beside unfinished bodies");
    // On a busy machine one of a hundred takes this long without any reason.
    let noise = Duration::from_millis(100);
    assert!(beside <= 2 * alone.max(noise), "{alone:?} alone, {beside:?} beside them");
    unfinished
}

fn assert_all_are_answered(unfinished: Vec<Connection>) {
    for mut connection in unfinished {
        let answer = connection.answer().expect("an answer");
        assert!([401, 429].contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test]
async fn a_login_does_not_wait_for_the_bodies_of_others() {
    let (login, _folder) = login().await;
    assert_all_are_answered(assert_logins_do_not_wait("direct", raw::address(&login), "/login"));
}

/// Lambda has no body to wait for: it invokes a function once a request is whole.
#[tokio::test]
#[ignore = "needs cargo-lambda: make test"]
async fn a_login_on_lambda_does_not_wait_for_the_bodies_of_others() {
    let (variables, _folder) = variables().await;
    let login = LambdaProcess::start("login", "1", variables);
    assert_logins_do_not_wait("Lambda", login.address, &login.path("/login"));
}

/// Where the revision template asks for it, as ours do: `k8s-knative/base`.
#[tokio::test]
#[ignore = "needs Caddy: make test"]
async fn a_login_behind_queue_proxy_does_not_wait_for_the_bodies_of_others() {
    let (login, _store) = login().await;
    let start = |folder: &TempDir, full_duplex: &str| {
        let port = wait::free_port();
        let places = [
            ("enable_full_duplex", full_duplex.to_owned()),
            ("8000", port.to_string()),
            ("8081", raw::address(&login).port().to_string()),
        ];
        Gateway::start(Program::Caddy, "tests/data/queue-proxy", folder.path(), &places, port)
    };
    let folders = [(); 2].map(|()| scratch::directory());
    let gateway = start(&folders[0], "enable_full_duplex");
    let unfinished = assert_logins_do_not_wait("queue-proxy", gateway.address(), "/login");
    assert_all_are_answered(unfinished);

    let gateway = start(&folders[1], "");
    let mut connection = Connection::open(gateway.address()).expect("it listens");
    connection.send(request("/login", USER, "Content-Length: 100\r\n")).expect("a connection");
    assert!(connection.is_silent(Duration::from_secs(2)), "full duplex is not needed any more");
}
