//! The shutdown of a function over HTTP: every accepted request is answered.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    Connection, Service, Sqlite, basic, environment, head, token, traffic, wait, with,
};

/// Each round has its own process; some run concurrently.
const ROUNDS: usize = 12;
const CONCURRENT_ROUNDS: usize = 4;
const SECOND: Duration = Duration::from_secs(1);

fn login_request(email: &str) -> String {
    head("POST /login", &format!("Authorization: {}\r\n", basic(email, "x")))
}

#[test]
fn no_request_is_lost_when_the_function_ends_under_500_requests_a_second() {
    let bearer = format!("Authorization: Bearer {}\r\n", token("ada@example.com", false));
    let request = &head("GET /validate", &bearer);
    let round = || {
        let variables = environment(&[("DRAIN_SECONDS", "1"), ("RUST_LOG", "warn")]);
        let mut validate = Service::start("validate", variables);
        let port = validate.port;
        thread::scope(|scope| {
            let sent = scope.spawn(|| traffic::send_until_refused(port, request));
            thread::sleep(SECOND / 4);
            let status = validate.process.terminate(10 * SECOND);
            assert!(status.success(), "{status}");
            sent.join().expect("a client")
        })
    };
    let rounds = || (0..ROUNDS / CONCURRENT_ROUNDS).map(|_| round()).collect::<Vec<_>>();
    let counts = thread::scope(|scope| {
        let rounds = [(); CONCURRENT_ROUNDS].map(|()| scope.spawn(rounds));
        rounds.map(|rounds| rounds.join().expect("each round ends well")).concat()
    });
    let total = |count: fn(&(usize, usize)) -> usize| counts.iter().map(count).sum::<usize>();
    let (answered, lost) = (total(|it| it.0), total(|it| it.1));
    println!("{answered} answered, {lost} lost in {ROUNDS} rounds");
    // Linux cannot accept the last connection and close the listener in one step, and resets a
    // client that connects in between: about one in twelve runs of this test. Without draining,
    // every round would lose some.
    assert!(lost <= 2, "{lost} lost");
    assert!(answered > ROUNDS * 300, "{answered} answered");
}

#[test]
fn while_draining_readiness_is_503_and_each_answer_closes_its_connection_and_is_counted() {
    let mut validate =
        Service::start_with_metrics("validate", environment(&[("DRAIN_SECONDS", "1")]));
    let mut kept = Connection::to(&validate);
    let request = head("POST /validate", "");
    let answer = kept.exchange(&request).expect("an answer");
    assert_eq!((answer.status, answer.is_last()), (401, false), "{answer:?}");
    validate.process.signal_terminate();
    let since = Instant::now();
    wait::until("draining", SECOND, || {
        (validate.request("GET", "/readyz").send().status == 503).then_some(())
    });
    for mut connection in [kept, Connection::to(&validate)] {
        let answer = connection.exchange(&request).expect("an answer");
        assert_eq!((answer.status, answer.is_last()), (401, true), "{answer:?}");
        assert!(connection.time_to_close() < SECOND);
    }
    let counted = validate.value("validate_total{outcome=\"authn_credentials_missing\"}");
    assert_eq!(counted, Some(3.0), "metrics are served while draining");
    assert_eq!(validate.request("GET", "/healthz").send().status, 200);
    let status = validate.process.wait(10 * SECOND);
    assert!(status.success() && since.elapsed() > SECOND * 9 / 10, "{:?}", since.elapsed());
}

#[test]
fn running_requests_are_finished_and_idle_connections_do_not_delay_the_end() {
    // A database that accepts connections and never sends anything: a login takes seconds.
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("mysql://u:x@{}/auth", silent.local_addr().expect("an address"));
    let mut login = Service::start("login", environment(&[("DATABASE_URL", &url)]));
    let [mut connection, mut idle] = [(); 2].map(|()| Connection::to(&login));
    assert_eq!(idle.exchange(head("POST /", "")).expect("an answer").status, 401);
    let since = Instant::now();
    connection.send(login_request("ada@example.com")).expect("a connection");
    assert!(connection.is_silent(SECOND / 2), "the login waits for the database");
    login.process.signal_terminate();
    let answer = connection.answer().expect("an answer");
    assert_eq!((answer.status, answer.is_last()), (503, true), "{answer:?}");
    assert!(since.elapsed() < SECOND * 13 / 2, "{:?}", since.elapsed());
    assert!(login.process.wait(3 * SECOND).success());
}

/// It waits neither for the end of draining nor for a hash, whose thread cannot be stopped.
#[tokio::test]
async fn a_second_sigterm_ends_a_function_at_once() {
    let store = Sqlite::with(&[]).await;
    let costly = [("ARGON2_MEMORY_KIB", "131072"), ("ARGON2_ITERATIONS", "4")];
    let variables = with(store.variables(), &[("DRAIN_SECONDS", "20")]);
    let mut login = Service::start("login", with(variables, &costly));
    let mut logins: Vec<_> = (0..12).map(|_| Connection::to(&login)).collect();
    for (number, connection) in logins.iter_mut().enumerate() {
        let request = login_request(&format!("{number}@example.com"));
        connection.send(request).expect("a connection");
    }
    // After the first answer, other hashes are being computed or wait.
    assert_eq!(logins[0].answer().expect("an answer").status, 401);
    login.process.signal_terminate();
    wait::until("the first signal", SECOND, || login.log().contains("draining").then_some(()));
    let since = Instant::now();
    let status = login.process.terminate(3 * SECOND);
    assert!(status.success() && since.elapsed() < SECOND, "{status} after {:?}", since.elapsed());
    assert!(login.log().contains("ended at once by another signal"), "{}", login.log());
}
