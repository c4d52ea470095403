//! Bodies that are announced and never sent, and what they cost the logins of others.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    contract::USER,
    gateway::Gateway,
    http::basic,
    raw::{self, Connection, head},
    service::Service,
    stores::Sqlite,
    wait, with,
};

const UNFINISHED: u32 = 60;
const DISTANCE: Duration = Duration::from_millis(50);
const LOGINS: usize = 100;

fn request((email, password): (&str, &str), headers: &str) -> String {
    head("POST /login", &format!("Authorization: {}\r\n{headers}", basic(email, password)))
}

/// How long 99 of 100 logins take at most, one after the other, each on its own connection.
fn p99(address: SocketAddr) -> Duration {
    let request = request(USER, "Connection: close\r\n");
    let login = |_| {
        let since = Instant::now();
        let mut connection = Connection::open(address).expect("it listens");
        let answer = connection.exchange(&request).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        since.elapsed()
    };
    let mut times: Vec<Duration> = (0..LOGINS).map(login).collect();
    times.sort_unstable();
    times[LOGINS * 99 / 100 - 1]
}

/// Sends 60 heads whose bodies never come, 20 in a second, and keeps their connections.
fn send_unfinished(address: SocketAddr) -> Vec<Connection> {
    let request = request(("other@example.com", "x"), "Content-Length: 100\r\n");
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
fn assert_logins_do_not_wait(way: &str, address: SocketAddr) -> Vec<Connection> {
    let alone = p99(address);
    let (beside, unfinished) = thread::scope(|scope| {
        let unfinished = scope.spawn(|| send_unfinished(address));
        thread::sleep(4 * DISTANCE);
        (p99(address), unfinished.join().expect("all are sent"))
    });
    println!("{way}: 99 % of logins within {alone:?} alone, {beside:?} beside unfinished bodies");
    // On a busy machine one of a hundred takes this long without any reason.
    let noise = Duration::from_millis(100);
    assert!(beside <= 2 * alone.max(noise), "{way}: {alone:?} alone, {beside:?} beside them");
    unfinished
}

/// Directly, and behind queue-proxy where the revision template asks for full duplex, as ours do:
/// `k8s-knative/base`. Lambda has no body to wait for: it invokes a function once a request is whole.
#[tokio::test]
#[ignore = "needs Caddy: make test"]
async fn a_login_does_not_wait_for_the_bodies_of_others() {
    let store = Sqlite::of_contract().await;
    let login = Service::start("login", with(store.variables(), &[("HASH_SLOTS", "2")]));
    let address = raw::address(&login);
    let behind = |full_duplex: &str| {
        let port = wait::free_port();
        let replacements = [
            ("enable_full_duplex", full_duplex.to_owned()),
            ("8000", port.to_string()),
            ("8081", address.port().to_string()),
        ];
        Gateway::start("caddy", "tests/data/queue-proxy", &replacements, port)
    };
    let gateway = behind("enable_full_duplex");
    for (way, address) in [("direct", address), ("queue-proxy", gateway.address())] {
        for mut connection in assert_logins_do_not_wait(way, address) {
            let answer = connection.answer().expect("an answer");
            assert!([401, 429].contains(&answer.status), "{answer:?}");
        }
    }
    let gateway = behind("");
    let mut connection = Connection::open(gateway.address()).expect("it listens");
    connection.send(request(USER, "Content-Length: 100\r\n")).expect("a connection");
    assert!(connection.is_silent(Duration::from_secs(2)), "full duplex is not needed any more");
}
